"""Command lines, the one thing in /proc whose reading may hang: read once a process, known as long as it lives."""

from __future__ import annotations

import math
import threading
from collections.abc import Collection, Iterable
from typing import NamedTuple

from agent.api import CheckError, Context
from checks.process.row import CommandLine, Row

YOUNG = 60.0
"""Seconds. A program may replace itself (exec) or write its title while this young, so it is read again."""


class Known(NamedTuple):
    started: float
    name: bytes
    line: CommandLine | None
    """None: not allowed, or its reading hangs."""
    read_at: float
    """On the clock of `started`."""


class Commands:
    """What is known of command lines, by pid."""

    def __init__(self) -> None:
        self._known: dict[int, Known] = {}
        self._one_reader = threading.Lock()

    def keep(self, pids: Collection[int]) -> None:
        """Forget all processes but these."""
        for pid in list(self._known):
            if pid not in pids:
                self._known.pop(pid, None)

    def read(self, rows: Iterable[Row], now: float, ctx: Context) -> None:
        """Give these processes their command lines; `now` is on the clock of their start.

        CheckError when reading one hangs: that one is not read again as long as it lives.
        """
        asked = [row for row in rows if not row.line_read]
        if not asked:
            return
        if not self._one_reader.acquire(timeout=ctx.remaining() / 2):
            raise CheckError("another check still reads command lines")
        try:
            if unread := [row for row in asked if self._to_be_read(row, now) and not _waits(row)]:
                self._read(unread, now, ctx)
        finally:
            self._one_reader.release()
        for row in asked:
            known = self._known.get(row.pid)
            row.line = known.line if known is not None and known.started == row.started else None
            row.line_read = True

    def _to_be_read(self, row: Row, now: float) -> bool:
        known = self._known.get(row.pid)
        if known is None or (known.started, known.name) != (row.started, row.name):
            return True
        return known.read_at < min(now, known.started + YOUNG)

    def _read(self, rows: list[Row], now: float, ctx: Context) -> None:
        reading = [rows[0]]

        def read_all() -> None:
            for row in rows:
                reading[0] = row
                self._known[row.pid] = Known(row.started, row.name, _command_line(row), now)

        try:
            ctx.call(f"command lines from process {rows[0].pid}", read_all)
        except CheckError:
            stuck = reading[0]
            self._known[stuck.pid] = Known(stuck.started, stuck.name, None, math.inf)
            raise CheckError(f"reading the command line of process {stuck.pid} hangs") from None


def _command_line(row: Row) -> CommandLine | None:
    try:
        arguments = row.command().rstrip(b"\0").decode("utf-8", "surrogateescape").split("\0")
    except PermissionError:
        return None
    except (FileNotFoundError, ProcessLookupError):
        arguments = []
    return CommandLine(" ".join(arguments), tuple(argument.rpartition("/")[2] for argument in arguments[:3]))


def _waits(row: Row) -> bool:
    """Tell whether the kernel may hold the lock that reading needs (moby/moby#15204); what was known stays true."""
    try:
        return row.waits()
    except (FileNotFoundError, ProcessLookupError):
        return False
