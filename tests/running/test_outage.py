"""An outage of the network does not blind the agent to its own host."""

from __future__ import annotations

from collections.abc import Iterator

from agent.model import Status
from tests.running.outage import Seen, hanging_checks, healthy_checks, outage, silent_servers

GAP = 2.5
"""Seconds. It is usually 1.1; without a loop healthy checks came to wait for the hanging ones: 4 s."""


def test_servers_that_never_answer_and_programs_that_hang_take_nothing_from_healthy_checks() -> None:
    timeout = 3.0
    for _ in range(3):  # a machine that is busy for a moment holds everything up; a fault does so each time
        with silent_servers(4) as ports:
            hanging = hanging_checks(130, 40, ports, interval=4.0, timeout=timeout)
            seen = outage(healthy_checks(10, 1.0), hanging, before=2.0, seconds=10.0)
        if not (found := list(complaints(seen, timeout))):
            break
    assert found == []
    assert seen.threads <= 20
    assert len(seen.hanging) == len(hanging), "each hanging check is told of"


def complaints(seen: Seen, timeout: float) -> Iterator[str]:
    """Say what is wrong with what was seen."""
    yield from seen.false_alarms
    if seen.gap_p99 >= GAP:
        yield f"{seen.gap_p99:.1f}s between two results of a healthy check"
    for name, outcomes in seen.hanging.items():
        said = outcomes[0].results[0]
        silent = name.startswith("silent")
        if said.status is not (Status.CRITICAL if silent else Status.NODATA):
            yield f"{name}: {said}"
        if silent and not said.summary.startswith("no answer within"):
            yield f"{name}: {said.summary}"
        if any(one.duration >= timeout + 1.5 for one in outcomes):
            yield f"{name} is not over in time"
