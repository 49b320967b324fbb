"""`hostvigil relay silence`, `unsilence` and `forget`, with a real relay and broker, as a person calls them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from agent.fleet.commands import Command, Commands, Reply
from agent.fleet.streams import WriteConflict
from tests.fleet import relay_process
from tests.fleet.nats_server import NatsServer
from tests.fleet.simulator import Box

NO_LIMIT = ", rate_limit: 6000/min, workspace_limit: 6000/min"


async def hostvigil(box: Box, *words: str) -> tuple[int, str]:
    done = await asyncio.to_thread(relay_process.hostvigil, box.relays[0], *words)
    return done.returncode, done.stdout + done.stderr


async def until(true: Callable[[], object], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.1)


async def shown(box: Box, text: str) -> None:
    """Ask for the status until it says so: it is renewed every two seconds."""
    end = time.monotonic() + 20
    while text not in (said := (await hostvigil(box, "status"))[1]):
        assert time.monotonic() < end, said
        await asyncio.sleep(0.2)


def noted(state: Path) -> bytes:
    """Return all that a relay has written down: what the other one did comes to it a moment later."""
    return b"".join(file.read_bytes() for file in state.rglob("*") if file.is_file())


def told(box: Box) -> list[tuple[str, str]]:
    bodies = {body["customTags"]["event_id"]: body for body in map(json.loads, box.api.requests)}
    return [(body["customTags"]["host"], body["status"]) for body in bodies.values()]


def test_a_silence_outlives_relay_and_broker_and_ends_when_somebody_ends_it(tmp_path: Path) -> None:
    box = Box(tmp_path, keys=1, limits=NO_LIMIT, per_key=6000, per_workspace=6000)

    async def disturb(box: Box) -> None:
        assert await hostvigil(box, "silence") in (
            (0, "nothing is silenced\n"),
            (1, "no relay is at work: hostvigil relay status\n"),
        )
        await until(lambda: any("at work" in relay.output() for relay in box.relays))
        await box.hosts.beat(["web-1"], 60)
        await asyncio.sleep(6)
        code, text = await hostvigil(box, "silence", "host=web-*", "--for", "1d", "--reason", "new racks")
        assert code == 0 and "host=web-*  for another 1d  (new racks)" in text and "it matches hosts: web-1" in text
        await until(lambda: all(b"new racks" in noted(relay.state) for relay in box.relays))
        assert "matches no host" in (await hostvigil(box, "silence", "host=wbe-*"))[1]
        box.hosts.change("web-1")
        box.hosts.change("db-1")
        await until(lambda: told(box))
        for relay in box.relays:
            relay.kill()
            relay.start()
        assert isinstance(box.broker, NatsServer)
        await asyncio.to_thread(box.broker.forget_all)
        box.hosts.change("web-2")
        box.hosts.change("db-2")
        await until(lambda: len(told(box)) > 1)
        assert sorted(told(box)) == [("db-1", "critical"), ("db-2", "critical")]
        await shown(box, "2 changes: silenced until")
        assert (await hostvigil(box, "unsilence", "host=web-*")) == (0, "1 ended\n")
        assert (await hostvigil(box, "unsilence", "host=web-*"))[0] == 1
        await until(lambda: not box.hosts.left)

    figures = asyncio.run(box.run(disturb, patience=0))
    assert figures.good, figures


def test_who_asks_a_relay_that_is_at_work_no_more_learns_that_nothing_was_done_and_may_ask_again() -> None:
    answers: list[bytes] = []

    class Streams:
        async def commands(self) -> AsyncIterator[SimpleNamespace]:
            asked = Command("unsilence", selector="*")
            yield SimpleNamespace(data=msgspec.json.encode(asked), reply="inbox", respond=self.respond)

        async def respond(self, answer: bytes) -> None:
            answers.append(answer)

    async def write(entry: object) -> None:
        raise WriteConflict("another relay is at work")

    journal = SimpleNamespace(write=write, record=SimpleNamespace(notes=SimpleNamespace(silences=())))
    with pytest.raises(WriteConflict):
        asyncio.run(Commands(Streams(), journal, None).run())  # type: ignore[arg-type]
    (reply,) = (msgspec.json.decode(answer, type=Reply) for answer in answers)
    assert (reply.done, reply.again) == (False, True)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (b'{"do": "silence", "selector": "\xff"}', "it is not understood"),
        (b'{"do": "silence", "selector": "*", "seconds": 1e308}', "are no silence"),
        (b'{"do": "silence", "selector": "*", "seconds": -1}', "are no silence"),
        (b'{"do": "silence", "selector": "*", "seconds": 1e17}', "are no silence"),
        (b'{"do": "silence", "selector": "*", "seconds": 9, "reason": "' + b"x" * 600_000 + b'"}', "shorter reason"),
    ],
)
def test_what_no_relay_can_do_is_answered_and_writes_nothing(asked: bytes, said: str) -> None:
    answers: list[bytes] = []

    async def respond(answer: bytes) -> None:
        answers.append(answer)

    async def commands() -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(data=asked, reply="inbox", respond=respond)

    streams = SimpleNamespace(commands=commands)
    journal = SimpleNamespace(write=None, record=SimpleNamespace(notes=SimpleNamespace(silences=())))
    asyncio.run(Commands(streams, journal, None).run())  # type: ignore[arg-type]
    (reply,) = (msgspec.json.decode(answer, type=Reply) for answer in answers)
    assert (reply.done, said in reply.text) == (False, True)


def test_a_host_that_was_taken_out_is_forgotten(tmp_path: Path) -> None:
    box = Box(tmp_path, keys=1, limits=NO_LIMIT, per_key=6000, per_workspace=6000)

    async def disturb(box: Box) -> None:
        await until(lambda: any("at work" in relay.output() for relay in box.relays))
        await box.hosts.beat(["old.example"], 10)
        await until(lambda: told(box) == [("old.example", "nodata")])
        await shown(box, "not heard of: old.example")
        assert await hostvigil(box, "forget", "old.example") == (0, "old.example is forgotten\n")
        await until(lambda: told(box) == [("old.example", "nodata"), ("old.example", "ok")])
        assert (await hostvigil(box, "forget", "old.example"))[0] == 1
        assert json.loads((await hostvigil(box, "silence", "--json"))[1])["silences"] == []

    figures = asyncio.run(box.run(disturb, patience=0))
    assert not figures.rejected and not figures.two_texts


def test_what_cannot_be_asked_is_said(tmp_path: Path) -> None:
    box = Box(tmp_path, keys=1)

    async def ask() -> None:
        code, text = await hostvigil(box, "forget")
        assert (code, "hostvigil relay forget web-1" in text) == (2, True)
        code, text = await hostvigil(box, "silence", "*", "--for", "soon")
        assert (code, "--for" in text) == (2, True)
        for wrong in ("0s", "999999999999d"):
            code, text = await hostvigil(box, "silence", "*", "--for", wrong)
            assert (code, "is no silence: write from 1s to 36500d" in text) == (2, True)
        code, text = await hostvigil(box, "silence", "*")
        assert (code, "broker cannot be asked" in text) == (2, True)

    with box.api:
        asyncio.run(ask())
