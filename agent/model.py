"""The nouns that travel between the rooms: frozen values without behaviour."""

from __future__ import annotations

import enum
from typing import Any

import msgspec


class Status(enum.StrEnum):
    """What a run, or we, say of a subject. The words are the API's own."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    NODATA = "nodata"


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


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run says about one subject. `subject` is empty where the check has only one."""

    status: Status
    summary: str
    subject: str = ""
    details: str = ""
    metrics: tuple[Metric, ...] = ()


class Outcome(msgspec.Struct, frozen=True):
    """What came of one run: exactly one outcome a run, whatever happened in it."""

    check: str
    run: int
    """Number of the run, rising; a late result of an older run is recognised by it."""
    started_at: int
    """Wall clock, Unix milliseconds."""
    duration: float
    """Seconds, monotonic clock."""
    results: tuple[Result, ...]
    """One a subject, at least one."""
    failed: bool = False
    """The run as a whole could not look: subjects it does not name have not disappeared."""
    memory: dict[str, Any] | None = None
    """What the check wants to remember; None leaves the last memory as it is."""


class FailAfter(msgspec.Struct, frozen=True):
    """How many consecutive bad results it takes before a status is believed."""

    warning: int = 1
    critical: int = 1
    nodata: int = 1


class Policy(msgspec.Struct, frozen=True):
    """How results become a decided status."""

    fail_after: FailAfter = FailAfter()
    recover_after: int = 1


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What we believe about one subject of one check. Times are Unix milliseconds."""

    check: str
    subject: str = ""
    decided: Status | None = None
    """None until the first result has been believed."""
    decided_since: int = 0
    reported: Status | None = None
    """What the API was last told; None: never told, which counts as ok."""
    reported_at: int = 0
    bad: int = 0
    """Consecutive warning or critical results; nodata between them neither counts nor resets."""
    missing: int = 0
    """Consecutive nodata results."""
    good: int = 0
    """Consecutive ok results, counted only while something else is decided."""
    incident: str = ""
    """Shared by a problem and its recovery; empty while all is well."""
    incident_since: int = 0
    events: int = 0
    """Events of this subject so far; numbers them without gaps."""


class Report(msgspec.Struct, frozen=True):
    """Why, and from what to what, a change is to be told."""

    status: Status
    previous: Status | None
    reason: str
    incident: str
    sequence: int
    since: int
    """When the previous decided status began, Unix milliseconds; 0 when there was none."""
    incident_since: int
    """When the incident began, Unix milliseconds; 0 without one."""


class Event(msgspec.Struct, frozen=True):
    """One create-event call, worded and complete; kept as it is until it is delivered."""

    event_id: str
    check: str
    subject: str
    status: Status
    previous: Status | None
    date: int
    """When the change was observed, Unix milliseconds."""
    body: dict[str, Any]
    """The JSON body, exactly as the API gets it on every try."""
