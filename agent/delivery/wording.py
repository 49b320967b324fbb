"""Pure: what a person reads of a notification: a title for the phone, a message for the desk."""

from __future__ import annotations

import math
from collections.abc import Iterator

from agent.model import EventStatus, Metric, Notification
from agent.plugin.text import cut, lines, one_line
from agent.plugin.units import duration_text, size_text

TITLE_LIMIT = 200
SUMMARY_LIMIT = 1000
DETAILS_LIMIT = 4000
NAME_LIMIT = 100
TEXT_LIMIT = 2000
METRICS_LIMIT = 30


def title(told: Notification) -> str:
    """Say it in one line: `CRITICAL root-disk on web-1: / 91.2% used (critical from 90%)`."""
    start = f"{told.status.name} {one_line(told.check, NAME_LIMIT)} on {host_name(told)}"
    end = _title_end(told)
    said = summary(told)
    middle = f": {said}" if said else ""
    return cut(start + cut(middle, max(40, TITLE_LIMIT - len(start) - len(end))) + end, TITLE_LIMIT + 60)


def host_name(told: Notification) -> str:
    return one_line(told.host.get("host", ""), NAME_LIMIT)


def _title_end(told: Notification) -> str:
    if told.repeat or told.restated:
        return f" (still, for {_for(told.incident_since, told.at)})"
    return f" (was {_before_now(told.previous, told)})" if told.status is EventStatus.OK and told.previous else ""


def summary(told: Notification) -> str:
    """Return the summary, with the subject before it unless it is in it; the agent's own news say no subject."""
    said = one_line(told.summary, SUMMARY_LIMIT)
    subject = one_line(told.subject, NAME_LIMIT)
    words = {word.strip(":,;()'\"") for word in said.split()}
    named = not subject or is_news(told) or subject in words or (len(subject) > 3 and subject in said)
    return said if named else f"{subject} {said}".strip()


def is_news(told: Notification) -> bool:
    """Tell news of the agent itself from changes of a check."""
    return not told.incident and told.type == told.check


def message(told: Notification) -> str:
    """Say everything, in lines that read well as plain text and as Markdown."""
    return "\n".join(_news_lines(told) if is_news(told) else _message_lines(told))


def _news_lines(told: Notification) -> Iterator[str]:
    yield f"- host: {host_name(told)}"
    yield f"- agent: {one_line(told.check, NAME_LIMIT)} {one_line(told.agent_version, NAME_LIMIT)}"
    yield f"- {one_line(told.subject, NAME_LIMIT)}: {one_line(told.summary, TEXT_LIMIT)}"


def _message_lines(told: Notification) -> Iterator[str]:
    yield f"- status: {told.status.name.lower()}{_before(told)}"
    if told.status is EventStatus.FLAPPING:
        yield "- flapping: it changes too often to tell each change; what is true is told when it calms down"
    if told.incident_since and told.incident_since != told.since and told.at > told.incident_since:
        yield f"- problem: since {_for(told.incident_since, told.at)}"
    named = {
        "summary": one_line(told.summary, SUMMARY_LIMIT),
        "check": f"{one_line(told.check, NAME_LIMIT)} ({one_line(told.type, NAME_LIMIT)})",
        "subject": one_line(told.subject, SUMMARY_LIMIT),
        "host": host_name(told),
    }
    yield from (f"- {name}: {text}" for name, text in named.items() if text)
    yield from (f"- {measured(metric)}" for metric in told.metrics[:METRICS_LIMIT])
    if len(told.metrics) > METRICS_LIMIT:
        yield f"- and {len(told.metrics) - METRICS_LIMIT} more values"
    yield from _block("description", told.description, TEXT_LIMIT)
    yield from _block("runbook", told.runbook, TEXT_LIMIT)
    yield from _block("details", told.details, DETAILS_LIMIT)


def _block(name: str, text: str, limit: int) -> Iterator[str]:
    """One line stays on the line of its name; more go below it, indented."""
    found = lines(text, limit)
    if len(found) == 1:
        yield f"- {name}: {found[0]}"
    elif found:
        yield f"- {name}:"
        yield from (f"  {line}".rstrip() for line in found)


def _before(told: Notification) -> str:
    if told.restated:
        return f", told again as it stands: a problem for {_for(told.incident_since, told.at)}"
    if told.repeat:
        return f", told again ({told.repeat}. repetition)"
    return f", was {_before_now(told.previous, told)}" if told.previous else ""


def _before_now(previous: EventStatus, told: Notification) -> str:
    """Say `critical for 2h 5m`, or just `critical` when it is not known since when."""
    word = previous.name.lower()
    return f"{word} for {_for(told.since, told.at)}" if 0 < told.since < told.at else word


def _for(since: int, now: int) -> str:
    return duration_text(max(0, now - since) / 1000)


def measured(metric: Metric) -> str:
    """Say a value against its limits: `used: 91.2% (warning from 80%, critical from 90%)`."""
    limits = [
        f"{word} {_limit(text, metric.unit)}"
        for word, text in (("warning", metric.warning), ("critical", metric.critical))
        if text
    ]
    against = f" ({', '.join(limits)})" if limits else ""
    return f"{one_line(metric.name, NAME_LIMIT)}: {value_text(metric.value, metric.unit)}{against}"


def value_text(value: float, unit: str) -> str:
    """Say a number as people do: seconds and bytes with their usual units."""
    if math.isfinite(value) and unit == "s" and value >= 0:
        return duration_text(value)
    if math.isfinite(value) and unit == "B":
        return size_text(value)
    return f"{value:.6g}{one_line(unit, NAME_LIMIT)}"


def _limit(text: str, unit: str) -> str:
    """Say a Nagios range the way people do, where it is one of the two plain forms."""
    try:
        return f"{'below' if text.endswith(':') else 'from'} {value_text(float(text.removesuffix(':')), unit)}"
    except ValueError:
        return f"range {one_line(text, NAME_LIMIT)}"
