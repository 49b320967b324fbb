"""The nouns that travel between the rooms: frozen values without behaviour."""

from __future__ import annotations

import enum
from typing import Annotated, Any

import msgspec


class Status(enum.StrEnum):
    """What a run, or we, say of a subject. The words are the API's own."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    NODATA = "nodata"


SEVERITY = {Status.OK: 0, Status.NODATA: 1, Status.WARNING: 2, Status.CRITICAL: 3}
"""When several results speak of one subject, a known problem outweighs not knowing."""


class EventStatus(enum.StrEnum):
    """What a destination can be told of a subject. The words are the create-event API's."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    NODATA = "nodata"
    FLAPPING = "error"
    """It changes too often to tell each change. The API's `error` lies between warning and critical."""
    INFO = "info"
    """News of the agent itself: no problem and no recovery."""


URGENCY = (
    EventStatus.CRITICAL,
    EventStatus.FLAPPING,
    EventStatus.WARNING,
    EventStatus.NODATA,
    EventStatus.OK,
    EventStatus.INFO,
)
"""The most urgent first."""


class Metric(msgspec.Struct, frozen=True, omit_defaults=True):
    """One measured number, in base units (seconds, bytes, percent); limits in Nagios range notation."""

    name: str
    value: float
    unit: str = ""
    warning: str = ""
    critical: str = ""
    minimum: float | None = None
    maximum: float | None = None
    subject: str = ""
    status: Status | None = None
    """What the number itself says; set only where a level has a clear level."""
    hold: Status | None = None
    """What it still is if it was at least this bad before: the level is passed no more, but not cleared yet."""


LONG_GONE_SECONDS = 7 * 86_400.0
"""A subject that no setting names and that nobody spoke of for so long is forgotten."""


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run says about one subject. `subject` is empty where the check has only one."""

    status: Status
    summary: str
    subject: str = ""
    details: str = ""
    metrics: tuple[Metric, ...] = ()
    discovered: bool = False
    """The check found the subject by itself: when it is gone, it is forgotten and not told as nodata."""


class Pushed(enum.Enum):
    """Whether an outcome was handed in from outside, and how."""

    NOT = 0
    LIVE = 1
    SPOOLED = 2
    """It waited: what came later may have been taken before it."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of one run: exactly one outcome a run, whatever happened in it."""

    check: str
    run: int
    """Number of the run, rising; of a pushed result the process that it is the end of, 0: unknown."""
    started_at: int
    """Wall clock, Unix milliseconds."""
    duration: float
    """Seconds, monotonic clock."""
    results: tuple[Result, ...]
    """One a subject, at least one."""
    complete: bool = True
    """False: the run as a whole could not look, so subjects it does not name have not disappeared."""
    memory: dict[str, Any] | None = None
    """What the check wants to remember; None leaves the last memory as it is."""
    pushed: Pushed = Pushed.NOT
    type: str = ""
    """The check's type; empty for what the agent itself says of a check."""
    settings_checksum: int = 0
    """A checksum of the check's settings as they were written; 0: unknown."""
    left_out: tuple[Result, ...] = ()
    """Of subjects that are too many to begin with them; those that are known already are told of."""
    given_up: tuple[str, ...] = ()
    """Subjects that results were awaited of for too long: they are closed and forgotten."""


class RunStarted(msgspec.Struct, frozen=True):
    """A run that pushes its result at its end has begun."""

    check: str
    subject: str
    run: int = 0
    """The process that it is a run of, so that runs may overlap; 0: unknown."""
    at: int = 0
    """Unix milliseconds; 0: now."""


class Count(msgspec.Struct, frozen=True):
    """How many results of a kind it takes: `times` in a row, or `times` of the last `of`; and for how long."""

    times: int = 1
    of: int = 0
    seconds: float = 0.0


class FailAfter(msgspec.Struct, frozen=True):
    """What it takes before a bad status is believed."""

    warning: Count = Count()
    critical: Count = Count()
    nodata: Count = Count()


class Flapping(msgspec.Struct, frozen=True):
    """When a subject counts as flapping: per cent of the last 20 results that changed what is decided, weighted."""

    formula: str = "icinga"
    """`icinga` or `nagios`: how recent changes are weighted."""
    low: float = 25.0
    high: float = 30.0


class Policy(msgspec.Struct, frozen=True):
    """How results become a decided status, and a decided status a report."""

    fail_after: FailAfter = FailAfter()
    recover_after: int = 1
    flapping: Flapping | None = Flapping()
    repeat_every: float = 0.0
    """Seconds until a lasting problem is told again, doubling up to a day; 0: never."""
    patience: float = 120.0
    """Seconds that one result can speak for; more between two results is a jump of the clock, or nobody looked."""


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What we believe about one subject of one check. Times are Unix milliseconds.

    `name=`: what a field is called in databases; it stays when the field gets a better name here.
    """

    check: str
    subject: str = ""
    decided: Status | None = None
    """None until the first result has been believed."""
    decided_since: int = 0
    notified: EventStatus | None = msgspec.field(default=None, name="reported")
    """What destinations were last told; None: never told, which counts as ok."""
    notified_at: int = msgspec.field(default=0, name="reported_at")
    bad: int = 0
    """Consecutive warning or critical results; nodata between them neither counts nor resets."""
    missing: int = 0
    """Consecutive nodata results."""
    good: int = 0
    """Consecutive ok results, counted only while something else is decided."""
    bad_for: float = 0.0
    """Seconds that the bad results have lasted, counted only where that matters; likewise `missing_for`."""
    missing_for: float = 0.0
    counted_at: int = 0
    """When the seconds were last counted."""
    recent: str = ""
    """First letters of the last results, newest last; kept only where `of` asks for them."""
    changes: int = 0
    """The last 20 results, newest in bit 0: 1 where one changed what is decided."""
    flapping: bool = False
    latched: dict[str, Status] = msgspec.field(default_factory=dict, name="raised")
    """Metrics that passed a level which has a clear level, and have not cleared it yet."""
    repeats: int = 0
    """How often the present problem was told again."""
    acknowledged: str = ""
    """Who knows of the present problem, and why it is not repeated; it ends with the next change."""
    suppressed_by: str = msgspec.field(default="", name="held")
    """Why a difference to what was notified is not told now; empty when nothing is held back."""
    suppressed_since: int = 0
    """Since when; 0 when nothing is held back."""
    incident: str = ""
    """Shared by a problem and its recovery; empty while all is well."""
    incident_since: int = 0
    incident_host: str = ""
    """What the host was called when the incident was first told: its end goes to the same host."""
    events: int = 0
    """Events of this subject so far; numbers them without gaps."""
    type: str = ""
    """The type of the check that gave the last result: the same name with another type is another check."""
    settings_checksum: int = msgspec.field(default=0, name="written")
    """The checksum of the settings under which the subject was seen last."""
    discovered: bool = False
    """As in the last result."""


class Report(msgspec.Struct, frozen=True):
    """From what to what a change is to be told."""

    status: EventStatus
    previous: EventStatus | None
    incident: str
    sequence: int
    since: int
    """When the previous status was reported or decided, Unix milliseconds; 0 when there was none."""
    incident_since: int
    """When the incident began, Unix milliseconds; 0 without one."""
    repeat: int = 0
    """The how many-th repetition of a problem that lasts; 0: news."""


class ReasonKind(enum.StrEnum):
    """What suppresses."""

    SILENCE = "silence"
    MAINTENANCE = "maintenance"
    PARENT = "parent"


class Reason(msgspec.Struct, frozen=True):
    """Why nothing is reported of a subject now."""

    text: str
    until: int = 0
    """When it ends, Unix milliseconds; 0 when nobody knows."""
    kind: ReasonKind = ReasonKind.SILENCE


Moment = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
"""Of a file or message that others may have written."""


class Silence(msgspec.Struct, frozen=True):
    """A person's suppression, until it ends by itself. Times are Unix milliseconds."""

    selector: str
    since: Moment
    until: Moment
    reason: str = ""
    who: str = ""
    """Who silenced; empty: unknown."""
    ended_by: str = ""
    """Who ended it before its time."""
    meant_until: int = 0
    """Until when it was to last, where somebody ended it before."""


class Notification(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change to be told: what happened, and no destination's words for it. Times are Unix milliseconds."""

    id: str
    check: str
    subject: str
    status: EventStatus
    at: int
    """When the change was observed."""
    type: str = ""
    previous: EventStatus | None = None
    since: int = 0
    """When `previous` was notified or decided; 0: there was none."""
    incident: str = ""
    """Shared by a problem and its recovery; empty for news of the agent itself, which is no problem."""
    incident_since: int = 0
    repeat: int = 0
    """The how many-th repetition of a problem that lasts; 0: news."""
    restated: bool = False
    """Told once more, to a destination that does not know of the problem."""
    summary: str = ""
    details: str = ""
    metrics: tuple[Metric, ...] = ()
    description: str = ""
    runbook: str = ""
    host: dict[str, str] = {}
    """What was found out about the host: `host`, `host_ip`, `os` ..."""
    tags: dict[str, str] = {}
    """The agent's and the check's own."""
    agent_version: str = ""


class Destination(msgspec.Struct, frozen=True):
    """Somebody who is told, as far as the store has to know him."""

    name: str
    identity: str
    """Who it is: it changes when another one is meant by the same name. A hash, for an address may hold a secret."""
    only: str = "*"
    """Which notifications it gets: a selector."""
