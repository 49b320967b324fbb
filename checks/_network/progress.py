"""How far a talk with a server has come, how long each phase took, and the words for where and why it ended."""

from __future__ import annotations

import errno
import time

from agent.api import DurationAbove, duration_text
from checks._network.reasons import reason

WORTH_TELLING = 0.05
"""Seconds of a phase that may have to do with a failure."""


class NoAnswer(Exception):
    """What answered is no usable answer; the text is the reason."""


class Progress:
    """One talk, redirects included: a name for what it is doing, seconds for each phase, one deadline for all.

    `deadline` is monotonic seconds, `timeout` what the run had in all; by default what is left now. `levels` are those
    of its time, by their settings.
    """

    def __init__(self, deadline: float, timeout: float | None = None, **levels: DurationAbove | None) -> None:
        self.deadline = deadline
        self.started = self._since = time.monotonic()
        self.timeout = deadline - self.started if timeout is None else timeout
        self._levels = levels
        self.took: dict[str, float] = {}
        self.doing = ""
        self.hint = ""
        """What to do about it, should it end here."""
        self.address = ""
        """Where the last connection leads: the server's address, or the proxy's."""
        self.pieces = 0
        """How many were received."""
        self._phase = ""

    def enter(self, phase: str, doing: str) -> None:
        """Begin a phase; `doing` is what to say of it where it does not end in time."""
        self.leave()
        self._phase, self.doing, self.hint = phase, doing, ""

    def leave(self) -> None:
        """End the phase: its seconds count from now on."""
        now = time.monotonic()
        if self._phase:
            self.took[self._phase] = self.took.get(self._phase, 0.0) + now - self._since
        self._since, self._phase = now, ""

    def leave_out(self, seconds: float) -> None:
        """Do not count what was waited for our own sake."""
        self.started += seconds
        self._since += seconds

    def remaining_seconds(self) -> float:
        """Return the seconds left; TimeoutError when there are none."""
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        return remaining

    def elapsed(self) -> float:
        return self._since - self.started

    def phases(self) -> str:
        return ", ".join(_phase(phase, took) for phase, took in self.took.items())

    def describe_failure(self, error: Exception) -> str:
        """Say why and in which phase it ended, and which phases before it took a while."""
        slow = ", ".join(_phase(phase, took) for phase, took in self.took.items() if took >= WORTH_TELLING)
        text = f"{reason(error, self.timeout)}: {self.doing}" + (f" ({slow})" if slow else "")
        is_late = isinstance(error, TimeoutError) and error.errno != errno.ETIMEDOUT
        return "; ".join(filter(None, (text, self.hint, self._describe_late_level() if is_late else "")))

    def _describe_late_level(self) -> str:
        """Say which level lies behind the timeout, so that nobody hears of it; nothing where none does."""
        late = {name: level for name, level in self._levels.items() if level and (level.plain or 0) > self.timeout}
        return next((f"{name} is {level}, but the run ends before: raise timeout" for name, level in late.items()), "")


def _phase(phase: str, took: float) -> str:
    return f"{phase.replace('_', ' ')} {duration_text(took)}"
