"""The relay's page and /metrics, of the one at work and of the one standing by, as real processes serve them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.config.page_address import parse
from agent.fleet.lease import Grant
from agent.fleet.page.application import is_ready
from agent.fleet.page.metrics import exposition
from agent.fleet.status import KeyStatus, RelayStatus, RelayView, parse_status
from agent.model import Silence
from agent.page.templates import fill
from tests.fleet.letters import NOW
from tests.fleet.nats_server import free_port
from tests.fleet.relay_process import RelayProcess
from tests.fleet.simulator import Box

EVIL = "<script>alert(1)</script>"


def fetch(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


async def until(true: Callable[[], object], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not await asyncio.to_thread(true):
        assert time.monotonic() < end
        await asyncio.sleep(0.2)


@contextmanager
def started(relay: RelayProcess) -> Iterator[None]:
    """`hostvigil relay` itself."""
    command = (sys.executable, "-m", "agent.cli", "relay", "--config", str(relay.config))
    with relay.log.open("ab") as log:
        relay.process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield
    finally:
        relay.kill()


def test_both_relays_show_the_backlog_the_keys_the_lease_and_who_is_missing(tmp_path: Path) -> None:
    box = Box(tmp_path, keys=2, relays=0)
    ports = [free_port(), free_port()]
    relays = [
        RelayProcess(tmp_path, name, box.broker.url, box.api.url, box.api.keys, f"  page: 127.0.0.1:{port}\n")
        for name, port in zip("ab", ports, strict=True)
    ]

    async def disturb(box: Box) -> None:
        await until(lambda: all(fetch(port, "/readyz")[0] == 200 for port in ports))
        await box.hosts.beat(["web-1"], 10)
        for host in ("web-1", "web-2", "web-2"):
            box.hosts.change(host)
        # Nothing is sent in the first minute of a ledger, so it waits.
        await until(
            lambda: all('hostvigil_relay_host_waiting{host="web-2"} 2.0' in fetch(p, "/metrics")[1] for p in ports)
        )
        await until(
            lambda: all('hostvigil_relay_host_missing{host="web-1"} 1.0' in fetch(p, "/metrics")[1] for p in ports)
        )
        texts = [fetch(port, "/metrics")[1] for port in ports]
        assert sorted("hostvigil_relay_holds_lease 1.0" in text for text in texts) == [False, True]
        assert all("hostvigil_relay_key_left" in text and "hostvigil_relay_up 1.0" in text for text in texts)
        for port in ports:
            code, page = fetch(port, "/")
            assert code == 200 and "changes wait" in page and "web-2" in page and "not heard of: 1" in page
            assert json.loads(fetch(port, "/api/v1/status")[1])["status"]["missing_hosts"] == ["web-1"]
            assert fetch(port, "/page.css")[0] == 200 and fetch(port, "/none")[0] == 404
            assert "<html" not in fetch(port, "/?part=main")[1]

    with started(relays[0]), started(relays[1]):
        asyncio.run(box.run(disturb, patience=0))


def shown(at: int) -> RelayView:
    status = RelayStatus(
        at,
        EVIL,
        3,
        7,
        1,
        {EVIL: 7},
        {EVIL: KeyStatus(3, EVIL)},
        5,
        1,
        (EVIL,),
        {EVIL: 2},
        (Silence(EVIL, 0, NOW, EVIL),),
    )
    return RelayView("me").hear(Grant(EVIL, 3), status, at)


def test_whatever_hosts_are_called_the_page_stays_text_and_the_metrics_are_read() -> None:
    page = fill("relay", NOW, title=EVIL, view=shown(NOW), status=shown(NOW).status, fresh=True)
    assert EVIL not in page and page.count("&lt;script&gt;") >= 8
    families = list(text_string_to_metric_families(exposition(shown(NOW), True).decode()))
    assert {sample.labels["host"] for family in families for sample in family.samples if "host" in sample.labels} == {
        EVIL
    }


def test_a_status_of_another_version_is_none() -> None:
    status = shown(NOW).status
    assert parse_status(msgspec.json.encode(status)) == status
    assert parse_status(b"") is parse_status(b"{") is parse_status(b'{"at": "then"}') is None


def test_a_status_that_nobody_renews_is_no_relay_at_work() -> None:
    assert is_ready(shown(NOW), NOW + 1_000) and not is_ready(shown(NOW), NOW + 60_000)
    assert not is_ready(RelayView("me"), NOW)


@pytest.mark.parametrize("ahead", [-86_400_000, -40_000, 40_000, 86_400_000])
def test_who_stands_by_believes_a_relay_whose_clock_is_another_until_it_says_nothing_new(ahead: int) -> None:
    first, second = shown(NOW + ahead), shown(NOW + ahead + 2_000)
    view = RelayView("me").hear(first.grant, first.status, NOW)
    view = view.hear(second.grant, second.status, NOW + 2_000)
    assert is_ready(view, NOW + 4_000)
    view = view.hear(second.grant, second.status, NOW + 60_000)
    assert not is_ready(view, NOW + 60_000)


def test_an_address_of_the_page_is_one_of_this_host() -> None:
    assert parse("127.0.0.1:8742").port == 8742
