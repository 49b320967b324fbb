"""What was pushed is true until its `ttl`: a longer one, or a mended file, makes it true again, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.api import Check, Duration, PushedCheck
from agent.config.settings import CheckConfig, Maintenance, Place
from agent.engine.self_check import BROKEN
from agent.model import Count, FailAfter, Outcome, Policy, Pushed, Result, RunStarted, Silence, Status
from tests.engine.step_by_step import Agent, Api, World

TTL = 3600.0
PLAIN = Policy(flapping=None)
TWICE = Policy(FailAfter(critical=Count(2)), recover_after=2, flapping=None)


def pushed(ttl: float = TTL, policy: Policy = PLAIN) -> CheckConfig:
    settings = PushedCheck(ttl=Duration(ttl), max_run=Duration(60.0))
    return CheckConfig("backup", "pushed", settings, Place("a.yaml"), policy=policy)


class House:
    """An agent that is reloaded, or killed and begun again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lives = folder, 0
        self.world = World()
        self.world.checks = {"backup": pushed()}
        self.agent = Agent(folder / "0", self.world, Api())

    def push(self, status: Status, subject: str = "") -> None:
        result = Result(status, f"it is {status}", subject)
        self.agent.takes(Outcome("backup", 0, self.world.wall, 0.0, (result,), complete=False, pushed=Pushed.LIVE))

    def passes(self, seconds: float) -> None:
        self.world.passes(round(seconds * 1000))
        self.agent.looks()

    def reload(self) -> None:
        self.agent.takes(self.world.orders())

    def restart(self) -> None:
        self.lives += 1
        folder = self.folder / str(self.lives)
        self.agent.killed(folder)
        self.agent = Agent(folder, self.world, Api())

    def told(self, subject: str = "") -> list[str]:
        return [event.status for event in self.agent.events() if event.subject == subject]

    def shown(self, subject: str = "") -> tuple[str, int]:
        """What `status` says of the last result, and how many seconds ago it was."""
        (run,) = [run for run in self.agent.store.last_runs() if run.subject == subject]
        assert (run.duration, run.next_at) == (0.0, 0), "nothing is run"
        return run.result.summary, round((self.world.wall - run.at) / 1000)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.agent.store.close()


both_ways = pytest.mark.parametrize("anew", [House.reload, House.restart])


@both_ways
@pytest.mark.parametrize("status", [Status.OK, Status.CRITICAL])
@pytest.mark.parametrize("subject", ["", "/a"])
def test_a_longer_ttl_makes_the_last_result_true_again(
    house: House, anew: Callable[[House], None], status: Status, subject: str
) -> None:
    house.push(status, subject)
    house.passes(TTL)
    before = [] if status is Status.OK else ["critical"]
    assert house.told(subject) == [*before, "nodata"]
    house.world.checks = {"backup": pushed(3 * TTL)}
    anew(house)
    house.passes(1)
    assert house.told(subject) == [*before, "nodata", str(status)]
    assert house.shown(subject) == (f"it is {status}", TTL + 1)
    house.restart()
    house.passes(2 * TTL - 2)
    assert len(house.told(subject)) == len(before) + 2
    house.passes(1)
    assert house.told(subject)[-1] == "nodata", "and it is missed once more when the longer one is over"


@both_ways
@pytest.mark.parametrize("ttl", [TTL / 2, TTL, TTL + 59])
def test_what_is_missed_by_the_new_ttl_as_well_stays_so(
    house: House, anew: Callable[[House], None], ttl: float
) -> None:
    house.push(Status.OK)
    house.passes(TTL)
    house.passes(60)
    house.world.checks = {"backup": pushed(ttl)}
    anew(house)
    house.passes(60)
    assert house.told() == ["nodata"]
    assert house.shown()[0].startswith("no result for 1h")


@both_ways
def test_a_count_needs_further_results_still(house: House, anew: Callable[[House], None]) -> None:
    house.world.checks = {"backup": pushed(policy=TWICE)}
    house.reload()
    house.push(Status.CRITICAL)
    house.passes(TTL)
    house.world.checks = {"backup": pushed(3 * TTL, TWICE)}
    anew(house)
    house.passes(1)
    assert house.told() == ["nodata"]
    house.push(Status.CRITICAL)
    assert house.told() == ["nodata", "critical"]


@both_ways
def test_a_run_that_died_is_not_forgotten_for_what_came_before_it(house: House, anew: Callable[[House], None]) -> None:
    house.push(Status.OK)
    house.passes(1)
    house.agent.takes(RunStarted("backup", "", 2**31 - 1, house.world.wall))
    house.passes(60)
    assert house.told() == ["critical"]
    house.passes(TTL - 61)
    house.world.checks = {"backup": pushed(3 * TTL)}
    anew(house)
    house.passes(1)
    assert house.told() == ["critical", "nodata", "critical"]


@pytest.mark.parametrize("selector", ["backup", "backup:/a"])
def test_under_a_silence_it_is_told_once_that_is_over(house: House, selector: str) -> None:
    house.push(Status.OK, "/a")
    house.passes(TTL)
    house.world.silences = (Silence(selector, 0, house.world.wall + 60_000),)
    house.world.checks = {"backup": pushed(3 * TTL)}
    house.reload()
    house.passes(1)
    assert house.told("/a") == ["nodata"]
    house.passes(60)
    assert house.told("/a") == ["nodata", "ok"]


def test_in_a_window_it_is_told_once_that_is_over(house: House) -> None:
    house.push(Status.OK)
    house.passes(TTL)
    always = Maintenance("* * * * *", 3600, "UTC")
    house.world.checks = {"backup": msgspec.structs.replace(pushed(3 * TTL), maintenance=(always,))}
    house.reload()
    house.passes(1)
    assert house.told() == ["nodata"]
    house.world.checks = {"backup": pushed(3 * TTL)}
    house.reload()
    house.passes(1)
    assert house.told() == ["nodata", "ok"]


def test_of_who_never_pushed_nothing_is_true(house: House) -> None:
    house.passes(TTL)
    house.restart()
    house.passes(TTL)
    house.world.checks = {"backup": pushed(9 * TTL)}
    house.reload()
    house.passes(1)
    assert house.told() == ["nodata"]


@pytest.mark.parametrize(("away", "last"), [(60.0, "ok"), (TTL, "nodata")])
def test_a_check_that_was_written_wrong_is_what_it_was_once_it_is_mended(house: House, away: float, last: str) -> None:
    house.push(Status.OK)
    house.world.checks = {"backup": CheckConfig("backup", BROKEN, Check(), Place("a.yaml"), interval=0.0)}
    house.restart()
    house.agent.takes(Outcome("backup", 0, house.world.wall, 0.0, (Result(Status.NODATA, "wrong"),), complete=False))
    assert house.told() == ["nodata"]
    house.passes(away)
    house.world.checks = {"backup": pushed()}
    house.reload()
    house.passes(10)
    assert house.told()[1:] == ["ok"] * (last == "ok")


def unread(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restart with a file that cannot be read, which may hold the check."""
    orders = World.orders

    def without(world: World) -> Any:
        return msgspec.structs.replace(orders(world), checks={}, retire=False)

    monkeypatch.setattr(World, "orders", without)
    house.restart()
    monkeypatch.undo()


def test_what_was_awaited_before_a_start_with_an_unreadable_file_is_awaited_once_it_is_mended(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.push(Status.OK, "/a")
    unread(house, monkeypatch)
    house.passes(TTL - 60)
    house.reload()
    house.passes(59)
    assert (house.told("/a"), house.told()) == ([], [])
    house.passes(1)
    assert (house.told("/a"), house.told()) == (["nodata"], [])


def test_what_was_held_back_before_a_start_with_an_unreadable_file_is_told_once_it_is_mended(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.world.silences = (Silence("backup", 0, house.world.wall + 60_000),)
    house.push(Status.CRITICAL)
    unread(house, monkeypatch)
    house.passes(60)
    assert house.told() == []
    house.reload()
    house.passes(1)
    assert house.told() == ["critical"]
