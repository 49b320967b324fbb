"""What is known of a miss or a late run: over a reload, a restart, and once a result came after all."""

from __future__ import annotations

from agent.api import Duration, PushedCheck
from agent.config.settings import CheckConfig, Place
from agent.engine.dead_mans_switch import DeadMansSwitch
from agent.model import LONG_GONE_SECONDS, Result, Status
from tests.engine.switches import MAX_RUN, TTL, WALL, awaiting, backup, pushes, said, wall


def with_settings(ttl: float = TTL, max_run: float | None = MAX_RUN) -> CheckConfig:
    settings = PushedCheck(ttl=Duration(ttl), max_run=Duration(max_run) if max_run else None)
    return CheckConfig("backup", "pushed", settings, Place("a.yaml"))


def test_what_was_said_is_remembered_and_not_said_again_by_who_takes_over() -> None:
    switch = awaiting(is_running=lambda pid: True)
    pushes(switch, "db", 1.0)
    switch.note_start("backup", "mail", 20.0, 7)
    assert len(said(switch, 50.0)) == 1
    assert len(said(switch, 61.0)) == 1
    memory = switch.memory("backup", 100.0, wall(100.0))
    assert (memory["missed"], memory["late"]) == ({"db": wall(61.0)}, [("mail", 7)])
    later = DeadMansSwitch(lambda pid: True)
    later.update([backup()], {"backup": memory}, 5100.0, wall(100.0))
    assert said(later, 5120.9) == []
    assert [one.results[0].subject for one in said(later, 5121.0)] == ["db"]
    pushes(switch, "db", 110.0)
    assert "missed" not in switch.memory("backup", 110.0, wall(110.0))


def test_what_was_said_at_the_very_moment_of_a_reload_with_other_settings_is_not_said_again() -> None:
    switch = awaiting(is_running=lambda pid: True)
    pushes(switch, "db", 1.0)
    switch.note_start("backup", "mail", 31.0, 7)
    assert {one.results[0].subject for one in said(switch, 61.0)} == {"db", "mail"}
    switch.update([with_settings(max_run=MAX_RUN - 1)], {}, 61.0, wall(61.0))
    assert said(switch, 120.9) == []
    assert [one.results[0].subject for one in said(switch, 121.0)] == ["db"]


def test_a_check_whose_first_result_was_missed_and_came_is_taken_over_by_a_reload() -> None:
    switch = awaiting()
    assert len(said(switch, TTL)) == 1
    pushes(switch, "db", 70.0)
    switch.update([with_settings(TTL + 1)], {}, 71.0, wall(71.0))
    assert [one.results[0].subject for one in said(switch, 70.0 + TTL + 1)] == ["db"]


def test_a_subject_that_is_missed_while_its_run_goes_on_is_told_of_the_run() -> None:
    switch = awaiting(is_running=lambda pid: True)
    pushes(switch, "db", 1.0)
    switch.note_start("backup", "db", 25.0, 7)
    assert len(said(switch, 55.0)) == 1
    assert [str(one.results[0].subject) for one in said(switch, 61.0)] == ["db"]
    assert said(switch, 121.0)[0].results == (Result(Status.CRITICAL, "still running after 1m 36s", "db"),)


def test_who_came_after_a_miss_is_given_up_after_the_next_one_as_well() -> None:
    switch = awaiting()
    pushes(switch, "db", 0.0)
    assert len(said(switch, TTL)) == 1
    pushes(switch, "db", 70.0)
    assert len(said(switch, 70.0 + TTL)) == 1
    gone = 70.0 + TTL + LONG_GONE_SECONDS
    pushes(switch, "mail", gone - 1.0)
    assert [one.given_up for one in said(switch, gone)] == [("db",)]


def test_when_a_first_result_was_awaited_first_follows_a_clock_that_is_set_until_there_is_one() -> None:
    switch = awaiting()
    assert switch.memory("backup", 10.0, wall(10.0 + 3600))["since"] == wall(3600)
    pushes(switch, "db", 10.0)
    assert switch.memory("backup", 20.0, wall(20.0 + 3600))["since"] == WALL


def test_a_result_of_who_never_pushed_is_never_true() -> None:
    switch = awaiting()
    pushes(switch, "db", 5.0)
    assert switch.last_true("backup", "db", 64.9, wall(64.9)) == wall(5.0)
    assert switch.last_true("backup", "db", 65.0, wall(65.0)) == 0
    assert switch.last_true("backup", "mail", 6.0, wall(6.0)) == 0
    assert switch.last_true("other", "db", 6.0, wall(6.0)) == 0
