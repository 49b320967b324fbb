"""The form of `hostvigil check NAME --json`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from agent.model import Outcome, Result, Status
from agent.view.forms.words import VERSION, Moment, Span, Version


class CheckForm(msgspec.Struct, frozen=True):
    """`hostvigil check NAME --json`."""

    version: Version
    check: str
    type: str
    status: Annotated[Status, Meta(description="The worst of the results.")]
    started_at: Moment
    duration: Span
    complete: Annotated[bool, Meta(description="false: the run as a whole could not look.")]
    results: tuple[Result, ...]


def check_form(outcome: Outcome, worst: Status) -> CheckForm:
    fields = {name: getattr(outcome, name) for name in CheckForm.__struct_fields__ if name not in ("version", "status")}
    return CheckForm(version=VERSION, status=worst, **fields)
