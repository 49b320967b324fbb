"""A fleet in a box, the short series; the long ones are `make fleet`."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from pathlib import Path

import pytest

from agent.model import EventStatus
from tests.fleet.relay_process import RelayProcess
from tests.fleet.simulator import Box, flood, loud, storm, until

NO_LIMIT = ", rate_limit: 6000/min, workspace_limit: 6000/min"


def test_an_outage_of_five_hundred_hosts_is_told_in_a_few_events(tmp_path: Path) -> None:
    box = Box(tmp_path, keys=2)
    figures = asyncio.run(box.run(storm(500, 2.0), patience=60))
    assert figures.good, figures
    assert figures.requests <= 30


def epoch(relay: RelayProcess) -> int:
    """Return the number under which it was at work last; 0 if it never was."""
    return max(map(int, re.findall(r"at work, as number (\d+)", relay.output())), default=0)


def test_a_relay_that_slept_past_its_lease_sends_nothing_after_it_wakes(tmp_path: Path) -> None:
    box = Box(tmp_path, keys=1, limits=NO_LIMIT, per_key=6000, per_workspace=6000, seconds=1.0)

    async def disturb(box: Box) -> None:
        for number in range(30):
            box.hosts.change(f"host-{number}")
        await until(lambda: box.api.requests, "the first request")
        asleep, other = sorted(box.relays, key=epoch, reverse=True)
        asleep.signal(signal.SIGSTOP)
        for number in range(3):
            box.hosts.change(f"host-{number}", "disk")
        await until(lambda: epoch(other) > epoch(asleep) and not box.hosts.left, "the other has told all")
        requests = len(box.api.requests)
        asleep.signal(signal.SIGCONT)
        await asyncio.sleep(2.0)
        assert len(box.api.requests) == requests, "what it was about to send when it fell asleep"

    figures = asyncio.run(box.run(disturb, patience=60))
    assert figures.good, figures


def test_a_host_with_endless_criticals_starves_nobody(tmp_path: Path) -> None:
    box = Box(tmp_path, keys=1)
    box.api.seconds = 0.0

    async def disturb(box: Box) -> None:
        await loud(5)(box)
        quiet = {id_ for id_, (host, _, _) in box.hosts.made.items() if host != "loud"}
        await until(lambda: quiet <= set(box.api.told_at), "the warnings of the quiet hosts are told")

    figures = asyncio.run(box.run(disturb, patience=0))
    assert not figures.two_texts and not figures.above and not figures.rejected, figures


@pytest.mark.parametrize("valid", [True, False])
def test_a_host_that_floods_the_broker_starves_none_of_a_hundred(tmp_path: Path, valid: bool) -> None:
    box = Box(tmp_path, keys=1)

    async def disturb(box: Box) -> None:
        flooding = asyncio.create_task(flood(box, valid))
        await asyncio.sleep(0.5)
        for number in range(100):
            box.hosts.change(f"honest-{number}", "disk", EventStatus.WARNING)
        honest, until = set(box.hosts.made), time.monotonic() + 60
        while not honest <= set(box.api.told_at):
            assert time.monotonic() < until, f"{len(honest - set(box.api.told_at))} honest ones are not told"
            await asyncio.sleep(0.1)
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)

    figures = asyncio.run(box.run(disturb, patience=0))
    assert not figures.two_texts and not figures.above and not figures.rejected, figures


def test_one_change_that_the_api_refuses_is_found_and_all_others_are_told(tmp_path: Path) -> None:
    box = Box(tmp_path, keys=1, limits=NO_LIMIT, per_key=6000, per_workspace=6000)
    box.api.fault_for = lambda body: "refuse" if "host-7.example" in json.dumps(body) else ""

    async def disturb(box: Box) -> None:
        for number in range(30):
            box.hosts.change(f"host-{number}.example")

    figures = asyncio.run(box.run(disturb, patience=60))
    refused = {box.hosts.made[id_][0] for id_ in set(box.hosts.made) - set(box.api.told_at)}
    assert (refused, box.hosts.left) == ({"host-7.example"}, 0), "the host has its receipt, too"
    assert not figures.two_texts and not figures.rejected


def test_one_change_that_a_firewall_does_not_like_holds_up_no_other_and_is_told_in_the_end(tmp_path: Path) -> None:
    box = Box(tmp_path, keys=1, limits=NO_LIMIT, per_key=6000, per_workspace=6000)
    box.api.fault_for = lambda body: "blocked" if "host-7.example" in json.dumps(body) else ""

    async def disturb(box: Box) -> None:
        for number in range(30):
            box.hosts.change(f"host-{number}.example")
        until = time.monotonic() + 60
        while len(box.api.told_at) < 29:
            assert time.monotonic() < until, f"{len(box.api.told_at)} of 29 are told"
            await asyncio.sleep(0.1)
        box.api.fault_for = lambda body: ""

    figures = asyncio.run(box.run(disturb, patience=90))
    assert figures.good, figures


def test_answers_that_go_wrong_cost_time_and_lose_nothing(tmp_path: Path) -> None:
    box = Box(tmp_path, keys=2, limits=NO_LIMIT, per_key=6000, per_workspace=6000)
    box.api.fail_next("500", "accept_then_reset", "502", "reset", "accept_then_reset", "html_200")

    async def disturb(box: Box) -> None:
        for number in range(40):
            box.hosts.change(f"host-{number % 20}")
            await asyncio.sleep(0.02)

    figures = asyncio.run(box.run(disturb, patience=90))
    assert figures.good, figures


def test_a_bad_key_rests_and_the_other_tells_all(tmp_path: Path) -> None:
    box = Box(tmp_path, keys=2, limits=NO_LIMIT, per_key=6000, per_workspace=6000)
    box.api.keys.remove("ak_0")

    async def disturb(box: Box) -> None:
        for number in range(8):
            box.hosts.change(f"host-{number}")

    figures = asyncio.run(box.run(disturb, patience=60))
    assert figures.good, figures
