"""When maintenance windows are open; remembers each answer for as long as it holds."""

from __future__ import annotations

from datetime import datetime, timedelta

from agent.config.calendar.turns import next_turn, zone_of
from agent.config.settings import Maintenance
from agent.plugin.units import utc


class Windows:
    """`ends(window, at)`: when the window open at a moment ends. Reckoned on the wall clock, like cron itself.

    Made anew with each configuration, so that it forgets windows that are no more.
    """

    def __init__(self) -> None:
        self._spans: dict[Maintenance, tuple[int, int, int]] = {}

    def ends(self, window: Maintenance, at: int) -> int:
        """Return the end in Unix milliseconds, 0 when no window is open at `at`."""
        span_now = self._spans.get(window)
        if span_now is None or not span_now[0] <= at < span_now[1]:
            span_now = self._spans[window] = span(window, at)
        return span_now[2]


def span(window: Maintenance, at: int) -> tuple[int, int, int]:
    """Return (from, until, end): for every moment from `from` to `until` the open window ends at `end`, 0: none is.

    All in Unix milliseconds.
    """
    now = utc(at)
    length = timedelta(seconds=window.duration)
    begins = next_turn(window.cron, zone_of(window.timezone), now - length)
    if begins is None:
        return at, at + 86_400_000, 0
    if begins <= now:
        end = _milliseconds(begins + length)
        return _milliseconds(begins), end, end
    return at, _milliseconds(begins), 0


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
