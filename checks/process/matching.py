"""Which processes a check means: name, exe, match, user and pidfile, all of them together."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from agent.api import CheckError, Context, host_path
from checks._opening import open_regular
from checks.process.hints import find_hint
from checks.process.row import Row
from checks.process.table import COMM_BYTES, Table

if TYPE_CHECKING:
    from checks.process.check import Process

T = TypeVar("T")
PIDFILE_LIMIT = 64
"""Bytes; a pid and its line end need fewer."""


class Selection:
    """The processes of one check. `unsure` more may be among them, and `reason` says why nobody knows."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.zombies: list[Row] = []
        self.reason = ""
        self.note = ""
        """Why there is none, where that is known."""
        self.hint = ""
        """What may be meant, where the settings fit no process."""
        self.blind = False
        """The agent lacks the right to see; then sums over those it sees would be too low."""
        self._hidden = False
        self._unsure: set[int] = set()

    @property
    def unsure(self) -> float:
        return math.inf if self._hidden else len(self._unsure)

    def some_hidden(self, reason: str) -> None:
        self._hidden, self.blind, self.reason = True, True, reason

    def keep(self, fits: Callable[[Row], bool | None], reason: str = "") -> None:
        """Keep the processes that fit, and those of which `fits` does not know (None)."""
        rows = []
        for row in self.rows:
            fit = fits(row)
            if fit is False:
                continue
            rows.append(row)
            if fit is None:
                self._doubt(row, reason)
        self.rows = rows

    def keep_lines(self, bit: int, *, include: bool = True) -> None:
        """Keep those whose command line has this (or has it not); apart from `keep`, as the whole host is asked."""
        if include:
            self.rows = [row for row in self.rows if (line := row.line) is None or (line.hits | line.slow) & bit]
        else:
            self.rows = [row for row in self.rows if (line := row.line) is None or not line.hits & bit]
        for row in self.rows:
            if row.line is None:
                self._doubt(row, "the command line of a process cannot be read")
            elif row.line.slow & bit:
                self._doubt(row, f"the pattern takes too long on the command line of process {row.pid}")

    def leave_out_wrappers(self, table: Table) -> None:
        """Leave out what only runs another of these: `sh -c restic` beside restic."""
        wrappers = {row.pid for row in self.rows if row.line is not None and row.line.wraps}
        if wrappers:
            others = [row for row in self.rows if row.pid not in wrappers]
            runs = {above.pid for row in others for above in table.above(row)}
            self.rows = [row for row in self.rows if row.pid not in wrappers or row.pid not in runs]

    def _doubt(self, row: Row, reason: str) -> None:
        self._unsure.add(row.pid)
        self.reason = self.reason or reason

    def settle(self) -> None:
        """Part the processes that are sure from those that are not."""
        if self._unsure:
            self._unsure &= {row.pid for row in self.rows}
            self.rows = [row for row in self.rows if row.pid not in self._unsure]
        if not self.unsure:
            self.blind, self.reason = False, ""


def find(check: Process, table: Table, ctx: Context) -> Selection:
    """Return the processes that fit all settings. The cheap settings come first: they leave less to read."""
    uid = ctx.shared(f"uid of {check.user}", lambda: _uid(check.user, ctx)) if check.user else None
    selection = _candidates(check, table, uid, ctx)
    if table.hidden_reason and uid != os.geteuid() and not check.pidfile:
        selection.some_hidden(table.hidden_reason)
    _part_zombies(selection, table)
    if check.exe:
        _keep_exe(check.exe, selection, table, ctx)
    if not check.containers:
        selection.keep(lambda row: _false_if_gone(row.in_container, operator.not_), "its pid namespace cannot be seen")
    if check.match is not None or check.exclude is not None:
        _keep_matching(check, selection, table, ctx)
    selection.settle()
    if check.pidfile and not (selection.rows or selection.zombies or selection.note):
        selection.note = f"{check.pidfile} holds the pid of another program"
    if not (selection.rows or selection.unsure):
        selection.hint = find_hint(check, table, ctx)
    return selection


def _part_zombies(selection: Selection, table: Table) -> None:
    """Part the processes that have ended; of the whole host the table has done it already."""
    if selection.rows is table.programs:
        selection.rows, selection.zombies = table.running, table.zombies
    elif zombies := [row for row in selection.rows if row.state in "ZX" and row.zombie]:
        selection.zombies = zombies
        selection.keep(lambda row: not row.zombie)


def _keep_matching(check: Process, selection: Selection, table: Table, ctx: Context) -> None:
    table.read_lines(selection.rows, ctx)
    by_words = not (check.name or check.exe or check.pidfile)
    searches = table.commands.searches
    if check.match is not None and selection.rows is table.running:
        selection.rows = table.by_pattern.possible(selection.rows, searches.bit(check.match, by_words))
    for pattern, include in ((check.match, True), (check.exclude, False)):
        if pattern is not None:
            bit = searches.search(pattern, selection.rows, ctx, by_words=include and by_words)
            selection.keep_lines(bit, include=include)
    if check.match is not None:
        selection.keep(lambda row: not table.of_agent(row))
        if by_words:
            selection.leave_out_wrappers(table)


def _candidates(check: Process, table: Table, uid: int | None, ctx: Context) -> Selection:
    if not check.pidfile and not check.name:
        return Selection(table.programs if uid is None else table.by_uid.get(uid, []))
    selection = (
        _by_pidfile(check.pidfile, table, ctx) if check.pidfile else Selection(_rows_by_name(check.name, table, ctx))
    )
    if check.pidfile and check.name:
        rows = _rows_by_name(check.name, table, ctx)
        selection.keep(lambda row: row in rows)
    if uid is not None:
        selection.keep(lambda row: _false_if_gone(row.uid, uid.__eq__))
    return selection


def _rows_by_name(name: str, table: Table, ctx: Context) -> list[Row]:
    encoded = name.encode("utf-8", "surrogateescape")
    # Threads of the kernel may have names longer than a program's.
    rows = table.by_name.get(encoded) or table.by_name.get(encoded[:COMM_BYTES], [])
    if len(encoded) < COMM_BYTES or not rows:
        return rows
    table.commands.read((row for row in rows if not row.kernel), ctx)
    return [row for row in rows if _may_be(name, row)]


def _may_be(name: str, row: Row) -> bool:
    """Tell whether a name that the kernel may have cut can have been this one, as far as the arguments tell."""
    parts = row.line.first if row.line else ()
    whole = {part for part in parts if part.encode("utf-8", "surrogateescape").startswith(row.name)}
    # A title such as `name: worker` goes on after the name.
    whole |= {part.partition(mark)[0] for part in whole for mark in ": "}
    return not whole or name in whole


def _false_if_gone(ask: Callable[[], T], fits: Callable[[T], bool]) -> bool | None:
    try:
        return fits(ask())
    except PermissionError:
        return None
    except (FileNotFoundError, ProcessLookupError):
        return False


def _keep_exe(exe: str, selection: Selection, table: Table, ctx: Context) -> None:
    # The kernel names programs without symbolic links: /usr/bin/python3 runs as /usr/bin/python3.11.
    real = ctx.shared(f"realpath {exe}", lambda: ctx.call(f"realpath {exe}", lambda: os.path.realpath(exe)))
    fits = {row.pid: _false_if_gone(row.exe, (exe, real).__contains__) for row in selection.rows}
    hidden_rows = [row for row in selection.rows if fits[row.pid] is None]
    if hidden_rows:
        # What the kernel hides is still called something: few programs are called like none of their files.
        table.commands.read(hidden_rows, ctx)
        names = {Path(path).name for path in (exe, real)}
        fits |= {row.pid: False for row in hidden_rows if not any(_may_be_called(name, row) for name in names)}
    selection.keep(lambda row: fits[row.pid], _why_hidden())
    selection.blind = bool(selection.unsure)


def _may_be_called(name: str, row: Row) -> bool:
    encoded = name.encode("utf-8", "surrogateescape")[:COMM_BYTES]
    first = row.line.first[0].partition(":")[0].lstrip("-") if row.line else name
    return row.name == encoded or first == name


def _why_hidden() -> str:
    if os.geteuid() == 0:
        return "the agent may not see which program a process runs: it lacks CAP_SYS_PTRACE, as in a container"
    return "only root may see which program a process of another user runs: write name too, or run the agent as root"


def _uid(user: str, ctx: Context) -> int:
    if user.isdecimal():
        return int(user)
    try:
        return ctx.call(f"user {user}", lambda: _uid_of(user))
    except KeyError:
        raise CheckError(f"this host knows no user {user!r}") from None
    except CheckError as error:
        raise CheckError(f"who {user} is, this host does not tell: its directory of users is {error}") from None


def _uid_of(user: str) -> int:
    """Ask this system; in a container the file of the host, whose users these are. KeyError where nobody knows."""
    import pwd

    users = host_path("/etc/passwd")
    if users == Path("/etc/passwd"):
        return pwd.getpwnam(user).pw_uid
    lines = (line.split(":") for line in users.read_text(errors="replace").splitlines())
    return {fields[0]: int(fields[2]) for fields in lines if len(fields) > 2}[user]


def _by_pidfile(path: str, table: Table, ctx: Context) -> Selection:
    try:
        text = ctx.call(f"pidfile {path}", lambda: _read_small(str(host_path(path))))
    except FileNotFoundError:
        pid, note = 0, f"{path} does not exist"
    except OSError as error:
        raise CheckError(f"{path} cannot be read: {error.strerror}") from None
    else:
        pid, note = _pid(path, text)
    row = table.by_pid.get(pid)
    if row is not None and row.kernel:
        # After a restart of the host threads of the kernel have the low numbers that stale pidfiles name.
        row, note = None, f"{path} names process {pid}, which is a thread of the kernel"
    selection = Selection([row] if row is not None else [])
    if row is None:
        selection.note = note
        if pid and table.hidden_reason:
            selection.some_hidden(table.hidden_reason)
    return selection


def _read_small(path: str) -> bytes:
    descriptor = open_regular(path)
    try:
        return os.read(descriptor, PIDFILE_LIMIT)
    finally:
        os.close(descriptor)


def _pid(path: str, text: bytes) -> tuple[int, str]:
    """Return the pid, or 0, and what to say if no such process runs."""
    words = text.split()
    if not words:
        return 0, f"{path} is empty"
    if not words[0].isdigit():
        return 0, f"{path} holds no pid"
    return int(words[0]), f"{path} names process {int(words[0])}, which does not run"
