"""Pure: a number that passed a level stays bad until it passes the clear level."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agent.model import SEVERITY, Result, Status


def held_results(result: Result, raised: Mapping[str, Status]) -> tuple[Result, dict[str, Status]]:
    """Return the result as it counts, and which metrics are raised now."""
    # What was not measured has not cleared: a run that could not look ends no problem; the next goes on with it.
    unmeasured = result.status is Status.NODATA
    measured = {metric.name for metric in result.metrics}
    still = {name: status for name, status in raised.items() if unmeasured and name not in measured}
    worst, held = result.status, []
    for metric in result.metrics:
        if metric.status is None:
            continue
        status = metric.status
        before = raised.get(metric.name, Status.OK)
        if metric.hold is not None and SEVERITY[before] >= SEVERITY[metric.hold]:
            status = metric.hold
            held.append(metric.name)
        if status is not Status.OK:
            still[metric.name] = status
        worst = max(worst, status, key=SEVERITY.__getitem__)
    if worst is result.status:
        return result, still
    note = f"{result.summary} ({', '.join(held)}: {worst} until it clears)"
    return msgspec.structs.replace(result, status=worst, summary=note), still
