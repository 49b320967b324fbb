"""One look: a check's own code is run, and whatever it does becomes results."""

from __future__ import annotations

import time
import traceback
from typing import Any

import msgspec

from agent.api import Check
from agent.model import Result, Status
from agent.plugin.context import CheckError, Context
from agent.plugin.patterns import searching_until
from agent.plugin.results import gathered
from agent.plugin.units import duration_text

GRACE_SECONDS = 1.0
"""What a check that minds its own deadline may need to word its result after it."""


class CheckOutput(msgspec.Struct, frozen=True):
    """What one look has seen: one result a subject, at least one."""

    results: tuple[Result, ...]
    complete: bool = True
    """False: the run as a whole could not look."""
    bug: str = ""
    """The traceback, where the check's own code is at fault."""
    memory: dict[str, Any] | None = None
    """What the check remembers now; None leaves its last memory as it is."""


def execute(check: Check, context: Context) -> CheckOutput:
    """Run the check in this thread."""
    found: list[Any] = []
    try:
        with searching_until(context.deadline):
            for one in check.run(context):
                found.append(one)
                if time.monotonic() > context.deadline + GRACE_SECONDS:
                    raise CheckError(f"did not finish within {duration_text(context.timeout)}")
        return CheckOutput(gathered(found), memory=context.memory)
    except CheckError as error:
        return CheckOutput(_with_failure(found, str(error) or "could not look"), complete=False)
    except BaseException as error:  # noqa: BLE001 - a check is foreign code, SystemExit included; the runner logs it
        failure = f"a bug in this check: {type(error).__name__}: {error}"
        return CheckOutput(_with_failure(found, failure), complete=False, bug=traceback.format_exc())


def _with_failure(found: list[Any], reason: str) -> tuple[Result, ...]:
    """Keep what was seen before the run failed; the failure itself belongs to the check, subject ''."""
    return gathered([one for one in found if isinstance(one, Result)] + [Result(Status.NODATA, reason)])
