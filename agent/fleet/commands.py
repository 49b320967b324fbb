"""What people ask of the relay at work: silences over hosts, and hosts to be forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec
from nats.aio.msg import Msg

from agent.config.selector import matches, problem
from agent.delivery.handover.message import Beat, host_of, token
from agent.fleet.journal import Journal
from agent.fleet.ledger import HostLife, NotesUpdate
from agent.fleet.lives import Lives
from agent.fleet.streams import Streams, WriteConflict
from agent.model import LONGEST_SILENCE_SECONDS, Silence
from agent.plugin.clock import wall_clock
from agent.plugin.text import name_some

RETENTION = 86_400_000
"""Milliseconds that an ended silence is known: what came while it lasted may not be told yet."""
MOST_SILENCES = 1_000
MOST_BYTES = 500_000
"""Of all silences, which are one entry of the ledger and one answer: the broker takes a million in a message."""
MOST_NAMES = 5


class Command(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is asked. `selector` of a silence, `host` of what is to be forgotten."""

    do: Literal["list", "silence", "unsilence", "forget"]
    selector: str = ""
    seconds: float = 0.0
    reason: str = ""
    host: str = ""


class Reply(msgspec.Struct, frozen=True):
    """What came of a command."""

    text: str
    """For people."""
    silences: tuple[Silence, ...]
    """Those that last."""
    done: bool = True
    again: bool = False
    """Nothing was done: another relay is at work by now, which can be asked."""


class Commands:
    """The relay's loop owns it; methods raise nats errors where the broker is gone."""

    def __init__(self, streams: Streams, journal: Journal, lives: Lives) -> None:
        self._streams = streams
        self._journal = journal
        self._lives = lives

    async def run(self) -> None:
        """Do what is asked, until cancelled."""
        async for message in self._streams.commands():
            try:
                command = msgspec.json.decode(message.data, type=Command)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                reply = self._reply(f"it is not understood, is another version asking? {error}", done=False)
            else:
                try:
                    reply = await self._do(command, wall_clock())
                except WriteConflict as error:
                    await _answer(message, Reply(str(error), (), done=False, again=True))
                    raise
            await _answer(message, reply)

    async def _do(self, command: Command, now: int) -> Reply:
        if command.do == "silence":
            return await self._silence(command, now)
        if command.do == "unsilence":
            return await self._unsilence(command.selector, now)
        if command.do == "forget":
            is_known = await self._lives.forget(token(command.host))
            text = f"{command.host} is forgotten" if is_known else f"there is no sign of life of {command.host}"
            return self._reply(text, is_known)
        return self._reply("")

    async def _silence(self, command: Command, now: int) -> Reply:
        if wrong := problem(command.selector):
            return self._reply(wrong, done=False)
        if not 0 < command.seconds <= LONGEST_SILENCE_SECONDS:
            return self._reply(f"{command.seconds:g} seconds are no silence", done=False)
        if len(self._journal.record.notes.silences) >= MOST_SILENCES:
            return self._reply(f"there are {MOST_SILENCES} silences: end one first", done=False)
        fresh = Silence(command.selector, now, now + round(command.seconds * 1000), command.reason)
        silences = [*self._journal.record.notes.silences, fresh]
        if len(msgspec.json.encode(silences)) > MOST_BYTES:
            return self._reply("the silences are too long for the broker: write a shorter reason", done=False)
        await self._keep(silences, now)
        return self._reply(describe_matches(command.selector, self._journal.record.notes.hosts.values()))

    async def _unsilence(self, selector: str, now: int) -> Reply:
        silences = self._journal.record.notes.silences
        active = [one for one in silences if one.until > now and selector in ("*", one.selector)]
        replacements = [msgspec.structs.replace(one, until=now) for one in active]
        await self._keep([*(one for one in silences if one not in active), *replacements], now)
        return self._reply(f"{len(replacements)} ended", bool(replacements))

    async def _keep(self, silences: list[Silence], now: int) -> None:
        recent = tuple(one for one in silences if one.until > now - RETENTION)
        await self._journal.write(NotesUpdate(silences=recent))

    def _reply(self, text: str, done: bool = True) -> Reply:
        now = wall_clock()
        lasting = tuple(one for one in self._journal.record.notes.silences if one.until > now)
        return Reply(text, lasting, done)


async def _answer(message: Msg, reply: Reply) -> None:
    if message.reply:
        await message.respond(msgspec.json.encode(reply))


def describe_matches(selector: str, lives: Iterable[HostLife]) -> str:
    """Say how many of the hosts that are heard of a selector's tags match; which checks they have is not known here."""
    of_hosts = " ".join(term for term in selector.split() if "=" in term) or "*"
    hosts = [host_of(life.host) for life in lives if matches(of_hosts, "", _tags(life))]
    if not hosts:
        return f"{selector} matches no host that gives signs of life: write for example host=web-* or site=berlin"
    return f"it matches hosts: {name_some(hosts, MOST_NAMES)}"


def _tags(life: HostLife) -> dict[str, str]:
    return {**msgspec.json.decode(life.beat, type=Beat).tags, "host": host_of(life.host)}
