"""An outage of the network does not blind the agent to its own host."""

from __future__ import annotations

from agent.model import Status
from tests.outage import hanging_checks, healthy_checks, outage, silent_servers


def test_servers_that_never_answer_and_programs_that_hang_take_nothing_from_healthy_checks() -> None:
    timeout = 3.0
    with silent_servers(4) as ports:
        hanging = hanging_checks(130, 40, ports, interval=4.0, timeout=timeout)
        seen = outage(healthy_checks(10, 1.0), hanging, before=2.0, seconds=10.0)
    assert not seen.false_alarms
    # Far from the usual 1.1 s, for a busy machine; without a loop they came to wait for the hanging ones: 4 s.
    assert seen.gap_p99 < 2.5
    assert seen.threads <= 20
    assert len(seen.hanging) == len(hanging), "each hanging check is told of"
    for name, outcomes in seen.hanging.items():
        said = outcomes[0].results[0]
        if name.startswith("silent"):
            assert (said.status, said.summary[:16]) == (Status.CRITICAL, "no answer within"), said
        else:
            assert said.status is Status.NODATA, said
        assert all(outcome.duration < timeout + 1.5 for outcome in outcomes), "on time"
