"""The one list of what is due, held against a plain table of the checks and their next turns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.api import Check
from agent.config.settings import CheckConfig, Place
from agent.running.due_list import MOST_STALE, DueList
from agent.running.spread import (
    BETWEEN_SECONDS,
    FEWEST_SLOTS,
    INSIDE_SECONDS,
    LONGEST_SLOT_SECONDS,
    MOST_A_SLOT,
    SLOT_SECONDS,
    spread_of,
)
from agent.running.triggers import Every

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
NAMES = st.sampled_from("abcd")
SECONDS = st.integers(1, 50)


def config(name: str, interval: float = 10.0) -> CheckConfig:
    return CheckConfig(name, "none", Check(), Place("x.yaml"), interval=interval)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), NAMES, SECONDS),
        st.tuples(st.just("remove"), NAMES, SECONDS),
        st.tuples(st.just("sooner"), NAMES, SECONDS),
        st.tuples(st.just("pass"), NAMES, SECONDS),
        st.tuples(st.just("set clock"), NAMES, st.integers(-5000, 5000)),
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_is_changed_each_check_is_due_at_its_moment_and_once(steps: list[tuple[str, str, int]]) -> None:
    due, plain, now, shift = DueList(NOW), dict[str, datetime](), NOW, timedelta()
    for step, name, seconds in steps:
        at = now + timedelta(seconds=seconds)
        if step == "add":
            due.add(config(name), Every(NOW + shift, 10.0, at), now)
            plain[name] = at
        elif step == "remove":
            due.remove(name)
            plain.pop(name, None)
        elif step == "sooner":
            moved = name in plain and at < plain[name]
            others = [turn for check, turn in plain.items() if check != name]
            assert due.not_later(name, at) == (moved and all(at < turn for turn in others))
            if moved:
                plain[name] = at
        elif step == "set clock":
            jump = timedelta(seconds=seconds)
            now, shift = now + jump, shift + jump
            due.move(jump, now)
            plain = {check: turn + jump for check, turn in plain.items()}
        else:
            now = at
            taken = {check.name: turn for check, turn in due.take(now)}
            assert taken == {check: turn for check, turn in plain.items() if turn <= now}
            for check in taken:
                plain[check] = Every(NOW + shift, 10.0, now).after(now)
        assert {check: due.at(check) for check in "abcd" if due.at(check)} == plain
        assert due.next() == min(plain.values(), default=None)


def test_a_changed_check_has_its_turn_no_later_than_before() -> None:
    due = DueList(NOW)
    due.add(config("web", 3600.0), Every(NOW, 3600.0, after(3600)), NOW, latest=after(5))
    assert due.at("web") == after(5)
    due.add(config("web", 3600.0), Every(NOW, 3600.0, after(3)), NOW, latest=after(5))
    assert due.at("web") == after(3)


def test_turns_that_were_moved_take_no_memory() -> None:
    due = DueList(NOW)
    for number in range(10 * MOST_STALE):
        due.add(config("web"), Every(NOW, 1e6, after(1e6)), NOW)
        due.not_later("web", after(1e5 - number))
    assert sum(len(moment.turns) for moment in due._moments.values()) <= MOST_STALE + 2
    assert len(due._heap) == len(due._moments)


INTERVALS = (1.0, 7.0, 10.0, 30.0, 60.0, 300.0, 3600.0)


@given(st.lists(st.tuples(st.sampled_from(INTERVALS), st.integers(1, 300)), min_size=1, max_size=4))
def test_checks_are_due_at_few_moments_and_not_too_many_at_one(crowds: list[tuple[float, int]]) -> None:
    """Each moment costs a wake-up of the scheduler, a worker and the recorder."""
    sizes = dict(crowds)
    checks = [config(f"check-{n}", interval) for interval, count in sizes.items() for n in range(count)]
    spread = spread_of(checks)
    rate = sum(count / interval for interval, count in sizes.items())
    for interval in sizes:
        slot = spread.slot(interval)
        bound = min(LONGEST_SLOT_SECONDS, interval / FEWEST_SLOTS, MOST_A_SLOT / rate)
        assert slot == SLOT_SECONDS or slot <= bound
        assert 2 * slot > bound, "no longer one would do"
        offsets = {spread.offset(check) for check in checks if check.interval == interval}
        assert {round((offset - INSIDE_SECONDS) / slot, 6) % 1 for offset in offsets} == {0.0}
        assert all(0 <= offset - INSIDE_SECONDS < interval for offset in offsets)


def test_moments_of_short_and_long_intervals_are_the_same() -> None:
    checks = [config(f"check-{n}", interval) for n in range(10) for interval in (10.0, 30.0, 60.0, 3600.0)]
    spread = spread_of(checks)
    turns = {Every(after(spread.offset(check)), check.interval, NOW).after(after(100)) for check in checks}
    assert {(turn - NOW) % timedelta(seconds=1) for turn in turns} == {timedelta(seconds=INSIDE_SECONDS)}
    assert BETWEEN_SECONDS % 1, "checks that share work hold up none of them"
