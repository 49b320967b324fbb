"""What is believed of a subject, and what of it is to be told."""

from __future__ import annotations

import msgspec

from agent.model.status import EventStatus, Status


class State(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
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
