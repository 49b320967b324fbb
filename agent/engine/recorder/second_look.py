"""Who is looked at again before a next result: a reason to be silent ends, a repetition or a span is due."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable

from agent.engine.deadlines import DeadlineBook
from agent.engine.state.counting import seconds_left
from agent.engine.state.transition import Transition, repeat_due
from agent.model import Policy, State, Status

Key = tuple[str, str]
"""Check and subject."""

POLL_SECONDS = 1.0
"""While something is held back: whether somebody lifted a silence, or set the clock."""
JUMP_MILLISECONDS = 1000
"""A smaller difference between the clocks is slewing, not somebody setting the clock."""


class SecondLooks:
    """Owned by the recorder's thread. Times are monotonic seconds, unless they are Unix milliseconds (`wall`)."""

    def __init__(self) -> None:
        self._book: DeadlineBook[Key] = DeadlineBook()
        self._suppressed: set[Key] = set()
        self._silences: Hashable = None
        self._offset = 0.0
        self._poll_at = math.inf

    @property
    def next_look(self) -> float:
        return min(self._book.next, self._poll_at)

    def plan(self, step: Transition, policy: Policy, now: float) -> None:
        """Look at the subject again when something about it is due; what was planned before is no more."""
        key = (step.state.check, step.state.subject)
        self.forget(*key)
        if step.suppressed_by:
            self._hold(key, now)
        if (span := seconds_until(step, policy)) is not None:
            self._book.set(key, now + span)

    def at_once(self, check: str, subject: str, now: float) -> None:
        self._book.set((check, subject), now)

    def go_on(self, state: State, result: Status | None, policy: Policy, wall: int, now: float) -> None:
        """Look at a subject no later than time alone may change what is told of it, after a start or a reload.

        `result` is the status of its last result; None: not known.
        """
        spans = [max(0, due - wall) / 1000] if (due := repeat_due(state, policy)) else []
        if result and result is not state.decided and (seconds := seconds_left(state, result, policy)):
            spans.append(seconds)
        if spans:
            self._book.not_later((state.check, state.subject), now + min(spans))

    def wait(self, check: str, subject: str, ends: Iterable[int], at: int, now: float) -> None:
        """Look again when the first of these reasons ends, or is lifted; `ends` and `at` in Unix milliseconds."""
        self._hold((check, subject), now)
        if spans := [max(0, end - at) / 1000 for end in ends if end]:
            self._book.set((check, subject), now + min(spans))

    def _hold(self, key: Key, now: float) -> None:
        self._suppressed.add(key)
        self._poll_at = min(self._poll_at, now + POLL_SECONDS)

    def list_suppressed(self) -> list[Key]:
        """Return what is not told though it should be."""
        return list(self._suppressed)

    def forget(self, check: str, subject: str) -> None:
        self._book.drop((check, subject))
        self._suppressed.discard((check, subject))

    def keep(self, keeps: Callable[[Key], bool]) -> None:
        """Forget all others."""
        self._book.keep(keeps)
        self._suppressed = {key for key in self._suppressed if keeps(key)}

    def due(self, now: float, wall: int, silences: Callable[[], Hashable]) -> list[Key]:
        """Return who is to be looked at now; all that are held back, where silences or the clock were changed."""
        due = [key for key, _ in self._book.take(now)]
        if now >= self._poll_at:
            self._poll_at = now + POLL_SECONDS if self._suppressed else math.inf
            offset, current = wall - now * 1000, silences()
            if abs(offset - self._offset) > JUMP_MILLISECONDS or current != self._silences:
                due += [key for key in self._suppressed if key not in due]
            self._offset, self._silences = offset, current
        return due


def seconds_until(step: Transition, policy: Policy) -> float | None:
    """Return in how many seconds time alone may change what is told of a subject; None: never. Pure."""
    ends: list[float] = [reason.until for reason in step.suppressed_by if reason.until]
    if not step.suppressed_by and (due := repeat_due(step.state, policy)):
        ends.append(due)
    spans = [max(0, end - step.at) / 1000 for end in ends]
    if step.undecided and (seconds := seconds_left(step.state, step.result.status, policy)):
        spans.append(seconds)
    return min(spans, default=None)
