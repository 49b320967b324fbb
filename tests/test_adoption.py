"""The store is brought in line with the configured destinations: when, with what, and who is told of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.api import Check
from agent.config.destinations import TERMINAL
from agent.config.settings import CheckConfig, Place
from agent.engine.destinations import Plan, Targets
from agent.engine.notifications import Sender, of_standing
from agent.engine.recorder.adoption import RETRY_SECONDS, Adoption
from agent.engine.recorder.commands import RecorderConfig
from agent.model import Destination, EventStatus, Notification, Result, State, Status
from agent.store import Change, LastRun, Store, StoreError
from tests.deliveries import HOST, NOW

WEB = CheckConfig("web", "http", Check(), Place("a.yaml"), tags={"team": "shop"})
STANDING = State(
    "web",
    "/cart",
    decided=Status.CRITICAL,
    notified=EventStatus.CRITICAL,
    incident="i1",
    incident_since=NOW,
    incident_host="old-name",
    type="http",
)
OTHER = msgspec.structs.replace(STANDING, check="gone", subject="", incident="i2", incident_host="", type="tcp")
RESULT = Result(Status.CRITICAL, "HTTP 500", "/cart")
OPS, EVENTS = Destination("ops", "ops"), Destination("events", "events")


class House:
    """An adoption beside a store, its clock, and what was heard of it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(folder)
        self.store.record([Change(STANDING), Change(OTHER)])
        self.store.note([LastRun("web", "/cart", RESULT, NOW, 0.5, 0)])
        self.now = 100.0
        self.told = 0
        self.adopted: list[tuple[Plan, dict[str, int]]] = []
        self.asked: list[tuple[State, Result, CheckConfig, str]] = []
        self.adoption = Adoption(self.store, self.hear, lambda: NOW, lambda: self.now)

    def hear(self) -> None:
        self.told += 1

    def standing(self, state: State, result: Result, check: CheckConfig, to: Destination) -> Notification:
        self.asked.append((state, result, check, to.name))
        return of_standing(state, result, check, Sender(HOST, {}), to.name, NOW)

    def configure(self, *wanted: Destination, readable: bool = True, **more: Any) -> None:
        config = RecorderConfig(
            {"web": WEB},
            None,  # type: ignore[arg-type]
            None,  # type: ignore[arg-type]
            targets=Targets(wanted, readable),
            **{"compose_standing": self.standing, "on_adoption": lambda *said: self.adopted.append(said), **more},
        )
        self.adoption.configure(config)

    def take_over(self) -> None:
        self.adoption.take_over(self.store.states())

    def pending(self) -> list[tuple[str, str]]:
        return [(one.destination, one.check) for one in self.store.history.pending()]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.store.close()


def test_nothing_is_taken_over_before_there_is_a_configuration_and_each_once(house: House) -> None:
    assert house.adoption.next_try == float("inf")
    house.take_over()
    assert (house.told, house.adopted) == (0, [])
    house.configure(OPS)
    assert house.adoption.next_try <= house.now
    house.take_over()
    house.take_over()
    assert house.told == 1
    assert house.adopted == [(Plan((OPS,)), {})]
    assert house.adoption.next_try == float("inf")
    assert house.store.history.destinations() == [OPS]


def test_who_is_new_is_told_each_problem_that_stands_as_it_is_known(house: House) -> None:
    house.configure(OPS)
    house.take_over()
    assert sorted(house.pending()) == [("ops", "gone"), ("ops", "web")]
    assert sorted(house.asked, key=lambda asked: asked[0].check) == [
        (OTHER, Result(Status.CRITICAL, ""), CheckConfig("gone", "tcp", Check(), Place("")), "ops"),
        (STANDING, RESULT, WEB, "ops"),
    ]
    by_check = {one.check: msgspec.json.decode(one.facts or b"") for one in house.store.history.pending()}
    assert by_check["web"]["host"] == {**HOST, "host": "old-name"}, "as the incident began"


def test_of_what_was_never_believed_nothing_is_known_but_that(house: House) -> None:
    odd = msgspec.structs.replace(OTHER, decided=None, subject="x")
    house.configure(OPS)
    house.adoption.take_over([odd])
    assert [result for _, result, _, _ in house.asked] == [Result(Status.NODATA, "", "x")]


@pytest.mark.parametrize(
    ("only", "checks"), [("team=shop", ["web"]), ("env=prod", ["web"]), ("team=ops", []), ("gone", ["gone"])]
)
def test_who_asks_for_some_is_told_those(house: House, only: str, checks: list[str]) -> None:
    house.configure(Destination("ops", "ops", only), tags={"env": "prod", "team": "ops"})
    house.take_over()
    assert [check for _, check in house.pending()] == checks


def test_who_knows_is_not_told_again_unless_he_forgot(house: House) -> None:
    house.configure(OPS)
    house.take_over()
    house.configure(OPS, EVENTS)
    house.take_over()
    assert len(house.pending()) == 4
    assert house.told == 2
    house.store.forget_told("ops", NOW)
    house.take_over()
    assert house.told == 2, "nobody asked for it"
    house.adoption.again()
    assert house.adoption.next_try == 0.0
    house.take_over()
    assert house.told == 3


def test_without_a_way_to_word_it_nothing_that_stands_is_told(house: House) -> None:
    house.configure(OPS, compose_standing=None)
    house.take_over()
    assert house.pending() == []
    assert house.told == 1


def test_who_is_removed_is_told_no_more_and_what_waited_is_counted(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.configure(OPS, on_adoption=None)
    house.take_over()
    house.configure(EVENTS)
    house.take_over()
    assert house.adopted == [(Plan((EVENTS,), (), ("ops",)), {"ops": 2})]
    assert [destination for destination, _ in house.pending()] == ["events"] * 2
    assert [record.getMessage() for record in caplog.records] == [
        "the destination ops was removed: 2 notifications were never told to it"
    ]


def test_the_terminal_is_told_only_where_none_was_ever_configured(house: House) -> None:
    house.configure()
    house.take_over()
    assert house.adopted[0][0].destinations == (Destination(TERMINAL, TERMINAL),)
    house.configure(OPS)
    house.take_over()
    assert house.adopted[1][0] == Plan((OPS,), (), (TERMINAL,))
    house.configure()
    house.take_over()
    assert house.adopted[2][0] == Plan((), (), ("ops",))


def test_while_nothing_can_be_written_it_is_tried_every_few_seconds(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> dict[str, int]:
        raise StoreError("the disk is full")

    house.configure(OPS)
    with monkeypatch.context() as patched:
        patched.setattr(house.store, "adopt", full)
        house.take_over()
        assert house.adoption.next_try == 100.0 + RETRY_SECONDS
    assert house.told == 0
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
        "the destinations cannot be taken over yet: the disk is full"
    ]
    house.now += RETRY_SECONDS - 0.1
    house.take_over()
    assert house.told == 0
    house.now = 100.0 + RETRY_SECONDS
    house.take_over()
    assert house.told == 1


def test_a_database_that_was_begun_anew_is_taken_over_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.configure(OPS)
    house.take_over()
    monkeypatch.setattr(house.store, "was_replaced", lambda: True)
    house.take_over()
    assert house.told == 2
