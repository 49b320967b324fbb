"""When a maintenance window is open: from its turn for its length; and for how long an answer holds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.config.settings import Maintenance
from agent.engine.suppression import windows as room
from agent.engine.suppression.windows import Windows, span

DAY = Maintenance("0 3 * * *", 7200.0, "UTC")
NEVER = Maintenance("0 3 31 2 *", 7200.0, "UTC")


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "since", "until", "end"),
    [
        ("2026-03-01 02:59:59.999", "2026-03-01 02:59:59.999", "2026-03-01 03:00", ""),
        ("2026-03-01 03:00", "2026-03-01 03:00", "2026-03-01 05:00", "2026-03-01 05:00"),
        ("2026-03-01 04:59:59.999", "2026-03-01 03:00", "2026-03-01 05:00", "2026-03-01 05:00"),
        ("2026-03-01 05:00", "2026-03-01 05:00", "2026-03-02 03:00", ""),
    ],
)
def test_it_is_open_from_its_turn_until_its_length_is_over(now: str, since: str, until: str, end: str) -> None:
    assert span(DAY, at(now)) == (at(since), at(until), at(end) if end else 0)
    assert Windows().ends(DAY, at(now)) == (at(end) if end else 0)


def test_one_that_never_comes_is_looked_at_once_a_day() -> None:
    now = at("2026-03-01 00:00")
    assert span(NEVER, now) == (now, now + 86_400_000, 0)
    assert Windows().ends(NEVER, now) == 0


def test_its_zone_is_its_own() -> None:
    berlin = Maintenance("0 3 * * *", 3600.0, "Europe/Berlin")
    assert Windows().ends(berlin, at("2026-07-01 01:30")) == at("2026-07-01 02:00")


def test_an_answer_is_kept_as_long_as_it_holds_and_for_its_window_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Maintenance, int]] = []

    def counted(window: Maintenance, now: int) -> tuple[int, int, int]:
        asked.append((window, now))
        return span(window, now)

    monkeypatch.setattr(room, "span", counted)
    windows, other = Windows(), Maintenance("0 4 * * *", 60.0, "UTC")
    begin, end = at("2026-03-01 03:00"), at("2026-03-01 05:00")
    assert windows.ends(DAY, begin + 1000) == end
    assert [windows.ends(DAY, now) for now in (begin, end - 1, begin + 1)] == [end, end, end]
    assert asked == [(DAY, begin + 1000)]
    assert windows.ends(other, begin) == 0
    assert asked[1:] == [(other, begin)]
    assert windows.ends(DAY, end) == 0
    assert windows.ends(DAY, end + 1000) == 0
    assert asked[2:] == [(DAY, end)]
    assert windows.ends(DAY, end - 1) == end, "a clock set back"
    assert windows.ends(DAY, begin - 1) == 0
    assert len(asked) == 5
