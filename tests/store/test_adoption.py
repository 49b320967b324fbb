"""The store is brought in line with the configured destinations: when, with what, and who is told of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.api import Check
from agent.config.sections.destination import TERMINAL
from agent.config.settings import CheckConfig, Place
from agent.engine.destinations import Plan, Targets, selects
from agent.engine.notifications import Sender, of_standing
from agent.engine.recorder.adoption import RETRY_SECONDS, Adoption
from agent.engine.recorder.commands import RecorderConfig
from agent.model import Destination, EventStatus, Notification, Result, State, Status
from agent.plugin.clock import Clocks
from agent.store import Change, LastRun, Store, StoreError, notification
from tests.delivery.deliveries import HOST, NOW

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
        self.store = Store.open(folder, selects=selects)
        self.store.record([Change(STANDING), Change(OTHER)])
        self.store.note([LastRun("web", "/cart", RESULT, NOW, 0.5, 0)])
        self.now = 100.0
        self.told = 0
        self.adopted: list[tuple[Plan, dict[str, int]]] = []
        self.asked: list[tuple[State, Result, CheckConfig, str]] = []
        self.adoption = Adoption(self.store, self.hear, Clocks(lambda: NOW, lambda: self.now))

    def hear(self) -> None:
        self.told += 1

    def standing(self, state: State, result: Result, check: CheckConfig, to: Destination) -> Notification:
        self.asked.append((state, result, check, to.name))
        return of_standing(state, result, check, Sender(HOST, {}), to.name, NOW + round(self.now))

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


# --- who goes and comes back ------------------------------------------------------------------------------------------


def ends(house: House, state: State = STANDING) -> None:
    """The problem ends; the store hears of it as from the recorder."""
    ok = msgspec.structs.replace(state, decided=Status.OK, notified=EventStatus.OK, incident="", incident_since=0)
    told = Notification(
        f"end of {state.incident}",
        state.check,
        state.subject,
        EventStatus.OK,
        NOW + 5000,
        previous=state.notified,
        incident=state.incident,
        incident_since=state.incident_since,
    )
    house.store.record([Change(ok, told)])


def deliver(house: House, destination: str) -> list[tuple[str, str]]:
    """Deliver all that waits for it; return what that was, in order."""
    waiting = house.store.history.pending(destination)
    for one in waiting:
        house.store.outbox(destination).mark_delivered(one.seq, "", NOW)
    return [(one.check, one.status) for one in waiting]


def adopt(house: House, *wanted: Destination) -> None:
    house.now += 1.0
    house.configure(*wanted)
    house.take_over()


ELSEWHERE = Destination("ops", "another address")


@pytest.mark.parametrize("meanwhile", [(), (ELSEWHERE,)])
def test_who_comes_back_is_told_what_ended_meanwhile_and_not_again_what_stands(
    house: House, meanwhile: tuple[Destination, ...]
) -> None:
    adopt(house, OPS)
    assert sorted(deliver(house, "ops")) == [("gone", "critical"), ("web", "critical")]
    adopt(house, *meanwhile)
    ends(house)
    deliver(house, "ops")
    adopt(house, OPS)
    assert deliver(house, "ops") == [("web", "ok")]
    adopt(house, OPS)
    assert deliver(house, "ops") == [], "once"


def test_who_never_heard_of_a_problem_does_not_hear_its_end_when_he_comes_back(house: House) -> None:
    adopt(house, OPS)
    adopt(house)
    ends(house)
    adopt(house, OPS)
    assert deliver(house, "ops") == [("gone", "critical")]


def test_an_end_that_waited_when_he_went_is_told_when_he_comes_back(house: House) -> None:
    adopt(house, OPS)
    deliver(house, "ops")
    ends(house)
    adopt(house)
    adopt(house, OPS)
    assert deliver(house, "ops") == [("web", "ok")]


def test_who_comes_back_is_told_what_got_worse_and_after_an_end_what_began(house: House) -> None:
    adopt(house, OPS)
    deliver(house, "ops")
    adopt(house)
    ends(house)
    worse = msgspec.structs.replace(OTHER, notified=EventStatus.NODATA)
    house.store.record([Change(msgspec.structs.replace(STANDING, incident="i3")), Change(worse)])
    adopt(house, OPS)
    assert sorted(deliver(house, "ops"), key=lambda told: told[0]) == [
        ("gone", "nodata"),
        ("web", "ok"),
        ("web", "critical"),
    ]


@pytest.mark.parametrize("only", ["db", "team=ops"])
def test_who_heard_of_a_problem_hears_its_end_though_he_asks_for_others_by_now(house: House, only: str) -> None:
    adopt(house, OPS)
    deliver(house, "ops")
    adopt(house, Destination("ops", "ops", only), EVENTS)
    deliver(house, "events")
    ends(house)
    assert (deliver(house, "ops"), deliver(house, "events")) == ([("web", "ok")], [("web", "ok")])
    house.store.record(
        [Change(STANDING, Notification("new", "web", "/cart", EventStatus.CRITICAL, NOW, incident="i4"))]
    )
    assert deliver(house, "ops") == []


def test_what_is_of_no_use_to_who_may_come_back_is_forgotten(house: House) -> None:
    adopt(house, OPS)
    deliver(house, "ops")
    adopt(house)
    house.store.record([], forgotten=[("web", None)])
    adopt(house)
    rows = house.store._db.rows("SELECT check_name FROM known_problems")
    assert rows == [("gone",)], "nothing tells of an end of the other"


def test_facts_that_cannot_be_read_keep_nobody_from_coming_back(house: House) -> None:
    adopt(house, OPS)
    deliver(house, "ops")
    adopt(house)
    ends(house)
    with house.store._db.transaction() as db:
        db.execute("UPDATE notifications SET facts = ?", (b"\xff{",))
    adopt(house, OPS)
    assert deliver(house, "ops") == []


def test_who_goes_before_he_hears_what_waits_knows_what_he_knew_before_it(house: House) -> None:
    adopt(house, OPS)
    deliver(house, "ops")
    house.store.record([Change(msgspec.structs.replace(STANDING, notified=EventStatus.WARNING))])
    adopt(house, OPS)
    assert [one.status for one in house.store.history.pending("ops")] == ["warning"]
    adopt(house)
    ends(house)
    adopt(house, OPS)
    assert deliver(house, "ops") == [("web", "ok")]


def test_what_waited_for_another_at_the_same_name_is_not_known_to_who_goes_before_he_hears_it(house: House) -> None:
    adopt(house, OPS)
    deliver(house, "ops")
    worse = Notification(
        "worse", "web", "/cart", EventStatus.WARNING, NOW + 9, previous=EventStatus.CRITICAL, incident="i1"
    )
    house.store.record([Change(msgspec.structs.replace(STANDING, notified=EventStatus.WARNING), worse)])
    adopt(house, ELSEWHERE)
    adopt(house)
    ends(house)
    adopt(house, ELSEWHERE)
    assert deliver(house, "ops") == [("gone", "critical")]
    adopt(house, OPS)
    assert deliver(house, "ops") == [("web", "ok")]


def changes(house: House, status: EventStatus, previous: EventStatus) -> None:
    told = Notification(f"{status}", "web", "/cart", status, NOW + 9, previous=previous, incident="i1")
    house.store.record([Change(msgspec.structs.replace(STANDING, notified=status), told)])


@pytest.mark.parametrize("got_better", [False, True])
def test_what_waits_for_another_at_the_same_name_is_not_told_to_who_knows_it(house: House, got_better: bool) -> None:
    adopt(house, OPS)
    deliver(house, "ops")
    adopt(house, ELSEWHERE)
    assert [one.check for one in house.store.history.pending("ops")] == ["gone", "web"]
    if got_better:
        changes(house, EventStatus.WARNING, EventStatus.CRITICAL)
        deliver(house, "ops")
        changes(house, EventStatus.CRITICAL, EventStatus.WARNING)
    adopt(house, OPS)
    assert deliver(house, "ops") == []
    ends(house)
    assert deliver(house, "ops") == [("web", "ok")]


@pytest.mark.parametrize("meanwhile", [(), (Destination("ops", "ops", "db"),)])
def test_an_end_says_what_was_told_before_to_who_did_not_hear_all(
    house: House, meanwhile: tuple[Destination, ...]
) -> None:
    adopt(house, OPS)
    deliver(house, "ops")
    adopt(house, EVENTS, *meanwhile)
    changes(house, EventStatus.WARNING, EventStatus.CRITICAL)
    ends(house, msgspec.structs.replace(STANDING, notified=EventStatus.WARNING))
    adopt(house, EVENTS, OPS)
    facts = {one.destination: notification(one) for one in house.store.history.pending() if one.status == "ok"}
    told = {name: (one.previous, one.incident, one.since) for name, one in facts.items() if one}
    assert told == {"events": ("warning", "i1", 0), "ops": ("critical", "i1", NOW + 101)}
