"""A host without a clock battery: until its clock is set it says 1970, and nothing that is told should be dated so."""

from __future__ import annotations

import msgspec

from agent.model import Reason, State

SET_SINCE = 1_735_689_600_000
"""2025-01-01 in Unix milliseconds: a clock that says less was never set."""
LONGEST_SECONDS = 300.0
"""Then it is told all the same: nobody seems to set it."""


class UnsetClock:
    """Owned by the recorder's thread; `wall` in Unix milliseconds, `now` in monotonic seconds."""

    def __init__(self) -> None:
        self._offset: float | None = None
        self._until = 0.0

    def reasons(self, wall: int, now: float) -> tuple[Reason, ...]:
        """Return why nothing is told yet; nothing where the clock is set, or was not for too long."""
        if wall >= SET_SINCE:
            return ()
        if self._offset is None:
            self._until = now + LONGEST_SECONDS
        self._offset = wall - now * 1000
        remaining = round((self._until - now) * 1000)
        return (Reason("the clock of this host is not set", wall + remaining),) if remaining > 0 else ()

    def was_set(self, wall: int, now: float) -> int:
        """Return by how many milliseconds the clock was put right since the last look; 0: it was not."""
        if self._offset is None or wall < SET_SINCE:
            return 0
        shift, self._offset = round(wall - now * 1000 - self._offset), None
        return shift


def put_right(state: State, milliseconds: int) -> State:
    """Return the state with the times that a clock had noted which was not set. Pure."""
    names = ("decided_since", "notified_at", "incident_since", "counted_at", "suppressed_since")
    times = {name: getattr(state, name) for name in names}
    return msgspec.structs.replace(
        state, **{name: at + milliseconds for name, at in times.items() if 0 < at < SET_SINCE}
    )
