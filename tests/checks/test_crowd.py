"""Many checks of one server: when each connects."""

from __future__ import annotations

import asyncio
import time

from hypothesis import given
from hypothesis import strategies as st

from agent.api import Context
from checks._network.addresses import Address
from checks._network.connection import connect
from checks._network.crowd import AT_ONCE, LONGEST_SECONDS, MOST_ADDRESSES, PAUSE_SECONDS, Crowd
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


def test_what_a_connection_waits_for_others_is_no_time_of_the_server() -> None:
    async def connect_one(port: int, began: float) -> tuple[float, float]:
        progress = Progress(began + 60)
        with await connect(Address("127.0.0.1", port), 0, Network(Context(), progress)):
            progress.leave()
            return time.monotonic() - began, progress.elapsed()

    async def crowd(port: int) -> list[tuple[float, float]]:
        # One beginning for all: on a busy machine the last one comes late, and waits less of its own time.
        began = time.monotonic()
        return await asyncio.gather(*(connect_one(port, began) for _ in range(10 * AT_ONCE)))

    with silent_servers(1) as (port,):
        took = asyncio.run(crowd(port))
    last, of_the_server = took[-1]
    assert last >= 8 * AT_ONCE * PAUSE_SECONDS
    assert of_the_server < last - 7 * AT_ONCE * PAUSE_SECONDS
