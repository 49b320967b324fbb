"""One look: a check's own code is run, and whatever it does becomes results."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from agent.api import Check
from agent.model import Metric, Result, Status
from agent.plugin.context import CheckError, Context
from agent.plugin.patterns import searching_until
from agent.plugin.results import bounded, gathered
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
    left_out: tuple[Result, ...] = ()
    """Of subjects that are too many."""


def execute(check: Check, context: Context) -> CheckOutput:
    """Run the check in this thread."""
    found: list[Any] = []
    try:
        with searching_until(context.deadline):
            for one in _yielded(check.run(context)):
                found.append(one)
                if time.monotonic() > context.deadline + GRACE_SECONDS:
                    raise CheckError(f"did not finish within {duration_text(context.timeout)}")
        return _output(gathered(found), memory=context.memory)
    except CheckError as error:
        return _output(_with_failure(found, str(error) or "could not look"), complete=False)
    except BaseException as error:  # noqa: BLE001 - a check is foreign code, SystemExit included; the runner logs it
        return broken(f"a bug in this check: {type(error).__name__}: {error}", found)


def _output(
    results: tuple[Result, ...], complete: bool = True, bug: str = "", memory: dict[str, Any] | None = None
) -> CheckOutput:
    told, left_out = bounded(results)
    return CheckOutput(told, complete, bug, memory, left_out)


def broken(reason: str, found: Sequence[Any] = ()) -> CheckOutput:
    """Tell of the exception that is being handled, beside what was found before it."""
    return _output(_with_failure(found, reason), complete=False, bug=traceback.format_exc())


def _yielded(made: Any) -> Iterable[Any]:
    """Return what `run` made, where it can be gone through; TypeError says what to write instead."""
    if isinstance(made, Result | Metric):
        raise TypeError(f"run() returned a {type(made).__name__}: yield it instead")
    if made is None:
        raise TypeError("run() returned nothing: yield a result, such as `yield ok(...)`")
    return made  # type: ignore[no-any-return]  # whatever else it is says so itself


def _with_failure(found: Sequence[Any], reason: str) -> tuple[Result, ...]:
    """Keep what was seen before the run failed; the failure itself belongs to the check, subject ''."""
    return gathered([one for one in found if isinstance(one, Result)] + [Result(Status.NODATA, reason)])
