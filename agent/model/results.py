"""What a run says: metrics, results, and its one outcome."""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from agent.model.status import Status


class Metric(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One measured number, in base units (seconds, bytes, percent); limits in Nagios range notation."""

    name: str
    value: float
    unit: str = ""
    """s, B, %, or empty for a count."""
    warning: str = ""
    """The level, for graphs."""
    critical: str = ""
    minimum: float | None = None
    """The least that the value can be."""
    maximum: float | None = None
    subject: str = ""
    """The part of the check that it is of; empty where the check has only one."""
    status: Status | None = None
    """What the number itself says; set only where a level has a clear level."""
    hold: Status | None = None
    """What it still is if it was at least this bad before: the level is passed no more, but not cleared yet."""


LONG_GONE_SECONDS = 7 * 86_400.0
"""A subject that no setting names and that nobody spoke of for so long is forgotten."""


class Result(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What a run says about one subject. `subject` is empty where the check has only one."""

    status: Status
    summary: str
    """One line for people."""
    subject: str = ""
    details: str = ""
    """Further lines."""
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
    speaks_for_check: bool = False
    """Nothing was ever pushed of the check as a whole: that a result of any subject comes ends its nodata."""
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
