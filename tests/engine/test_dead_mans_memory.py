"""What is awaited over restarts and reloads, and what is given up and forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.api import Duration, PushedCheck
from agent.config.settings import CheckConfig, Place
from agent.engine.dead_mans_switch import ASK_AGAIN_SECONDS, EXCUSE_SECONDS, DeadMansSwitch
from agent.model import LONG_GONE_SECONDS, Outcome, Result, Status
from tests.engine.switches import OF_TWO, TTL, WALL, awaiting, backup, nodata, pushes, said, wall


def test_a_subject_that_is_long_gone_while_others_push_is_given_up() -> None:
    switch = awaiting()
    gone = TTL + LONG_GONE_SECONDS
    pushes(switch, "a", 0.0)
    assert said(switch, TTL) == [nodata("a", "1m", TTL)]
    pushes(switch, "b", gone - 1)
    assert said(switch, gone - 0.5) == []
    assert said(switch, gone) == [
        Outcome("backup", 0, wall(gone), 0.0, (), complete=False, given_up=("a",)),
    ]
    assert list(switch.memory("backup", gone, wall(gone))["last"]) == ["b"]
    assert not switch.late("backup", "a", 0, gone, wall(gone))


def test_nobody_is_given_up_while_nobody_pushes() -> None:
    switch = awaiting()
    gone = TTL + LONG_GONE_SECONDS
    pushes(switch, "a", 0.0)
    pushes(switch, "b", 0.0)
    assert len(said(switch, TTL)) == 2
    assert said(switch, gone) == []
    assert switch.next_look > gone
    pushes(switch, "b", gone + 10)
    assert [outcome.given_up for outcome in said(switch, gone + 30)] == [()]
    later = gone + ASK_AGAIN_SECONDS
    pushes(switch, "b", later - 1)
    assert [outcome.given_up for outcome in said(switch, later)] == [("a",)]


def test_a_settings_change_keeps_what_is_known_and_counts_anew_from_it() -> None:
    switch = awaiting()
    pushes(switch, "db", 50.0)
    longer = CheckConfig("backup", "pushed", PushedCheck(ttl=Duration(100.0)), Place("a.yaml"))
    switch.update([longer], {}, 60.0, wall(60.0))
    assert said(switch, 149.9) == []
    assert [one.results[0].subject for one in said(switch, 150.0)] == ["db"]


def test_over_a_restart_the_wall_clock_counts(tmp_path: Path) -> None:
    before = awaiting(at=1000.0)
    pushes(before, "db", 1010.0)
    before.note_start("backup", "db", 1020.0, 7)
    memory = before.memories(1030.0, wall(1030.0))
    after = DeadMansSwitch(lambda pid: True)
    after.update([backup()], memory, 5.0, wall(1035.0))
    assert after.overdue(19.9, wall(1049.9)) == []
    (run,) = after.overdue(20.0, wall(1050.0))
    assert run.results[0].summary == "still running after 30s"
    assert after.late("backup", "db", wall(1009.0), 20.0, wall(1050.0))
    assert [one.results[0].status for one in after.overdue(40.0, wall(1070.0))] == [Status.CRITICAL]


def test_who_is_given_up_is_forgotten_whole_and_awaited_anew_when_he_comes_back() -> None:
    switch = awaiting()
    gone = TTL + LONG_GONE_SECONDS
    pushes(switch, "a", 0.0)
    said(switch, TTL)
    pushes(switch, "b", gone - 1)
    outcomes = said(switch, gone)
    assert ("a",) in [outcome.given_up for outcome in outcomes]
    assert list(switch.memory("backup", gone, wall(gone))["last"]) == ["b"]
    pushes(switch, "b", gone + 50)
    assert said(switch, gone + 90) == []
    pushes(switch, "a", gone + 95)
    assert said(switch, gone + 110) == [nodata("b", "1m", gone + 110)]
    assert said(switch, gone + 155) == [nodata("a", "1m", gone + 155)]


def test_others_that_are_overdue_at_that_very_moment_are_no_sign_that_anybody_pushes() -> None:
    switch = awaiting()
    gone = TTL + LONG_GONE_SECONDS
    pushes(switch, "a", 0.0)
    said(switch, TTL)
    pushes(switch, "b", gone - TTL)
    assert [outcome.given_up for outcome in said(switch, gone)] == [()], "b is missed, a is kept"
    assert not any(outcome.given_up for outcome in said(switch, gone + ASK_AGAIN_SECONDS - 1))
    assert said(switch, gone + ASK_AGAIN_SECONDS - 1) == []


def test_who_is_given_up_is_missed_no_more_neither_by_later_spans_nor_after_a_reload() -> None:
    switch = awaiting(OF_TWO)
    gone = TTL + LONG_GONE_SECONDS
    pushes(switch, "a", 0.0)
    said(switch, TTL)
    pushes(switch, "b", gone - 1)
    assert said(switch, gone + 0.5)[-1].given_up == ("a",)
    longer = CheckConfig("backup", "pushed", PushedCheck(ttl=Duration(TTL + 1)), Place("a.yaml"))
    for _ in range(2):
        pushes(switch, "b", gone + 30)
        found = [said(switch, gone + after) for after in (60, 61, 85)]
        assert [one.results[0].subject for outcomes in found for one in outcomes if one.results] == []
        switch.update([longer], {}, gone + 30, wall(gone + 30))


def test_what_cannot_be_understood_of_an_earlier_life_begins_anew_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    switch = DeadMansSwitch()
    switch.update([backup()], {"backup": {"last": 5}}, 0.0, WALL)
    (record,) = caplog.records
    text = "what was awaited of a pushed check cannot be read, the wait begins anew: Expected `object`, got `int`"
    assert record.getMessage().startswith(text)
    assert said(switch, TTL) == [nodata("", "1m", TTL)]


def test_a_limit_that_a_reload_takes_away_or_brings_holds_for_the_runs_that_go_on() -> None:
    switch = awaiting(is_running=lambda pid: True)
    mail = CheckConfig("mail", "pushed", PushedCheck(ttl=Duration(TTL + 10)), Place("a.yaml"))
    plain = CheckConfig("backup", "pushed", PushedCheck(ttl=Duration(TTL)), Place("a.yaml"))
    switch.update([backup(), mail], {}, 0.0, WALL)
    switch.note_start("backup", "db", 10.0, 7)
    switch.update([plain, mail], {}, 20.0, wall(20.0))
    assert said(switch, 45.0) == []
    assert switch.effective_result("backup", Result(Status.OK, "well", "db"), 45.0) == Result(Status.OK, "well", "db")
    switch.update([backup(), mail], {}, 46.0, wall(46.0))
    assert said(switch, 46.0) == [], "the look comes late, results get the time to come in"
    (run,) = said(switch, 46.0 + EXCUSE_SECONDS)
    assert run.results[0].summary == "still running after 41s"
    assert [one.check for one in said(switch, TTL + 10)] == ["mail"], "the other is put off"


def test_of_who_is_given_up_nothing_is_kept_and_of_the_others_all() -> None:
    switch = awaiting(is_running=lambda pid: True)
    pushes(switch, "db", 1.0)
    gone = 1.0 + TTL + LONG_GONE_SECONDS
    assert len(said(switch, 1.0 + TTL)) == 1
    pushes(switch, "mail", gone - 1.0)
    assert [one.given_up for one in said(switch, gone)] == [("db",)]
    assert set(switch.memory("backup", gone, wall(gone))["last"]) == {"mail"}
    assert not switch.late("backup", "db", 0, gone, wall(gone))


def test_a_reload_that_changes_nothing_says_nothing_again_and_excuses_nobody_twice() -> None:
    switch = awaiting()
    assert len(said(switch, TTL)) == 1
    switch.update([backup()], {}, TTL + 1, wall(TTL + 1))
    assert said(switch, 3 * TTL) == []
    excused = awaiting()
    assert said(excused, TTL + 2) == []
    excused.update([backup()], {}, TTL + 3, wall(TTL + 3))
    assert len(said(excused, TTL + 9 + EXCUSE_SECONDS)) == 1


def test_a_check_that_nothing_is_known_of_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    switch = DeadMansSwitch()
    switch.update([backup()], {"mail": {"since": 5}}, 0.0, WALL)
    assert (caplog.records, switch.memory("backup", 0.0, WALL)["since"]) == ([], WALL)


def test_the_wait_for_any_result_is_over_after_a_reload_too() -> None:
    switch = awaiting()
    pushes(switch, "db", 50.0)
    longer = CheckConfig("backup", "pushed", PushedCheck(ttl=Duration(TTL + 5)), Place("a.yaml"))
    switch.update([longer], {}, 51.0, wall(51.0))
    assert said(switch, TTL + 5) == []
    assert [one.results[0].subject for one in said(switch, 55.0 + TTL)] == ["db"]
