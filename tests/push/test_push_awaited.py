"""A check that waits for results: what is late, missed, and forgotten in the end."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Duration, PushedCheck
from agent.config.settings import CheckConfig, Place
from agent.engine.dead_mans_switch import DeadMansSwitch
from agent.model import Outcome

HOUR = 3600.0


def awaited(
    now: float = 0.0, wall: int = 0, memory: dict[str, dict[str, int]] | None = None, **more: float
) -> DeadMansSwitch:
    spans: dict[str, Any] = {name: Duration(value) for name, value in more.items()}
    check = PushedCheck(ttl=Duration(HOUR), **spans)
    found = DeadMansSwitch()
    found.update([CheckConfig("backup", "pushed", check, Place("x"))], {"backup": memory or {}}, now, wall)
    return found


def said(outcomes: list[Outcome]) -> list[str]:
    return [f"{r.subject}:{r.status} {r.summary}" for outcome in outcomes for r in outcome.results]


def test_a_check_that_never_had_a_result_is_nodata_after_a_full_ttl() -> None:
    waits = awaited()
    assert waits.overdue(HOUR - 1, 0) == []
    assert said(waits.overdue(HOUR, 0)) == [":nodata no result for 1h, expected every 1h"]
    assert waits.overdue(HOUR * 9, 0) == [], "it is said once"


def test_each_result_winds_the_clock_up_again() -> None:
    waits = awaited()
    waits.note_result("backup", "", 0, HOUR - 1, 0)
    assert waits.overdue(HOUR + 1, 0) == []
    assert len(waits.overdue(2 * HOUR, 0)) == 1
    waits.note_result("backup", "", 0, 2 * HOUR + 5, 0)
    assert len(waits.overdue(3 * HOUR + 5, 0)) == 1


def test_every_subject_is_awaited_by_itself() -> None:
    waits = awaited()
    waits.note_result("backup", "db", 0, 10.0, 0)
    waits.note_result("backup", "files", 0, 20.0, 0)
    assert said(waits.overdue(HOUR + 10, 0)) == ["db:nodata no result for 1h, expected every 1h"]
    assert said(waits.overdue(HOUR + 20, 0)) == ["files:nodata no result for 1h, expected every 1h"]


def test_a_restart_of_the_agent_does_not_wind_the_clock_up() -> None:
    waits = awaited()
    waits.note_result("backup", "", 1_000_000, 10.0, 1_000_000)
    memory = waits.memory("backup", 10.0, 1_000_000)
    again = awaited(now=0.0, wall=1_000_000 + 3_000_000, memory=memory)
    assert again.overdue(599.0, 0) == []
    assert len(again.overdue(600.0, 0)) == 1


def test_a_run_that_takes_too_long_is_critical_while_it_runs() -> None:
    waits = awaited(max_run=60.0)
    waits.note_start("backup", "", 100.0)
    assert waits.overdue(159.0, 0) == []
    assert said(waits.overdue(160.0, 0)) == [":critical still running after 1m"]
    waits.note_result("backup", "", 0, 170.0, 0)
    assert waits.overdue(400.0, 0) == []


def test_a_spooled_result_that_is_no_newer_than_what_is_known_is_late() -> None:
    waits = awaited()
    waits.note_result("backup", "", 5000, 0.0, 5000)
    assert waits.late("backup", "", 5000, 0.0, 5000)
    assert not waits.late("backup", "", 5001, 0.0, 5001)
    assert not waits.late("backup", "other", 1, 0.0, 5000)


REMEMBERED = st.one_of(st.none(), st.integers(), st.integers(-(10**30), 10**30), st.text(max_size=3))


@given(
    st.dictionaries(
        st.sampled_from(["since", "last", "runs", "began"]),
        st.one_of(REMEMBERED, st.lists(REMEMBERED), st.dictionaries(st.text(max_size=3), REMEMBERED)),
    )
)
def test_whatever_is_remembered_of_a_pushed_check_its_silence_is_noticed(memory: dict[str, Any]) -> None:
    waits = awaited(now=1e6, wall=1_700_000_000_000, memory=memory)
    msgspec.json.decode(msgspec.json.encode(waits.memory("backup", 1e6, 1_700_000_000_000)))
    late = [*waits.overdue(1e6 + HOUR, 0), *waits.overdue(1e6 + HOUR + 6, 0)]
    assert any("no result for" in text for text in said(late))


# --- words ------------------------------------------------------------------------------------------------------------


DAY = 24 * HOUR


def test_a_subject_that_nobody_pushes_any_more_is_forgotten_after_a_week_and_not_missed_after_a_restart() -> None:
    waits = awaited()
    for subject in ("job-1", "job-2"):
        waits.note_result("backup", subject, 0, 0.0, 0)
    assert len(waits.overdue(HOUR, 0)) == 2
    given_up: list[str] = []
    for hour in range(1, 24 * 9):
        waits.note_result("backup", "job-2", 0, hour * HOUR, 0)
        for late in waits.overdue(hour * HOUR, 0):
            assert [result.subject for result in late.results] == ["job-1"] * (not late.given_up)
            assert hour >= 7 * 24 or not late.given_up
            given_up += late.given_up
    assert given_up == ["job-1"]
    memory = waits.memory("backup", 9 * DAY, 0)
    assert set(memory["last"]) == {"job-2"}


def test_as_long_as_nobody_pushes_anything_every_subject_is_waited_for() -> None:
    """A backup of one subject that is dead for a year is still dead."""
    waits = awaited()
    waits.note_result("backup", "db", 0, 0.0, 0)
    assert len(waits.overdue(HOUR, 0)) == 1
    for hour in range(2, 24 * 30):
        assert [late.given_up for late in waits.overdue(hour * HOUR, 0)] == [()]
    waits.note_result("backup", "db", 0, 31 * DAY, 0)
    assert len(waits.overdue(31 * DAY + HOUR, 0)) == 1


def test_a_subject_that_is_given_up_comes_back_as_a_new_one() -> None:
    waits = awaited()
    waits.note_result("backup", "a", 0, 0.0, 0)
    waits.overdue(HOUR, 0)
    waits.note_result("backup", "b", 0, 7 * DAY + HOUR, 0)
    (late,) = waits.overdue(7 * DAY + HOUR + 1, 0)
    assert late.given_up == ("a",)
    waits.note_result("backup", "a", 0, 8 * DAY, 0)
    assert "a:nodata no result for 1h, expected every 1h" in said(waits.overdue(8 * DAY + HOUR, 0))
