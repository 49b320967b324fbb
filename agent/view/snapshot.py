"""Everything that can be shown of an agent, as one frozen value. Times are Unix milliseconds, spans seconds."""

from __future__ import annotations

import enum

import msgspec

from agent.config.at_work import ReloadPreview
from agent.config.settings import CheckConfig
from agent.model import SEVERITY, EventStatus, Metric, Reason, Silence, State, Status


class Mark(enum.StrEnum):
    """What a reader must know of a subject beside its status."""

    WRONG = "written wrong"
    """Its settings have a problem."""
    SILENCED = "silenced"
    MAINTENANCE = "maintenance"
    PARENT = "parent down"
    FLAPPING = "flapping"
    UNDECIDED = "undecided"
    """The last result differs from what is decided."""
    ACKNOWLEDGED = "acknowledged"
    """Somebody knows of the problem: it is not repeated until it changes."""
    LATE = "late"
    """The next run should have ended by now."""
    NO_RESULT = "no result yet"
    UNCONFIGURED = "not configured"
    """The files do not name its check any more."""


class ReloadMark(enum.StrEnum):
    """How the running agent's check differs from what is written: until a reload it keeps what it has."""

    ADDED = "not at work yet"
    CHANGED = "old settings"
    REMOVED = "still at work"


class SubjectView(msgspec.Struct, frozen=True):
    """One subject of one check."""

    check: str
    subject: str
    type: str
    status: Status
    """What is decided; nodata until something is."""
    since: int
    """When that was decided; 0: not yet."""
    state: State
    notified: EventStatus | None
    """What was last told; None: nothing ever."""
    notified_at: int
    suppressed_by: str
    """Why a difference to what was notified was not told with the last result."""
    reasons: tuple[Reason, ...] = ()
    """What suppresses now."""
    marks: tuple[Mark, ...] = ()
    why: str = ""
    """Why something is told or not, in a sentence."""
    summary: str = ""
    details: str = ""
    last_status: Status | None = None
    """Of the last result; None: there was none."""
    last_run: int = 0
    next_run: int = 0
    """0: unknown, or nobody runs it."""
    duration: float = 0.0
    late: float = 0.0
    """How long ago the next run was due, if it should have ended by now."""
    metrics: tuple[Metric, ...] = ()
    tags: dict[str, str] = {}
    """The agent's and the check's own."""
    reload: ReloadMark | None = None

    @property
    def name(self) -> str:
        return f"{self.check} {self.subject}".strip()

    @property
    def is_well(self) -> bool:
        """Nothing here is worth a look."""
        doubtful = {Mark.FLAPPING, Mark.UNDECIDED, Mark.LATE, Mark.WRONG}
        return self.status is Status.OK and doubtful.isdisjoint(self.marks)

    @property
    def waits(self) -> bool:
        """There is no result yet and nothing is wrong with that."""
        return Mark.NO_RESULT in self.marks and Mark.WRONG not in self.marks


class CheckView(msgspec.Struct, frozen=True):
    """One check: what is configured, and its subjects."""

    name: str
    config: CheckConfig | None
    """None: the files do not name it, or it is written wrong."""
    problems: tuple[str, ...] = ()
    subjects: tuple[SubjectView, ...] = ()
    reload: ReloadMark | None = None


class DestinationView(msgspec.Struct, frozen=True):
    """What becomes of the notifications for one destination."""

    name: str
    waiting: int = 0
    oldest: int = 0
    """When the oldest of what waits was observed; 0: nothing waits."""
    refused: int = 0
    delivered_at: int = 0
    trouble: str = ""
    """The last answer to what was tried in vain and waits."""


class AgentView(msgspec.Struct, frozen=True):
    """The agent's own health."""

    pid: int = 0
    """0: no agent runs on this state directory."""
    since: int = 0
    problems: tuple[str, ...] = ()
    """Of the configuration, as its files are now."""
    disabled: tuple[str, ...] = ()
    """Checks that are configured and switched off."""
    version: str = ""
    """Of the agent that runs; empty: unknown."""
    reload: ReloadPreview = ReloadPreview()
    """What it has not taken over yet."""

    @property
    def running(self) -> bool:
        return self.pid != 0


class Snapshot(msgspec.Struct, frozen=True):
    """What is known at one moment."""

    at: int
    agent: AgentView
    checks: dict[str, CheckView]
    destinations: tuple[DestinationView, ...]
    silences: tuple[Silence, ...] = ()
    """In force."""

    @property
    def subjects(self) -> tuple[SubjectView, ...]:
        """All subjects of all checks, the worst first; what has no result yet comes after the problems."""
        views = (one for check in self.checks.values() for one in check.subjects)
        return tuple(sorted(views, key=lambda one: (-urgency(one), one.check, one.subject)))

    @property
    def late(self) -> tuple[SubjectView, ...]:
        return tuple(one for one in self.subjects if one.late)


def urgency(view: SubjectView) -> float:
    """Say how much a subject needs a reader: by its status, ok with a doubt in between, no result yet below."""
    if view.waits:
        return 0.25
    if view.status is Status.OK and not view.is_well:
        return 0.5
    return SEVERITY[view.status]
