"""All that a check file imports from hostvigil. These names are a promise: a test pins them."""

from __future__ import annotations

from collections.abc import AsyncIterable, Coroutine, Iterable
from typing import Annotated, Any, ClassVar, dataclass_transform

import msgspec
from msgspec import Meta

from agent.model import Metric, Result, Status
from agent.plugin.context import CheckError, Context
from agent.plugin.host import Host, Suggestion
from agent.plugin.host_path import host_path
from agent.plugin.ownership import weak_spot
from agent.plugin.units import (
    Duration,
    DurationAbove,
    DurationBelow,
    Level,
    Number,
    NumberAbove,
    NumberBelow,
    Percent,
    PercentAbove,
    PercentBelow,
    Range,
    Regex,
    SettingValue,
    Size,
    SizeAbove,
    SizeBelow,
    duration_text,
    size_text,
)

__all__ = [
    "Check",
    "CheckError",
    "Context",
    "Duration",
    "DurationAbove",
    "DurationBelow",
    "Host",
    "Level",
    "Metric",
    "Number",
    "NumberAbove",
    "NumberBelow",
    "Percent",
    "PercentAbove",
    "PercentBelow",
    "PushedCheck",
    "Range",
    "Regex",
    "Result",
    "SettingValue",
    "Size",
    "SizeAbove",
    "SizeBelow",
    "Status",
    "Suggestion",
    "critical",
    "duration_text",
    "host_path",
    "judge",
    "nodata",
    "ok",
    "size_text",
    "warning",
    "weak_spot",
]


RunItems = Iterable[Result | Metric] | AsyncIterable[Result | Metric] | Coroutine[Any, Any, Iterable[Result | Metric]]
"""What a run may give: by `def` with or without `yield`, by `async def` with or without it."""


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A check type: the fields are its YAML settings, the docstring is its documentation, `run` looks.

    A field's `typing.Annotated[..., msgspec.Meta(description=...)]` is the setting's documentation.
    """

    fail_after: ClassVar[int] = 1
    """The default of the setting `fail_after` for this type."""
    together: ClassVar[bool] = False
    """Checks of this type with the same interval are due at the same moment, to share work by `ctx.shared`."""
    isolation: ClassVar[str] = "thread"
    """`process`: each run in a process of its own, which the deadline can kill; some 100 ms of CPU and 17 MB a run."""

    def run(self, ctx: Context) -> RunItems:
        """Yield results and metrics; several results of one subject become one.

        `def run` has a thread to itself, and may block until its deadline. `async def run` (with `yield`, or returning
        what it found) shares one thread with all others: it must `await` whatever takes a while, costs less while it
        waits, and is cancelled after its deadline. `ctx.call_async` calls what blocks.

        A subject that a good run does not name any more becomes nodata; where every result of it was `discovered`
        (found by the check itself), the agent closes and forgets it instead, and any other after a week.
        Raise CheckError for "I could not look" (nodata); any other exception is a bug (nodata and a traceback in
        the log); yielding no result is nodata.
        """
        return ()

    def problems(self) -> Iterable[tuple[str, str]]:
        """Yield (setting, what is wrong and what to write instead) where settings contradict each other."""
        return ()

    @classmethod
    def discover(cls, host: Host) -> Iterable[Suggestion]:
        """Yield checks of this type that fit the host, for `hostvigil discover`; by default none."""
        return ()


class PushedCheck(Check, frozen=True):
    """A check type that does not look: its results are pushed from outside (`hostvigil report`, `wrap`)."""

    ttl: Annotated[
        Duration, Meta(description="Longest time between results; beyond it the check is nodata.", examples=["25h"])
    ]
    max_run: Annotated[
        Duration | None, Meta(description="Longest run under `wrap`, beyond it critical; default: no limit.")
    ] = None
    senders: Annotated[
        tuple[str, ...],
        Meta(
            description="Users and groups that may push results, besides root and the agent's user; default: everybody"
            " who reaches the socket."
        ),
    ] = msgspec.field(default=(), name="from")


def ok(summary: str, subject: str = "", details: str = "", *, discovered: bool = False) -> Result:
    """Return a result of status ok; `subject` where the check has several, `details` may have several lines."""
    return Result(Status.OK, summary, subject, details, discovered=discovered)


def warning(summary: str, subject: str = "", details: str = "", *, discovered: bool = False) -> Result:
    """Return a result of status warning; arguments as those of `ok`."""
    return Result(Status.WARNING, summary, subject, details, discovered=discovered)


def critical(summary: str, subject: str = "", details: str = "", *, discovered: bool = False) -> Result:
    """Return a result of status critical; arguments as those of `ok`."""
    return Result(Status.CRITICAL, summary, subject, details, discovered=discovered)


def nodata(summary: str, subject: str = "", details: str = "", *, discovered: bool = False) -> Result:
    """Return a result of status nodata: this subject could not be looked at; arguments as those of `ok`."""
    return Result(Status.NODATA, summary, subject, details, discovered=discovered)


def judge(
    name: str,
    value: float,
    warning: Level | None = None,
    critical: Level | None = None,
    *,
    unit: str = "",
    subject: str = "",
    summary: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
) -> Result:
    """Judge a number against levels: the result has the number as a metric and says which level it passed.

    `unit` is the base unit of the value: "s", "B", "%" or "" for a count. `subject` is the part of the check that it is
    about, "" for the whole. `summary` replaces "name value". `minimum` and `maximum` are the least and the largest that
    the value can be, for graphs. A value that is not a number (NaN) is nodata. TypeError where a level is none.
    """
    _require_level("warning", warning)
    _require_level("critical", critical)
    if value != value:  # not a number: no level can be held against it
        return Result(Status.NODATA, f"{summary or name}: it has no value", subject)
    status, passed = _compare(value, warning, critical)
    own_status, hold = _hysteresis(value, status, warning, critical)
    metric = Metric(
        name=name,
        value=value,
        unit=unit,
        warning="" if warning is None else warning.perfdata,
        critical="" if critical is None else critical.perfdata,
        minimum=minimum,
        maximum=maximum,
        subject=subject,
        status=own_status,
        hold=hold,
    )
    return Result(status, (summary or f"{name} {_value_text(value, unit)}") + passed, subject, "", (metric,))


def _require_level(word: str, level: object) -> None:
    """TypeError where a check hands in something else: judged by it, every value would be ok."""
    if level is not None and not isinstance(level, Level):
        raise TypeError(f"judge: {word} is {level!r:.60} and no level, as NumberAbove.parse(5) is")


def _compare(value: float, warning: Level | None, critical: Level | None) -> tuple[Status, str]:
    """Return the status of a value, and which level it passed as it stands behind the summary."""
    if critical is not None and critical.passed_by(value):
        return Status.CRITICAL, f" ({_limit('critical', critical)})"
    if warning is not None and warning.passed_by(value):
        return Status.WARNING, f" ({_limit('warning', warning)})"
    return Status.OK, ""


def _hysteresis(
    value: float, status: Status, warning: Level | None, critical: Level | None
) -> tuple[Status | None, Status | None]:
    """Return the metric's own status and what it would still be if it was that bad before, where a level can clear."""
    if not any(level is not None and level.clear for level in (warning, critical)):
        return None, None
    if critical is not None and critical.holds(value):
        return status, Status.CRITICAL
    return status, Status.WARNING if warning is not None and warning.holds(value) else None


def _limit(word: str, level: Level) -> str:
    if level.plain is None:
        return f"{word} range {level}"
    return f"{word} from {level}" if level.upper else f"{word} below {level}"


def _value_text(value: float, unit: str) -> str:
    if unit == "s":
        return duration_text(value)
    if unit == "B":
        return size_text(value)
    return f"{value:.4g}{unit}"
