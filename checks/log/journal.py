"""Reads what systemd's journal got of some units since a cursor, by journalctl, under a deadline."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import msgspec

from agent.api import CheckError, Context
from checks._program import refuse_weak
from checks.log.text import decode_line

MOST_BYTES = 32 * 1024 * 1024
"""An entry with more is passed over."""
OLDEST_AFTER = 600.0
"""Seconds since the last run after which we look whether the journal still reaches back to it."""


class Entry(msgspec.Struct, frozen=True):
    """One entry of the journal, as `journalctl --output=json` prints it."""

    cursor: str = msgspec.field(name="__CURSOR", default="")
    time: str = msgspec.field(name="__REALTIME_TIMESTAMP", default="0")
    """Microseconds since 1970."""
    message: Any = msgspec.field(name="MESSAGE", default=None)


class Place(NamedTuple):
    """How far the journal has been read."""

    cursor: str = ""
    """"": there was no entry."""
    more: bool = False
    """There was no time for all of it."""
    lost: str = ""
    """Why some entries may never be seen."""


def at_end(ctx: Context, program: str = "journalctl") -> Place:
    """Return the place behind the newest entry."""
    with _running(ctx, [program, "--lines=0", "--show-cursor", "--output=cat", "--no-pager"]) as journal:
        for line in journal.lines():
            if line.startswith(b"-- cursor: "):
                return Place(line[len(b"-- cursor: ") :].decode())
        journal.end()
    return Place()


def read(
    ctx: Context,
    units: Sequence[str],
    last: Place,
    since: float,
    until: float,
    take: Callable[[str], None],
    program: str = "journalctl",
) -> Place:
    """Give each message of the units after the last place to `take`; `since` is when that was, in seconds since 1970.

    Ends by `until` (monotonic seconds); the rest is read next time.
    """
    lost = _gap(ctx, last, since, program)
    cursor = last.cursor
    with _running(ctx, _command(units, cursor, program)) as journal:
        for line in journal.lines():
            entry = _entry(line)
            if entry.cursor != last.cursor:
                take(text_of(entry))
            cursor = entry.cursor or cursor
            if time.monotonic() > until:
                return Place(cursor, more=True, lost=lost)
        if journal.passed_over:
            lost = f"an entry of the journal has more than {MOST_BYTES >> 20} MiB"
        if "cursor" not in journal.end():
            return Place(cursor, lost=lost)
    return at_end(ctx, program)._replace(lost="the place of the last run cannot be found in the journal any more")


def _gap(ctx: Context, last: Place, since: float, program: str) -> str:
    """Say so where the journal lost entries that came after the last run."""
    if last.cursor and ctx.now() - since > OLDEST_AFTER and _oldest(ctx, program) > since:
        return "the journal does not reach back to the last run"
    return ""


def _command(units: Sequence[str], cursor: str, program: str) -> list[str]:
    # Not --after-cursor: it leaves out the first entry of the units where that of the cursor is another unit's.
    options = [f"--unit={unit}" for unit in units] + ([f"--cursor={cursor}"] if cursor else [])
    return [program, "--output=json", "--output-fields=MESSAGE", "--all", "--no-pager", *options]


def text_of(entry: Entry) -> str:
    """Return the message; journalctl writes bytes that are no text as numbers, and repeated fields as a list."""
    message = entry.message
    if isinstance(message, list) and any(not isinstance(part, int) for part in message):
        message = message[-1]
    if isinstance(message, list):
        return decode_line(bytes(part & 255 for part in message if isinstance(part, int)))
    return message if isinstance(message, str) else ""


def _entry(line: bytes) -> Entry:
    try:
        return msgspec.json.decode(line, type=Entry)
    except msgspec.MsgspecError:
        raise CheckError("journalctl answers with what is no JSON") from None


def _oldest(ctx: Context, program: str) -> float:
    with _running(ctx, [program, "--output=json", "--output-fields=_PID", "--no-pager"]) as journal:
        for line in journal.lines():
            return int(_entry(line).time) / 1e6
    return 0.0


class _Journal:
    """A journalctl at work."""

    def __init__(self, process: subprocess.Popen[bytes], ctx: Context) -> None:
        self._process, self._ctx = process, ctx
        self.passed_over = 0
        """Lines that are too long."""
        assert process.stdout is not None and process.stderr is not None  # noqa: S101 - they were asked for
        self._out, self._err = process.stdout.fileno(), process.stderr.fileno()

    def lines(self) -> Iterator[bytes]:
        """Yield its lines; CheckError at the deadline."""
        rest, too_long = bytearray(), False
        while part := self._read(self._out):
            end = part.rfind(b"\n") + 1
            if end and not too_long:
                yield from (bytes(rest) + part[: end - 1]).split(b"\n")
            elif end:
                yield from part[:end].split(b"\n")[1:-1]
            if end:
                rest, too_long = bytearray(part[end:]), False
            else:
                rest += part  # in place: a copy for each part of a long line would take seconds
            if len(rest) > MOST_BYTES:
                self.passed_over += 1
                rest, too_long = bytearray(), True

    def end(self) -> str:
        """Wait for its end and return what it complained of; CheckError where it cannot read the journal."""
        complaint = self._read(self._err).decode(errors="replace").strip()
        try:
            code = self._process.wait(self._ctx.remaining())
        except subprocess.TimeoutExpired:
            raise CheckError("journalctl does not end") from None
        if "insufficient permissions" in complaint or "not seeing messages" in complaint:
            raise CheckError("the agent may not read the journal: put its user into the group systemd-journal")
        if "No journal files" in complaint:
            raise CheckError("this host has no journal")
        if code and "cursor" not in complaint:
            raise CheckError(f"journalctl: {complaint.splitlines()[0] if complaint else f'exit {code}'}")
        return complaint if code else ""

    def _read(self, pipe: int) -> bytes:
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        if not poll.poll(self._ctx.remaining() * 1000):
            raise CheckError("journalctl does not answer")
        return os.read(pipe, 1 << 20)


@contextmanager
def _running(ctx: Context, command: list[str]) -> Iterator[_Journal]:
    refuse_weak(command[0])
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "SYSTEMD_COLORS": "0"},
        )
    except FileNotFoundError:
        raise CheckError("there is no journalctl on this host") from None
    except OSError as error:
        raise CheckError(f"journalctl cannot be started: {error.strerror}") from None
    with process, ctx.interruptible(process.kill):
        try:
            yield _Journal(process, ctx)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
