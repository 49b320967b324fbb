"""hostvigil report: hands a result to the running agent."""

from __future__ import annotations

import argparse

from agent.cli.output import fail
from agent.model import Status
from agent.push.client import NotPushed, push
from agent.push.message import Message

SUMMARY_LIMIT, DETAILS_LIMIT = 4000, 16_000
"""Characters: a long text costs its end, not the result."""


def main(options: argparse.Namespace) -> int:
    """Exits 0 once the agent, or its spool, has the result; 2 when neither does."""
    said = " ".join(options.summary).encode(errors="replace").decode()  # a word may be no text
    try:
        message = Message(
            check=options.name,
            status=Status(options.status),
            summary=said[:SUMMARY_LIMIT],
            details=said[:DETAILS_LIMIT] if len(said) > SUMMARY_LIMIT else "",
            subject=options.subject,
            metrics=dict(metric(text) for text in options.metric),
        )
        how = push(message, options.state)
    except (ValueError, NotPushed) as error:
        return fail(error)
    if how == "spooled":
        print("the agent is not there; it takes the result when it starts")
    elif how == "waiting":
        print("the agent does not answer now; it takes the result when it can")
    return 0


def metric(text: str) -> tuple[str, float]:
    """Read `name=value`; ValueError where it is none."""
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise ValueError(
            f"--metric {text!r} is not understood, write name=value, for example --metric files=12"
        ) from None
