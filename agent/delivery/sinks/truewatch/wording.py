"""Pure: what a person reads of a change: a title for the phone, a message for the desk."""

from __future__ import annotations

import math
from collections.abc import Iterator

from agent.config.settings import CheckConfig
from agent.model import EventStatus, Metric, Report, Result
from agent.plugin.text import cut, lines, one_line
from agent.plugin.units import duration_text, size_text

TITLE_LIMIT = 200
SUMMARY_LIMIT = 1000
DETAILS_LIMIT = 4000
NAME_LIMIT = 100
TEXT_LIMIT = 2000
METRICS_LIMIT = 30


def title(report: Report, result: Result, check: str, host: str, now: int) -> str:
    """Say it in one line: `CRITICAL root-disk on web-1: / 91.2% used (critical from 90%)`."""
    start = f"{report.status.name} {one_line(check, NAME_LIMIT)} on {one_line(host, NAME_LIMIT)}"
    end = _title_end(report, now)
    said = summary(result)
    middle = f": {said}" if said else ""
    return cut(start + cut(middle, max(40, TITLE_LIMIT - len(start) - len(end))) + end, TITLE_LIMIT + 60)


def _title_end(report: Report, now: int) -> str:
    if report.repeat:
        return f" (still, for {duration_text(max(0, now - report.incident_since) / 1000)})"
    return f" (was {_lasted(report, now)})" if report.status is EventStatus.OK and report.previous else ""


def summary(result: Result) -> str:
    """Return the result's summary, with the subject before it unless it is in it."""
    said = one_line(result.summary, SUMMARY_LIMIT)
    subject = one_line(result.subject, NAME_LIMIT)
    words = {word.strip(":,;()'\"") for word in said.split()}
    named = not subject or subject in words or (len(subject) > 3 and subject in said)
    return said if named else f"{subject} {said}".strip()


def message(report: Report, result: Result, config: CheckConfig, host: str, now: int) -> str:
    """Say everything, in lines that read well as plain text and as Markdown."""
    return "\n".join(_message_lines(report, result, config, host, now))


def _message_lines(report: Report, result: Result, config: CheckConfig, host: str, now: int) -> Iterator[str]:
    yield f"- status: {report.status.name.lower()}{_before(report, now)}"
    if report.status is EventStatus.FLAPPING:
        yield "- flapping: it changes too often to tell each change; what is true is told when it calms down"
    if report.incident_since and report.incident_since != report.since and now > report.incident_since:
        yield f"- problem: since {duration_text((now - report.incident_since) / 1000)}"
    named = {
        "summary": one_line(result.summary, SUMMARY_LIMIT),
        "check": f"{one_line(config.name, NAME_LIMIT)} ({one_line(config.type, NAME_LIMIT)})",
        "subject": one_line(result.subject, SUMMARY_LIMIT),
        "host": one_line(host, NAME_LIMIT),
    }
    yield from (f"- {name}: {text}" for name, text in named.items() if text)
    yield from (f"- {measured(metric)}" for metric in result.metrics[:METRICS_LIMIT])
    if len(result.metrics) > METRICS_LIMIT:
        yield f"- and {len(result.metrics) - METRICS_LIMIT} more values"
    yield from _block("description", config.description, TEXT_LIMIT)
    yield from _block("runbook", config.runbook, TEXT_LIMIT)
    yield from _block("details", result.details, DETAILS_LIMIT)


def _block(name: str, text: str, limit: int) -> Iterator[str]:
    """One line stays on the line of its name; more go below it, indented."""
    found = lines(text, limit)
    if len(found) == 1:
        yield f"- {name}: {found[0]}"
    elif found:
        yield f"- {name}:"
        yield from (f"  {line}".rstrip() for line in found)


def _before(report: Report, now: int) -> str:
    if report.repeat:
        return f", told again ({report.repeat}. repetition)"
    return f", was {_lasted(report, now)}" if report.previous else ""


def _lasted(report: Report, now: int) -> str:
    """Say `critical for 2h 5m`, or just `critical` when it is not known since when."""
    word = report.previous.name.lower() if report.previous else "unknown"
    if not report.since or now <= report.since:
        return word
    return f"{word} for {duration_text((now - report.since) / 1000)}"


def measured(metric: Metric) -> str:
    """Say a value against its limits: `used: 91.2% (warning from 80%, critical from 90%)`."""
    limits = [
        f"{word} {_limit(text, metric.unit)}"
        for word, text in (("warning", metric.warning), ("critical", metric.critical))
        if text
    ]
    against = f" ({', '.join(limits)})" if limits else ""
    return f"{one_line(metric.name, NAME_LIMIT)}: {_value(metric.value, metric.unit)}{against}"


def _value(value: float, unit: str) -> str:
    if math.isfinite(value) and unit == "s" and value >= 0:
        return duration_text(value)
    if math.isfinite(value) and unit == "B":
        return size_text(value)
    return f"{value:.6g}{one_line(unit, NAME_LIMIT)}"


def _limit(text: str, unit: str) -> str:
    """Say a Nagios range the way people do, where it is one of the two plain forms."""
    try:
        return f"{'below' if text.endswith(':') else 'from'} {_value(float(text.removesuffix(':')), unit)}"
    except ValueError:
        return f"range {one_line(text, NAME_LIMIT)}"
