"""What was found by itself and lasted is missed for a day; all else goes without a word."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from checks._lasting import LASTING, find_missing

DAY = LASTING


def told(memory: dict[str, Any], seen: list[str], now: float, choice: str = "all") -> list[str]:
    return [f"{one.status} {one.summary}" for one in find_missing(memory, seen, choice, now)]


def test_what_was_there_for_a_day_is_missed_for_a_day_and_then_forgotten() -> None:
    memory: dict[str, Any] = {}
    assert told(memory, ["/data"], 0) == []
    assert told(memory, ["/data"], 3 * DAY) == []
    assert told(memory, [], 3 * DAY + 60) == ["nodata /data is gone; it was there for 3d"]
    assert told(memory, [], 3 * DAY + 3660) == ["nodata /data is gone for 1h; it was there for 3d"]
    assert told(memory, [], 4 * DAY + 60) == []
    assert memory["lasting"] == {}


def test_what_comes_back_is_as_old_as_before() -> None:
    memory: dict[str, Any] = {}
    for now, seen in ((0, ["/data"]), (2 * DAY, []), (2 * DAY + 60, ["/data"])):
        told(memory, seen, now)
    assert len(told(memory, [], 2 * DAY + 120)) == 1


def test_what_the_settings_no_longer_choose_is_not_missed() -> None:
    memory: dict[str, Any] = {}
    told(memory, ["/data", "/old"], 0)
    assert told(memory, ["/data"], 2 * DAY, "without /old") == []
    assert len(told(memory, [], 2 * DAY + 60, "without /old")) == 1


@given(st.lists(st.sets(st.sampled_from("abcdef")), max_size=40), st.floats(1, LASTING / 50))
def test_what_lived_for_less_than_a_day_leaves_neither_word_nor_memory(runs: list[set[str]], step: float) -> None:
    memory: dict[str, Any] = {}
    for number, seen in enumerate(runs):
        assert told(memory, sorted(seen), number * step) == []
        assert set(memory["lasting"]) == seen


@given(st.lists(st.tuples(st.sets(st.sampled_from("abc")), st.floats(-3 * DAY, 3 * DAY)), max_size=30))
def test_whatever_the_clock_does_nothing_breaks_and_what_is_seen_is_not_missed(
    runs: list[tuple[set[str], float]],
) -> None:
    memory: dict[str, Any] = {}
    for seen, now in runs:
        assert not {one.subject for one in find_missing(memory, sorted(seen), "all", now)} & seen
