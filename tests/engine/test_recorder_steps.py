"""The steps of the recorder, one after the other: on a store that only notes what it is given."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any, cast

import pytest

from agent.api import Duration, PushedCheck
from agent.config.settings import CheckConfig, Place
from agent.engine.notifications import Sender, of_change
from agent.engine.recorder.commands import Acknowledge, RecorderConfig, Restate, WatchdogPing
from agent.engine.recorder.recorder import BATCH, STOP_SECONDS, Recorder
from agent.engine.suppression.reasons import Suppression
from agent.model import Destination, Outcome, Pushed, Reason, Result, RunStarted, State, Status
from agent.store import Change, LastRun, Store, StoreError
from tests.engine.deciding import NOW, bad, ok, run_by_agent


class Notes:
    """Stands in for the store, and for its history."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.runs: list[LastRun] = []
        self.memory: dict[str, Any] = {}
        self.adoptions = 0
        self.full = False
        self.history = self

    def states(self) -> list[State]:
        return [State("old", "/x", type="http", decided=Status.OK)]

    def last_runs(self) -> list[LastRun]:
        return [LastRun("held", "", bad(), NOW - 9000, 1.0, 0)]

    def memories(self) -> dict[str, Any]:
        return {"backup": {"since": 5, "last": {"/a": NOW - 1000}}}

    def last_ran(self) -> dict[str, int]:
        return {}

    def was_replaced(self) -> bool:
        return False

    def destinations(self) -> list[Destination]:
        return []

    def ever_configured(self, but: str) -> bool:
        return False

    def adopt(self, *plan: object) -> dict[str, int]:
        self.adoptions += 1
        return {}

    def record(self, changes: Sequence[Change], memories: Any = None, forgotten: Any = ()) -> None:
        if self.full:
            raise StoreError("full")
        self.changes += changes
        self.memory |= memories or {}

    def note(self, runs: Sequence[LastRun], memories: Any) -> None:
        self.runs += runs
        self.memory |= memories

    def keep_fact(self, name: str, value: str) -> None:
        pass


class Held(Suppression, frozen=True):
    """What suppresses, and some more."""

    more: tuple[Reason, ...] = ()

    def reasons(self, check: CheckConfig, subject: str, began: int, now: int) -> tuple[Reason, ...]:
        return (*super().reasons(check, subject, began, now), *self.more)


class House:
    """A recorder with its clocks."""

    def __init__(self, *checks: CheckConfig) -> None:
        self.notes = Notes()
        self.now, self.wall = 1000.0, NOW
        self.reasons: tuple[Reason, ...] = ()
        self.told = 0
        self.retries: list[tuple[str, float]] = []
        self.recorder = Recorder(
            cast(Store, self.notes),
            self.config(*checks),
            self.hear,
            lambda check, seconds: self.retries.append((check, seconds)),
            lambda check: 77,
            lambda: self.wall,
            lambda: self.now,
            rest=0.0,
        )

    def hear(self) -> None:
        self.told += 1

    def config(self, *checks: CheckConfig) -> RecorderConfig:
        return RecorderConfig(
            {check.name: check for check in checks},
            lambda report, step, config: of_change(report, step.result, config, Sender({"host": "here"}, {}), step.at),
            lambda states: cast(Suppression, Held({}, (), (), lambda window, at: 0, states, states, {}, self.reasons)),
        )

    def step(self, *commands: Any) -> bool:
        for command in commands or [WatchdogPing(lambda: None)]:  # nothing to do is waited for
            self.recorder.put(command)
        return self.recorder.step()

    def result(self, check: str, *results: Result, **more: Any) -> Outcome:
        return Outcome(check, 1, self.wall, 0.0, results, **{"type": "http", "complete": False, **more})

    def events(self) -> list[str]:
        found = [change.notification for change in self.notes.changes if change.notification]
        return [f"{one.check} {one.subject} {one.status}" for one in found]


def backup() -> CheckConfig:
    return CheckConfig("backup", "pushed", PushedCheck(ttl=Duration(600.0), max_run=Duration(60.0)), Place("a.yaml"))


def test_the_first_step_takes_the_configuration_and_what_an_earlier_life_left() -> None:
    house = House(run_by_agent("web"), backup())
    assert house.step()
    assert [(one.state.check, one.last) for one in house.notes.changes] == [("old", True)], "it is not configured"
    assert house.notes.adoptions == 1
    assert house.notes.memory == {"backup": {"since": 5, "last": {"/a": NOW - 1000}, "runs": []}}


def test_what_came_is_decided_and_written_in_one_step_and_who_waits_is_told() -> None:
    house = House(run_by_agent("web"))
    written: list[int] = []
    house.step(house.result("web", bad("/a")), house.result("web", bad("/b")), lambda: written.append(1))
    assert house.events() == ["web /a critical", "web /b critical"]
    assert [(run.subject, run.next_at) for run in house.notes.runs] == [("/a", 77), ("/b", 77)]
    assert (house.told, written) == (2, [1]), "once for the events, once for the destinations"


def test_what_a_check_says_that_is_not_configured_or_another_changes_nothing() -> None:
    house = House(run_by_agent("web"))
    house.step(house.result("nobody", bad()), house.result("web", bad(), type="dns"))
    assert (house.events(), house.notes.runs) == ([], [])


def test_a_pushed_result_is_decided_where_it_is_news_and_a_run_that_begins_is_awaited() -> None:
    house = House(backup())
    house.step(RunStarted("backup", "/b", 1 << 22, NOW - 1000))
    house.step(house.result("backup", bad("/a"), type="", pushed=Pushed.LIVE))
    assert house.notes.memory["backup"]["runs"] == [["/b", 1 << 22, NOW - 1000]]
    old = Outcome("backup", 0, NOW - 5000, 0.0, (ok("/a"),), complete=False, pushed=Pushed.SPOOLED)
    house.step(old)
    assert house.events() == ["backup /a critical"]


def test_what_is_overdue_is_decided_in_the_same_step() -> None:
    house = House(backup())
    house.step()
    house.now, house.wall = 1599.5, NOW + 599_500
    house.step()
    assert house.events() == ["backup /a nodata"]


def test_what_is_held_back_is_looked_at_when_its_reason_ends() -> None:
    house = House(run_by_agent("web", "line"), run_by_agent("line"))
    house.step(house.result("web", bad()))
    assert house.retries == [("line", 0.0)]
    house.now, house.wall = 1000.5, NOW + 500
    house.step(house.result("line", ok()))
    assert house.retries == [("line", 0.0), ("web", 0.0)]


def test_a_problem_is_acknowledged_a_watchdog_answered_and_who_forgot_is_told_again() -> None:
    house = House(run_by_agent("web"))
    answers: list[object] = []
    house.step(house.result("web", bad("/a")))
    house.notes.full = True
    house.step(Acknowledge("web", None, "ann", answers.append), WatchdogPing(lambda: answers.append("well")), Restate())
    assert answers == [["/a"], "well"]
    assert house.notes.adoptions == 1, "not before all is written"
    house.notes.full = False
    house.now += 5.0
    house.step()
    assert house.notes.adoptions == 2
    assert [change.state.acknowledged for change in house.notes.changes][-1] == "ann"


def test_a_bug_costs_the_one_thing_and_is_said_with_it(caplog: pytest.LogCaptureFixture) -> None:
    def fails(names: list[str]) -> None:
        raise ZeroDivisionError("odd")

    house = House(run_by_agent("web"))
    odd = Acknowledge("web", None, "ann", fails)
    house.step(odd, house.result("web", bad()))
    (record,) = caplog.records
    assert record.getMessage() == f"a bug of ours: this is lost: {odd!r}"
    assert record.levelno == logging.ERROR
    assert record.exc_info
    assert house.events() == ["web  critical"]


def test_a_bug_in_one_part_leaves_no_other_without_the_configuration(caplog: pytest.LogCaptureFixture) -> None:
    house = House()
    house.step()
    house.now += 1.0

    class Odd(CheckConfig, frozen=True):
        @property  # type: ignore[misc]  # a bug is what is meant
        def depends_on(self) -> Any:
            raise ZeroDivisionError("odd")

    house.step(house.config(Odd("backup", "pushed", backup().check, Place("a.yaml"))))
    said = {record.getMessage() for record in caplog.records if record.exc_info}
    assert said == {"a bug of ours: a part of the configuration is not taken over"}
    assert "backup" in house.notes.memory
    assert house.notes.adoptions == 2


def test_a_bug_in_what_is_overdue_keeps_nothing_from_being_written(caplog: pytest.LogCaptureFixture) -> None:
    def odd(now: float) -> list[Outcome]:
        raise ZeroDivisionError("odd")

    house = House(run_by_agent("web"))
    house.recorder._waiting.overdue = odd  # type: ignore[method-assign]
    house.step(house.result("web", bad()))
    assert house.events() == ["web  critical"]
    assert [record.getMessage() for record in caplog.records] == ["a bug of ours: what is overdue is not told of"]


def test_one_step_takes_a_batch_and_what_is_overdue_waits_until_all_has_come() -> None:
    house = House(backup())
    house.step()
    house.now, house.wall = 1599.5, NOW + 599_500
    calls: list[int] = []
    assert house.step(*[WatchdogPing(lambda: calls.append(1))] * (BATCH + 1)), "it goes on"
    assert (len(calls), house.events()) == (BATCH, [])
    house.step()
    assert (len(calls), house.events()) == (BATCH + 1, ["backup /a nodata"])


def test_at_the_end_all_that_came_before_it_is_written_whatever_the_time() -> None:
    house = House(run_by_agent("web"))
    house.notes.full = True
    assert house.step(house.result("web", bad("/a")))
    house.notes.full = False
    house.recorder.put(house.result("web", bad("/b")))
    assert not house.step(None)
    assert house.events() == ["web /a critical", "web /b critical"]
    assert [run.subject for run in house.notes.runs] == ["/a", "/b"]


def test_it_is_patient_until_the_first_thing_is_due() -> None:
    house = House()
    house.step()
    house.now += 1.0
    house.step()
    assert house.recorder._patience() > 10**6, "nothing is due"
    house.step(house.config(backup()))
    house.now += 1.0
    house.step()
    assert house.recorder._patience() == 599.0
    house.step(house.config(run_by_agent("web")))
    house.now += 1.0
    house.step()
    assert house.recorder._patience() == 64.0
    house.notes.full = True
    house.step(house.result("web", bad()))
    assert house.recorder._patience() == 5.0
    house.notes.full = False
    house.now += 5.0
    house.reasons = (Reason("silenced"),)
    house.step(house.result("web", ok()), house.result("web", bad("/a")))
    assert house.recorder._patience() == 1.0, "somebody may lift the silence"
    house.now += 9.0
    assert house.recorder._patience() == 0.0


def test_a_thread_that_was_begun_ends_soon_after_it_is_told_to() -> None:
    house = House()
    house.recorder.start()
    house.recorder.stop()
    began = time.monotonic()
    house.recorder._thread.join(60)
    assert not house.recorder._thread.is_alive()
    assert time.monotonic() - began < 60
    assert STOP_SECONDS == 1.0
