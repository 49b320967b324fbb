"""Many checks of one server: when each connects."""

from __future__ import annotations

import asyncio
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Context
from checks._network.addresses import Address
from checks._network.connection import connect
from checks._network.crowd import AT_ONCE, CROWD, LONGEST_SECONDS, MOST_ADDRESSES, PAUSE_SECONDS, Crowd
from checks._network.network import Network
from checks._network.progress import Progress
from tests.running.outage import silent_servers


@given(st.lists(st.tuples(st.floats(0, 0.05), st.sampled_from("ab")), max_size=300))
def test_no_more_than_the_bound_connect_at_once_and_nobody_waits_who_needs_not(steps: list[tuple[float, str]]) -> None:
    crowd, now = Crowd(), 1000.0
    moments: dict[str, list[float]] = {"a": [], "b": []}
    for step, address in steps:
        now += step
        wait = crowd.wait(address, now, 10.0)
        before = moments[address]
        # Whoever comes when fewer than the bound have come lately does not wait.
        if sum(moment > now - AT_ONCE * PAUSE_SECONDS for moment in before) < AT_ONCE:
            assert wait == 0
        assert 0 <= wait <= LONGEST_SECONDS
        before.append(now + wait)
        span = 0.1
        if wait < LONGEST_SECONDS:
            assert sum(moment > now + wait - span for moment in before) <= AT_ONCE + span / PAUSE_SECONDS + 1


def test_a_crowd_waits_no_longer_than_a_tenth_of_its_time_and_forgets_addresses() -> None:
    crowd = Crowd()
    waits = [crowd.wait("x", 5.0, 0.5) for _ in range(5000)]
    assert (waits[AT_ONCE - 1], waits[-1]) == (0.0, 0.05)
    assert [crowd.wait(str(number), 5.0, 1.0) for number in range(2 * MOST_ADDRESSES)] == [0.0] * 2 * MOST_ADDRESSES
    assert len(crowd._taken_until) <= MOST_ADDRESSES + 1
    assert crowd.wait("x", 50.0, 0.5) == 0.0


def test_what_a_connection_waits_for_others_is_no_time_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect_one(address: Address) -> tuple[float, float]:
        began = time.monotonic()
        progress = Progress(began + 60, timeout=2.0)
        with await connect(address, 0, Network(Context(), progress)):
            progress.leave()
            of_the_server = progress.elapsed()
            return time.monotonic() - began, of_the_server

    with silent_servers(1) as (port,):
        # Its turns are taken for ever: on a machine however busy, each waits for a tenth of its 2 s.
        monkeypatch.setitem(CROWD._taken_until, f"127.0.0.1 {port}", math.inf)
        total, of_the_server = asyncio.run(connect_one(Address("127.0.0.1", port)))
    assert total - of_the_server >= 0.2
