"""What a drop-in file may say of every check, as it is written: names, types, defaults and documentation."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.config.sections.agent import Section, Window, fields
from agent.config.sections.values import FailCount
from agent.model import Flapping
from agent.plugin.units import Duration, Percent

THRESHOLDS = {"icinga": Flapping("icinga", 25.0, 30.0), "nagios": Flapping("nagios", 5.0, 20.0)}
"""Source: the defaults of Icinga 2 and Nagios 4."""


def _by_formula(text: str, end: str) -> str:
    shares = [f"{getattr(THRESHOLDS[formula], end):g}% of {formula}" for formula in THRESHOLDS]
    return f"{text}; unless set, {' and '.join(shares)}."


class Counts(Section, frozen=True):
    """How much it takes before a status is believed, by status; the type's own where nothing is said."""

    warning: Annotated[FailCount | None, Meta(description="Warnings and criticals before a warning counts.")] = None
    critical: Annotated[FailCount | None, Meta(description="Warnings and criticals before a critical counts.")] = None
    nodata: Annotated[FailCount | None, Meta(description="Nodata results before nodata counts.")] = None


class FlappingSection(Section, frozen=True):
    """When a subject counts as flapping."""

    formula: Annotated[Literal["icinga", "nagios"], Meta(description="How the last 20 results are weighted.")] = (
        "icinga"
    )
    low: Annotated[Percent | None, Meta(description=_by_formula("Ends at or below it", "low"))] = None
    high: Annotated[Percent | None, Meta(description=_by_formula("Begins above it", "high"))] = None


class Parents(Section, frozen=True):
    """Several parents, and how many of them must be down."""

    any: Annotated[str | tuple[str, ...], Meta(description="One parent that is down is enough.")] = ()
    all: Annotated[str | tuple[str, ...], Meta(description="All of these parents must be down.")] = ()


class CheckSection(Section, frozen=True):
    """Settings every check has."""

    type: Annotated[str, Meta(description="The kind of check.")]
    interval: Annotated[Duration, Meta(description="Time from run to run, 1s to 365d. Either this or `cron`.")] = (
        Duration(60)
    )
    cron: Annotated[
        str, Meta(description="When to run: minute, hour, day of month, month, weekday; unless set, by `interval`.")
    ] = ""
    timezone: Annotated[
        str, Meta(description="Time zone of `cron`, such as Europe/Berlin; unless set, the host's own.")
    ] = ""
    timeout: Annotated[
        Duration,
        Meta(description="Longest run, below the interval; unless set, 80% of a very short interval."),
    ] = Duration(10)
    fail_after: Annotated[
        FailCount | Counts | None,
        Meta(
            description="What it takes until a bad status counts: 3 in a row, 3 of 5, for 5m, or {critical: 1}; "
            "unless set, the type's own count."
        ),
    ] = None
    lasting: Annotated[
        Duration | None,
        Meta(description="A bad status must also have lasted so long, up to 365d, as in `for: 5m`; null or unset: no."),
    ] = msgspec.field(name="for", default=None)
    recover_after: Annotated[
        int, Meta(ge=1, le=1000, description="Consecutive ok results before a problem is over.")
    ] = 1
    retry_interval: Annotated[
        Duration,
        Meta(description="Time to the next run while a bad or good result is not decided; unless set, the interval."),
    ] = Duration(0)
    flapping: Annotated[
        bool | Literal["icinga", "nagios"] | FlappingSection,
        Meta(description="false tells each of many changes; a formula, or {low: 25%, high: 30%}."),
    ] = "icinga"
    repeat_every: Annotated[
        Duration | None,
        Meta(description="Tell a problem again that lasts: after 1m to 365d, doubling up to 1d; null or unset: never."),
    ] = None
    depends_on: Annotated[
        str | tuple[str, ...] | Parents | None,
        Meta(description="Checks whose critical or nodata suppresses this one's events: a name, names, {all: names}."),
    ] = None
    maintenance: Annotated[
        Window | tuple[Window, ...] | None,
        Meta(description="One window or a list of them in which nothing of this check is reported."),
    ] = None
    tags: Annotated[dict[str, str], Meta(description="Tags on this check's events, such as {service: shop}.")] = {}  # noqa: RUF012 - msgspec copies it
    enabled: Annotated[bool, Meta(description="false keeps the check here and does not run it.")] = True
    description: Annotated[str, Meta(description="What the check means, for the event's message.")] = ""
    runbook: Annotated[str, Meta(description="What to do, text or address, for the event's message.")] = ""


COMMON = fields(CheckSection)
"""The settings every check has, by name: msgspec's FieldInfo."""
