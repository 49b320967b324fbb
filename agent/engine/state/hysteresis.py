"""Pure: a number that passed a level stays bad until it passes the clear level."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agent.model import SEVERITY, Result, Status

NOTHING: dict[str, Status] = {}
"""One for the states of all that is well; as any value, nobody changes it."""


def apply_hysteresis(result: Result, latched: Mapping[str, Status]) -> tuple[Result, dict[str, Status]]:
    """Return the result as it counts, and which metrics are raised now."""
    # What was not measured has not cleared: a run that could not look ends no problem; the next goes on with it.
    no_data = result.status is Status.NODATA
    metric_names = {metric.name for metric in result.metrics}
    still = {name: status for name, status in latched.items() if no_data and name not in metric_names}
    worst, names = result.status, []
    for metric in result.metrics:
        if metric.status is None:
            continue
        status = metric.status
        before = latched.get(metric.name, Status.OK)
        if metric.hold is not None and SEVERITY[before] >= SEVERITY[metric.hold]:
            status = metric.hold
            names.append(metric.name)
        if status is not Status.OK:
            still[metric.name] = status
        worst = max(worst, status, key=SEVERITY.__getitem__)
    if worst is result.status:
        return result, still or NOTHING
    note = f"{result.summary} ({', '.join(names)}: {worst} until it clears)"
    return msgspec.structs.replace(result, status=worst, summary=note), still
