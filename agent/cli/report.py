"""hostvigil report: hands a result to the running agent."""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
from collections.abc import Sequence

from agent.cli.output import fail
from agent.model import Status
from agent.push.client import PushError, push
from agent.push.message import MOST_METRICS, NAME_LIMIT, Message

SUMMARY_LIMIT, DETAILS_LIMIT = 4000, 16_000
"""Characters: a long text costs its end, not the result."""
NOTES = 5


def main(options: argparse.Namespace) -> int:
    """Exits 0 once the agent, or its spool, has the result; 2 when neither does."""
    summary = " ".join(options.summary).encode(errors="replace").decode()  # a word may be no text
    try:
        metrics, warnings = read_metrics(options.metric)
        more = summary[:DETAILS_LIMIT] if len(summary) > SUMMARY_LIMIT else ""
        message = Message(
            check=options.name,
            status=Status(options.status),
            summary=summary[:SUMMARY_LIMIT],
            details="\n".join(filter(None, (more, *warnings[:NOTES]))),
            subject=options.subject,
            metrics=metrics,
        )
        how = push(message, options.state)
    except (ValueError, PushError) as error:
        return fail(error)
    for text in warnings:
        print(f"hostvigil: {text}", file=sys.stderr)
    if how == "spooled":
        print("the agent is not there; it takes the result when it starts")
    elif how == "waiting":
        print("the agent does not answer now; it takes the result when it can")
    return 0


def read_metrics(texts: Sequence[str]) -> tuple[dict[str, float], list[str]]:
    """Return the metrics, and what is said of those that are left out: a number that is none costs itself only.

    ValueError where one is not written as name=value: who types that is there to read it.
    """
    metrics: dict[str, float] = {}
    warnings = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name.strip() and equals):
            raise ValueError(f"--metric {text!r} is not understood, write name=value, for example --metric files=12")
        number = _number(value)
        if number is None or len(metrics) == MOST_METRICS:
            why = f"{value[:80]!r} is no number" if number is None else f"{MOST_METRICS} are the most"
            warnings.append(f"metric {name[:NAME_LIMIT]} is left out: {why}")
        else:
            metrics[name[:NAME_LIMIT]] = number
    return metrics, warnings


def _number(text: str) -> float | None:
    with contextlib.suppress(ValueError):
        return number if math.isfinite(number := float(text)) else None
    return None
