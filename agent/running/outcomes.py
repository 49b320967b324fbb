"""What came of a run -> its one outcome, as it may leave the process."""

from __future__ import annotations

import time
from collections.abc import Callable

from agent.model import Outcome, Result, Status
from agent.plugin.results import presentable, without_secrets
from agent.running.execute import CheckOutput
from agent.running.run import Run


def outcome_of(run: Run, output: CheckOutput, scrub: Callable[[str], str]) -> Outcome:
    """Return what a run has seen; `scrub` takes secrets out of texts."""
    duration = time.monotonic() - run.context.started
    results = presentable((*output.results, *output.left_out), scrub)
    config = run.config
    return Outcome(
        check=config.name,
        run=run.number,
        started_at=run.started_at,
        duration=duration,
        results=results[: len(output.results)],
        complete=output.complete,
        memory=without_secrets(output.memory, scrub),
        type=config.type,
        settings_checksum=config.settings_checksum,
        left_out=results[len(output.results) :],
    )


def failure_of(run: Run, reason: str, scrub: Callable[[str], str]) -> Outcome:
    """Return that a run could not look, and why."""
    return outcome_of(run, CheckOutput((Result(Status.NODATA, reason),), complete=False), scrub)
