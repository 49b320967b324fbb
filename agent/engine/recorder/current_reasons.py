"""Why nothing is told of a subject just now: an unset clock, what suppresses, or parents whose word is waited for."""

from __future__ import annotations

from collections.abc import Mapping

from agent.engine.recorder.commands import RecorderConfig
from agent.engine.recorder.parents import ParentRuns
from agent.engine.recorder.unset_clock import UnsetClock
from agent.engine.suppression.reasons import Suppression
from agent.model import Reason, Silence, State
from agent.plugin.clock import Clocks


class CurrentReasons:
    """Owned by the recorder's thread. What suppresses is looked up once a step, and only where somebody asks."""

    def __init__(
        self,
        states: Mapping[str, Mapping[str, State]],
        parents: ParentRuns,
        config: RecorderConfig,
        clocks: Clocks,
    ) -> None:
        """`states` are the decider's own, which change under way."""
        self._states = states
        self._parents = parents
        self._config = config
        self._clocks = clocks
        self._clock = UnsetClock()
        self._suppression: Suppression | None = None
        """What may suppress, as far as it was looked up in this step."""

    def configure(self, config: RecorderConfig) -> None:
        self._config = config
        self._suppression = None

    def begin_step(self) -> None:
        """Silences are looked at anew, once for all that has come."""
        self._suppression = None

    def silences(self) -> tuple[Silence, ...]:
        return self._suppressing().silences

    def of(self, check: str, subject: str, began: int, at: int) -> tuple[Reason, ...]:
        """Return why nothing is told of what a look that `began` then saw of a subject; Unix milliseconds."""
        return (
            self._clock.reasons(self._clocks.wall(), self._clocks.monotonic())
            or self._suppressing().reasons(self._config.checks[check], subject, began, at)
            or self._parents.waits(check, self._states[check].get(subject), began, at)
        )

    def clock_shift(self) -> int:
        """Return by how many milliseconds a clock that was not set was put right since the last look; 0: it was not."""
        return self._clock.was_set(self._clocks.wall(), self._clocks.monotonic())

    def _suppressing(self) -> Suppression:
        self._suppression = self._suppression or self._config.suppress(self._states)
        return self._suppression
