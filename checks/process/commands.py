"""Reads command lines, which may hang. They are read anew for each scan, as a program may change its own."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from typing import NamedTuple

from agent.api import CheckError, Context
from checks.process.lines import CommandLine, Searches
from checks.process.row import Row


class Entry(NamedTuple):
    """What is known of the command line of one process."""

    started_at: float
    line: CommandLine | None
    """None: not allowed, or its reading hangs."""
    hangs: bool = False


class Commands:
    """What is known of command lines, by pid."""

    def __init__(self) -> None:
        self.searches = Searches()
        self._entries: dict[int, Entry] = {}
        self._one_reader = threading.Lock()

    def keep(self, pids: Collection[int]) -> None:
        """Forget all processes but these."""
        for pid in list(self._entries):
            if pid not in pids:
                self._entries.pop(pid, None)

    def read(self, rows: Iterable[Row], ctx: Context) -> None:
        """Give these processes their command lines.

        CheckError when reading one hangs: that one is not read again until that reading comes back.
        """
        missing = [row for row in rows if not row.line_read]
        if not missing:
            return
        if not self._one_reader.acquire(timeout=ctx.remaining() / 2):
            raise CheckError("another check still reads command lines")
        try:
            # Many checks come at once; the one before has mostly read for all of them.
            self._give([row for row in missing if not row.line_read], ctx)
        finally:
            self._one_reader.release()

    def _give(self, rows: list[Row], ctx: Context) -> None:
        readable = [row for row in rows if not (self._hangs(row) or (row.state == "D" and _waits(row)))]
        if readable:
            self._read(readable, ctx)
        for row in rows:
            entry = self._entries.get(row.pid)
            row.line = entry.line if entry is not None and entry.started_at == row.started_at else None
            row.line_read = True

    def _hangs(self, row: Row) -> bool:
        entry = self._entries.get(row.pid)
        return entry is not None and entry.hangs and entry.started_at == row.started_at

    def _read(self, rows: list[Row], ctx: Context) -> None:
        reading = [rows[0]]

        def read_all() -> None:
            for row in rows:
                reading[0] = row
                self._entries[row.pid] = Entry(row.started_at, self._line(row))

        try:
            ctx.call(f"command lines from process {rows[0].pid}", read_all)
        except CheckError:
            stuck = reading[0]
            self._entries[stuck.pid] = Entry(stuck.started_at, None, hangs=True)
            raise CheckError(f"reading the command line of process {stuck.pid} hangs") from None

    def _line(self, row: Row) -> CommandLine | None:
        """Return the command line; the very same object as before where nothing has changed."""
        try:
            raw = row.command()
        except PermissionError:
            return None
        except (FileNotFoundError, ProcessLookupError):
            raw = b""
        entry = self._entries.get(row.pid)
        same = (
            entry is not None
            and entry.started_at == row.started_at
            and entry.line is not None
            and entry.line.raw == raw
        )
        return entry.line if entry is not None and same else CommandLine(raw)


def _waits(row: Row) -> bool:
    """Tell whether the kernel may hold the lock that reading needs (moby/moby#15204); what was known stays true."""
    try:
        return row.waits()
    except (FileNotFoundError, ProcessLookupError):
        return False
