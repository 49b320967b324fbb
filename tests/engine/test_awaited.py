"""What is awaited by the recorder, by itself: without a store and a thread."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast

import msgspec
import pytest

from agent.api import Check, Duration, PushedCheck
from agent.config.settings import CheckConfig, Place
from agent.engine.recorder.commands import Compose, RecorderConfig, Suppress
from agent.engine.recorder.waiting import Waiting
from agent.engine.recorder.write_buffer import WriteBuffer
from agent.engine.self_check import BROKEN
from agent.model import Outcome, Pushed, Result, RunStarted, Status
from agent.plugin.clock import Clocks
from agent.store import Store

NOW = 1_800_000_000_000


def pushed(name: str, ttl: float = 600.0, max_run: float | None = 60.0) -> CheckConfig:
    settings = PushedCheck(ttl=Duration(ttl), max_run=Duration(max_run) if max_run else None)
    return CheckConfig(name, "pushed", settings, Place("a.yaml"))


def run_by_agent(name: str) -> CheckConfig:
    return CheckConfig(name, "http", Check(), Place("a.yaml"), interval=60.0, timeout=10.0)


def broken(name: str) -> CheckConfig:
    return CheckConfig(name, BROKEN, Check(), Place("a.yaml"), interval=0.0)


class Room:
    """A `Waiting` with its clocks, and what an earlier life left in the store."""

    def __init__(
        self,
        *checks: CheckConfig,
        memories: Mapping[str, Mapping[str, Any]] | None = None,
        last_ran: Mapping[str, int] | None = None,
    ) -> None:
        self.now, self.wall = 10_000.0, NOW
        self._memories, self._last_ran = memories or {}, last_ran or {}
        self.buffer = WriteBuffer()
        self.waiting = Waiting(cast(Store, self), self.buffer, Clocks(lambda: self.wall, lambda: self.now))
        self.configure(*checks)

    def memories(self) -> Mapping[str, Mapping[str, Any]]:
        return self._memories

    def last_ran(self) -> Mapping[str, int]:
        return self._last_ran

    def configure(self, *checks: CheckConfig, retire: bool = True) -> None:
        by_name = {check.name: check for check in checks}
        self.waiting.configure(RecorderConfig(by_name, cast(Compose, None), cast(Suppress, None), retire=retire))

    def passes(self, seconds: float) -> None:
        self.now, self.wall = self.now + seconds, self.wall + round(seconds * 1000)

    def push(self, *results: Result, how: Pushed = Pushed.LIVE, ago: float = 0.0, run: int = 0) -> Outcome | None:
        at = self.wall - round(ago * 1000)
        return self.waiting.accept(Outcome("backup", run, at, 0.0, results, complete=False, pushed=how))

    def next_look(self) -> float:
        """In how many seconds something may be overdue."""
        self.waiting.overdue(self.now)
        return self.waiting.next_look - self.now

    @property
    def kept(self) -> dict[str, dict[str, Any]]:
        """What is to be written of pushed checks, since this was asked last."""
        found, self.buffer.memories = self.buffer.memories, {}
        return found


def ok(subject: str = "") -> Result:
    return Result(Status.OK, "well", subject)


def test_a_result_from_the_spool_that_is_older_than_what_is_known_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    room = Room(pushed("backup"))
    room.push(ok("/a"))
    assert room.kept
    assert room.push(ok("/a"), how=Pushed.SPOOLED, ago=5.0) is None
    assert room.kept == {}, "it is noted nowhere"
    words = "a spooled result is no newer than what is known, it changes nothing"
    assert [record.getMessage() for record in caplog.records] == [f"backup: {words}"]
    assert room.push(ok("/b"), how=Pushed.SPOOLED, ago=5.0) is not None
    assert room.kept["backup"]["last"] == {"/a": NOW, "/b": NOW - 5000}


def test_a_live_result_counts_though_its_sender_says_an_older_moment() -> None:
    room = Room(pushed("backup"))
    room.push(ok("/a"))
    assert room.push(ok("/a"), ago=5.0) is not None
    assert room.kept["backup"]["last"] == {"/a": NOW - 5000}


def test_a_result_of_a_part_speaks_for_the_check_unless_that_is_pushed_by_itself() -> None:
    room = Room(pushed("backup"))

    def speaks(subject: str) -> bool:
        outcome = room.push(ok(subject))
        return outcome is not None and outcome.speaks_for_check

    assert [speaks(subject) for subject in ("/a", "", "/a")] == [True, False, False]


def test_a_spooled_result_is_compared_by_the_clock_as_it_is_now() -> None:
    room = Room(pushed("backup"))
    room.push(ok())
    room.wall -= 7_200_000
    room.passes(60.0)
    assert room.push(ok(), how=Pushed.SPOOLED, ago=90.0) is None
    assert room.push(ok(), how=Pushed.SPOOLED, ago=30.0) is not None


def test_a_spooled_result_counts_where_the_clock_was_set_back_while_the_agent_was_away() -> None:
    room = Room(pushed("backup"), memories={"backup": {"since": 5, "last": {"": NOW + 7_200_000}}})
    assert room.push(ok(), how=Pushed.SPOOLED, ago=30.0) is not None
    assert room.push(ok(), how=Pushed.SPOOLED, ago=60.0) is None


def test_once_the_clock_is_set_what_is_awaited_is_written_by_it() -> None:
    room = Room(pushed("backup"), pushed("new"))
    room.push(ok())
    assert room.kept
    room.wall += 3_600_000
    room.passes(10.0)
    room.waiting.overdue(room.now)
    kept = room.kept
    assert kept["backup"]["last"] == {"": room.wall - 10_000}
    assert kept["new"]["since"] == room.wall - 10_000
    room.waiting.overdue(room.now)
    assert room.kept == {}, "once"


@pytest.mark.parametrize(("how", "overdue"), [(Pushed.SPOOLED, []), (Pushed.LIVE, ["/a"])])
def test_while_the_spool_is_read_nothing_is_overdue(how: Pushed, overdue: list[str]) -> None:
    room = Room(pushed("backup", ttl=60.0))
    room.push(ok("/a"))
    room.passes(60.5)
    room.push(ok("/b"), how=how)
    found = room.waiting.overdue(room.now)
    assert [one.subject for outcome in found for one in outcome.results] == overdue


def test_what_is_pushed_of_a_check_that_nobody_awaits_says_nothing() -> None:
    room = Room(run_by_agent("backup"))
    assert room.push(ok()) is None
    room.waiting.note_start(RunStarted("backup", "", 7))
    assert room.kept == {}


def test_a_run_ends_with_the_result_that_names_it_and_counts_no_better_than_one_that_goes_on() -> None:
    room = Room(pushed("backup"))
    room.waiting.note_start(RunStarted("backup", "/a", 0, room.wall - 10_000))
    room.waiting.note_start(RunStarted("backup", "/a", 1 << 22))
    assert room.kept["backup"]["runs"] == [["/a", 0, NOW - 10_000], ["/a", 1 << 22, NOW]]
    room.push(ok("/a"))
    assert room.kept["backup"]["runs"] == [["/a", 1 << 22, NOW]]
    room.push(ok("/a"), run=1 << 22)
    assert room.kept["backup"]["runs"] == []


def test_of_a_run_that_begins_in_the_future_the_moment_it_was_heard_of_counts() -> None:
    room = Room(pushed("backup"))
    room.waiting.note_start(RunStarted("backup", "/a", 7, room.wall + 5000))
    assert room.kept["backup"]["runs"] == [["/a", 7, NOW]]


def test_over_a_restart_what_was_awaited_is_awaited_and_a_check_that_is_new_is_noted() -> None:
    room = Room(pushed("backup"), pushed("new"), memories={"backup": {"since": 5, "last": {"/a": NOW - 60_000}}})
    assert room.kept == {
        "backup": {"since": 5, "last": {"/a": NOW - 60_000}, "runs": []},
        "new": {"since": NOW, "last": {}, "runs": []},
    }


def test_of_a_check_that_is_written_wrong_after_a_start_all_is_known_until_it_is_mended() -> None:
    memory = {"since": 5, "last": {"/a": NOW - 60_000}, "runs": []}
    room = Room(broken("backup"), broken("web"), memories={"backup": memory}, last_ran={"web": NOW - 40_000})
    assert room.kept == {}
    room.configure(pushed("backup"), run_by_agent("web"))
    assert room.kept == {"backup": memory}
    assert room.next_look() == 25.0, "an interval and its slack after the last run"
    room.configure()
    room.configure(pushed("backup"), run_by_agent("web"))
    assert room.kept == {"backup": {"since": NOW, "last": {}, "runs": []}}, "it is a new one"
    room.passes(26.0)
    assert room.next_look() == 39.0


def test_of_a_run_that_the_clock_says_is_to_come_silence_counts_from_now() -> None:
    room = Room(run_by_agent("web"), last_ran={"web": NOW + 40_000})
    assert room.next_look() == 65.0


def test_who_is_given_up_is_forgotten_over_a_restart_too() -> None:
    day = 86_400.0
    room = Room(pushed("backup", ttl=60.0))
    room.push(ok("/a"))
    found: list[str] = []
    for _ in range(60):
        room.passes(day / 2)
        room.push(ok("/b"))
        assert set(room.kept) == {"backup"}
        for outcome in room.waiting.overdue(room.now):
            found += outcome.given_up
        if found:
            break
    assert found == ["/a"]
    assert set(room.kept["backup"]["last"]) == {"/b"}


def test_what_a_run_that_is_not_pushed_says_counts_as_it_is() -> None:
    room = Room(run_by_agent("web"))
    outcome = Outcome("web", 1, room.wall, 1.0, (ok(),), type="http")
    room.passes(30.0)
    assert room.waiting.accept(outcome) is outcome
    room.passes(36.0)
    assert room.next_look() == 29.0
    assert room.kept == {}
    late = msgspec.structs.replace(outcome, check="nobody")
    assert room.waiting.accept(late) is late
