"""Results and runs that are awaited, come late, or are missed once in each span."""

from __future__ import annotations

import pytest

from agent.api import Duration, PushedCheck
from agent.config.settings import CheckConfig, Place
from agent.engine.dead_mans_switch import EXCUSE_SECONDS, DeadMansSwitch
from agent.model import Outcome, Result, Status
from tests.engine.switches import MAX_RUN, OF_TWO, TTL, WALL, awaiting, backup, nodata, pushes, said, wall


def test_a_first_result_is_awaited_for_the_check_itself_and_missed_once_in_each_span() -> None:
    switch = awaiting()
    assert said(switch, 59.9) == []
    assert said(switch, 60.0) == [nodata("", "1m", 60.0)]
    assert said(switch, 119.9) == []
    assert said(switch, 120.0) == [nodata("", "2m", 120.0)]


def test_the_first_result_of_a_subject_ends_the_wait_for_any() -> None:
    switch = awaiting()
    pushes(switch, "db", 50.0)
    assert said(switch, 61.0) == []
    assert said(switch, 110.0) == [nodata("db", "1m", 110.0)]


def test_a_result_is_late_when_it_or_a_newer_one_of_the_same_subject_is_known() -> None:
    switch = awaiting()
    pushes(switch, "db", 5.0)
    assert switch.late("backup", "db", wall(5.0), 5.0, wall(5.0))
    assert not switch.late("backup", "db", wall(5.001), 5.001, wall(5.001))
    assert not switch.late("backup", "mail", 0, 5.0, wall(5.0))
    assert not switch.late("backup", "", 0, 5.0, wall(5.0))
    assert not switch.late("other", "db", 0, 5.0, wall(5.0))


def test_a_run_that_outlasts_its_limit_is_critical_and_says_whether_it_still_runs() -> None:
    for number, running, words in ((7, True, "still running"), (7, False, "its process is gone, and no result")):
        switch = awaiting(is_running=lambda pid, answer=running: answer)  # type: ignore[misc]
        switch.note_start("backup", "db", 10.0, number)
        assert said(switch, 39.9) == []
        (outcome,) = said(switch, 40.0)
        text = f"{words} after 30s"
        assert outcome == Outcome("backup", 0, wall(40.0), 0.0, (Result(Status.CRITICAL, text, "db"),), complete=False)


def test_a_run_without_a_number_is_taken_for_running() -> None:
    switch = awaiting()
    switch.note_start("backup", "db", 10.0)
    assert said(switch, 40.0)[0].results[0].summary == "still running after 30s"


def test_a_run_is_awaited_only_where_a_limit_is_set_and_the_check_is_known() -> None:
    switch = DeadMansSwitch()
    plain = CheckConfig("backup", "pushed", PushedCheck(ttl=Duration(TTL)), Place("a.yaml"))
    switch.update([plain], {}, 0.0, WALL)
    switch.note_start("backup", "db", 1.0, 7)
    switch.note_start("other", "db", 1.0, 7)
    assert switch.memory("backup", 1.0, wall(1.0))["runs"] == []
    assert said(switch, 59.0) == []


@pytest.mark.parametrize(("late", "excused"), [(1.0, False), (1.01, True), (5000.0, True)])
def test_a_deadline_that_passed_while_the_agent_stood_still_is_put_off_once(late: float, excused: bool) -> None:
    switch = awaiting()
    awake = TTL + late
    assert bool(said(switch, awake)) is not excused
    if excused:
        assert said(switch, awake + EXCUSE_SECONDS - 0.1) == []
        assert len(said(switch, awake + EXCUSE_SECONDS)) == 1
        pushes(switch, "db", awake + 10)
        assert said(switch, awake + 10 + TTL + late) == [], "an excuse is for each silence"


def test_an_excuse_of_one_is_none_for_others() -> None:
    switch = awaiting()
    pushes(switch, "a", 0.0)
    pushes(switch, "b", 0.0)
    assert said(switch, TTL + 2) == []
    assert len(said(switch, TTL + 2 + EXCUSE_SECONDS)) == 2
    assert said(switch, 10 * TTL) == []


def test_a_run_that_died_before_a_better_one_brought_its_result_is_not_missed_after_it() -> None:
    switch = awaiting(is_running=lambda pid: False)
    switch.note_start("backup", "db", 10.0, 7)
    result = Result(Status.OK, "fine", "db")
    switch.note_result("backup", "db", wall(40.5), 40.5, wall(40.5), 8)
    assert switch.effective_result("backup", result, 40.5) == result
    assert said(switch, 40.5) == []


@pytest.mark.parametrize(("run", "alive", "awaited"), [(0, False, False), (7, False, False), (7, True, True)])
def test_the_news_of_a_run_that_comes_after_its_result_awaits_nothing(run: int, alive: bool, awaited: bool) -> None:
    switch = awaiting(is_running=[run].__contains__ if alive else lambda pid: False)
    pushes(switch, "db", 20.0)
    switch.note_start("backup", "db", 20.0, run)
    assert bool(switch.memory("backup", 20.0, wall(20.0))["runs"]) is awaited
    switch.note_start("backup", "db", 20.001, run)
    assert switch.memory("backup", 21.0, wall(21.0))["runs"], "one that began since is"


def test_two_runs_that_died_are_one_problem() -> None:
    switch = awaiting(is_running=lambda pid: False)
    switch.note_start("backup", "db", 10.0, 7)
    switch.note_start("backup", "db", 10.0, 8)
    (outcome,) = said(switch, 40.0)
    assert outcome.results == (Result(Status.CRITICAL, "its process is gone, and no result after 30s", "db"),)
    assert switch.memory("backup", 40.0, wall(40.0))["runs"] == []
    assert said(switch, 45.0) == []


def test_each_further_miss_that_comes_late_is_put_off_again() -> None:
    switch = awaiting(OF_TWO)
    assert said(switch, TTL + 2) == []
    missed = TTL + 2 + EXCUSE_SECONDS
    assert len(said(switch, missed)) == 1
    assert said(switch, missed + TTL + 2) == []
    assert len(said(switch, missed + TTL + 2 + EXCUSE_SECONDS)) == 1


def test_a_run_that_an_older_agent_noted_has_no_number_and_goes_on() -> None:
    switch = DeadMansSwitch(lambda pid: False)
    switch.update([backup()], {"backup": {"since": WALL, "began": {"db": WALL}}}, 0.0, WALL)
    assert switch.memory("backup", 0.0, WALL)["runs"] == [["db", 0, WALL]]
    assert said(switch, MAX_RUN)[0].results[0].summary == "still running after 30s"


def test_checks_and_subjects_are_each_awaited_by_themselves() -> None:
    switch = DeadMansSwitch(lambda pid: True)
    mail = CheckConfig("mail", "pushed", PushedCheck(ttl=Duration(TTL)), Place("a.yaml"))
    switch.update([backup(), mail], {}, 0.0, WALL)
    longer = CheckConfig("mail", "pushed", PushedCheck(ttl=Duration(TTL + 5)), Place("a.yaml"))
    switch.update([backup(), longer], {}, 1.0, wall(1.0))
    switch.note_start("backup", "db", 20.0, 7)
    fine = Result(Status.OK, "fine", "www")
    assert switch.effective_result("backup", fine, 55.0) == fine, "another subject's run goes on"
    assert [one.results[0].subject for one in said(switch, 50.0)] == ["db"]
    assert [one.check for one in said(switch, TTL)] == ["backup"]
    assert [one.check for one in said(switch, TTL + 5)] == ["mail"]


@pytest.mark.parametrize("ago", [0.0, 0.5, 1.0, 20.0, 59.0])
def test_a_result_that_comes_late_counts_from_its_own_moment(ago: float) -> None:
    switch = awaiting()
    switch.note_result("backup", "db", wall(100.0 - ago), 100.0, wall(100.0))
    due = 100.0 - ago + TTL
    assert said(switch, due - 0.05) == []
    assert said(switch, due) == [nodata("db", "1m", due)]


def test_a_result_of_the_future_counts_from_when_it_came() -> None:
    switch = awaiting()
    switch.note_result("backup", "db", wall(400.0), 100.0, wall(100.0))
    assert said(switch, 159.95) == []
    assert said(switch, 160.0) == [nodata("db", "1m", 160.0)]


def test_a_result_beside_a_run_that_takes_too_long_says_both() -> None:
    switch = awaiting(is_running=lambda pid: True)
    switch.note_start("backup", "db", 10.0, 7)
    well = Result(Status.OK, "12 files", "db", "all of them")
    assert switch.effective_result("backup", well, 39.9) == well
    text = "another run goes on after 30s; this one: 12 files"
    assert switch.effective_result("backup", well, 40.0) == Result(Status.CRITICAL, text, "db", "all of them")
    worse = Result(Status.CRITICAL, "no disk", "db")
    assert switch.effective_result("backup", worse, 40.0) == worse


@pytest.mark.parametrize(("jump", "kept"), [(59.999, 0), (60.0, 60_000), (-59.999, 0), (-60.0, -60_000)])
def test_the_moment_that_a_sender_said_is_kept_unless_the_clock_was_set_since(jump: float, kept: int) -> None:
    switch = awaiting()
    pushes(switch, "db", 5.0)
    assert switch.memory("backup", 10.0, wall(10.0 + jump))["last"] == {"db": wall(5.0) + kept}


def test_the_check_itself_is_awaited_beside_its_subjects_once_it_has_a_result() -> None:
    switch = awaiting()
    pushes(switch, "", 1.0)
    pushes(switch, "db", 2.0)
    assert [one.results[0].subject for one in said(switch, 2.0 + TTL)] == ["", "db"]


def test_who_was_excused_and_came_is_excused_again_the_next_time() -> None:
    switch = awaiting()
    pushes(switch, "db", 0.0)
    assert said(switch, TTL + 2) == []
    pushes(switch, "db", TTL + 3)
    assert said(switch, TTL + 3 + TTL + 2) == []
    assert len(said(switch, TTL + 3 + TTL + 2 + EXCUSE_SECONDS)) == 1


def test_a_result_without_a_number_ends_the_run_that_has_none() -> None:
    switch = awaiting(is_running=lambda pid: True)
    switch.note_start("backup", "db", 10.0)
    switch.note_start("backup", "db", 11.0, 1)
    pushes(switch, "db", 20.0)
    assert [run[1] for run in switch.memory("backup", 20.0, wall(20.0))["runs"]] == [1]
