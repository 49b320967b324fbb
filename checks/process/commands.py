"""Command lines, the one thing in /proc whose reading may hang: read once a process, known as long as it lives."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from agent.api import CheckError, Context

if TYPE_CHECKING:
    from checks.process.table import Row

YOUNG = 60.0
"""Seconds. A program may replace itself (exec) or write its title while this young, so it is read again."""


class Known(NamedTuple):
    started: float
    name: bytes
    arguments: tuple[str, ...] | None
    """None: its reading hangs."""
    settled: bool


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

    def of(self, row: Row) -> tuple[str, ...] | None:
        """Return the arguments of a process after `read`; None where they cannot be known."""
        known = self._known.get(row.pid)
        return known.arguments if known is not None and known.started == row.started else None

    def read(self, rows: Iterable[Row], now: float, ctx: Context) -> None:
        """Learn the command lines of these processes; `now` is on the clock of their start.

        CheckError when one hangs: that one is not read again as long as it lives.
        """
        if not (unread := [row for row in rows if self._to_be_read(row)]):
            return
        if not self._one_reader.acquire(timeout=ctx.remaining() / 2):
            raise CheckError("another check still reads command lines")
        try:
            unread = [row for row in unread if self._to_be_read(row)]
            if unread:
                self._read(unread, now, ctx)
        finally:
            self._one_reader.release()

    def _to_be_read(self, row: Row) -> bool:
        # In state D the kernel may hold the lock that reading needs (moby/moby#15204); what was known stays true.
        if row.state == "D":
            return False
        known = self._known.get(row.pid)
        return known is None or not known.settled or (known.started, known.name) != (row.started, row.name)

    def _read(self, rows: list[Row], now: float, ctx: Context) -> None:
        reading = [rows[0]]

        def read_all() -> None:
            for row in rows:
                reading[0] = row
                self._known[row.pid] = Known(row.started, row.name, _arguments(row), now - row.started > YOUNG)

        try:
            ctx.call(f"command lines from process {rows[0].pid}", read_all)
        except CheckError:
            stuck = reading[0]
            self._known[stuck.pid] = Known(stuck.started, stuck.name, None, True)
            raise CheckError(f"reading the command line of process {stuck.pid} hangs") from None


def _arguments(row: Row) -> tuple[str, ...] | None:
    try:
        return tuple(row.command().rstrip(b"\0").decode("utf-8", "replace").split("\0"))
    except PermissionError:
        return None
    except (FileNotFoundError, ProcessLookupError):
        return ()
