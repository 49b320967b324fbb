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


def title(change: Notification) -> str:
    """Say it in one line: `CRITICAL root-disk on web-1: / 91.2% used (critical from 90%)`."""
    start = f"{change.status.name} {one_line(change.check, NAME_LIMIT)} on {host_name(change)}"
    end = _title_end(change)
    text = summary(change)
    middle = f": {text}" if text else ""
    return cut(start + cut(middle, max(40, TITLE_LIMIT - len(start) - len(end))) + end, TITLE_LIMIT + 60)


def host_name(change: Notification) -> str:
    return one_line(change.host.get("host", ""), NAME_LIMIT)


def _title_end(change: Notification) -> str:
    if change.repeat or change.restated:
        return f" (still, for {_for(change.incident_since, change.at)})"
    if change.status is EventStatus.OK and change.previous:
        return f" (was {_before_now(change.previous, change)})"
    return ""


def summary(change: Notification) -> str:
    """Return the summary, with the subject before it unless it is in it; the agent's own news say no subject."""
    text = one_line(change.summary, SUMMARY_LIMIT)
    subject = one_line(change.subject, NAME_LIMIT)
    words = {word.strip(":,;()'\"") for word in text.split()}
    is_named = not subject or is_news(change) or subject in words or (len(subject) > 3 and subject in text)
    return text if is_named else f"{subject} {text}".strip()


def is_news(change: Notification) -> bool:
    """Tell news of the agent itself from changes of a check."""
    return not change.incident and change.type == change.check


def message(change: Notification) -> str:
    """Say everything, in lines that read well as plain text and as Markdown."""
    return "\n".join(_news_lines(change) if is_news(change) else _message_lines(change))


def _news_lines(change: Notification) -> Iterator[str]:
    yield f"- host: {host_name(change)}"
    yield f"- agent: {one_line(change.check, NAME_LIMIT)} {one_line(change.agent_version, NAME_LIMIT)}"
    yield f"- {one_line(change.subject, NAME_LIMIT)}: {one_line(change.summary, TEXT_LIMIT)}"


def _message_lines(change: Notification) -> Iterator[str]:
    yield f"- status: {change.status.name.lower()}{_before(change)}"
    if change.status is EventStatus.FLAPPING:
        yield "- flapping: it changes too often to tell each change; what is true is told when it calms down"
    if change.incident_since and change.incident_since != change.since and change.at > change.incident_since:
        yield f"- problem: since {_for(change.incident_since, change.at)}"
    fields = {
        "summary": one_line(change.summary, SUMMARY_LIMIT),
        "check": f"{one_line(change.check, NAME_LIMIT)} ({one_line(change.type, NAME_LIMIT)})",
        "subject": one_line(change.subject, SUMMARY_LIMIT),
        "host": host_name(change),
    }
    yield from (f"- {name}: {text}" for name, text in fields.items() if text)
    yield from (f"- {format_metric(metric)}" for metric in change.metrics[:METRICS_LIMIT])
    if len(change.metrics) > METRICS_LIMIT:
        yield f"- and {len(change.metrics) - METRICS_LIMIT} more values"
    yield from _block("description", change.description, TEXT_LIMIT)
    yield from _block("runbook", change.runbook, TEXT_LIMIT)
    yield from _block("details", change.details, DETAILS_LIMIT)


def _block(name: str, text: str, limit: int) -> Iterator[str]:
    """One line stays on the line of its name; more go below it, indented."""
    block = lines(text, limit)
    if len(block) == 1:
        yield f"- {name}: {block[0]}"
    elif block:
        yield f"- {name}:"
        yield from (f"  {line}".rstrip() for line in block)


def _before(change: Notification) -> str:
    if change.restated:
        return f", told again as it stands: a problem for {_for(change.incident_since, change.at)}"
    if change.repeat:
        return f", told again ({change.repeat}. repetition)"
    return f", was {_before_now(change.previous, change)}" if change.previous else ""


def _before_now(previous: EventStatus, change: Notification) -> str:
    """Say `critical for 2h 5m`, or just `critical` when it is not known since when."""
    word = previous.name.lower()
    return f"{word} for {_for(change.since, change.at)}" if change.since and change.since < change.at else word


def _for(since: int, now: int) -> str:
    return duration_text(max(0, now - since) / 1000)


def format_metric(metric: Metric) -> str:
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
