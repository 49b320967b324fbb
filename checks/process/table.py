"""The process table as one scan saw it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from agent.api import CheckError, Context, host_path
from checks.process.commands import Commands
from checks.process.lines import ByPattern
from checks.process.row import Row, read_once

COMM_BYTES = 15
"""The kernel cuts process names to this length."""
HIDDEN = "/proc hides other users' processes (hidepid): run the agent as root or in the group of /proc's option gid="


class Table:
    """All processes of one scan. `hidden` is the reason why some are missing, else empty."""

    def __init__(
        self, rows: Iterable[Row], commands: Commands, *, now: float, boot: str = "", hidden: str = "", own: int = 0
    ) -> None:
        self.by_pid = {row.pid: row for row in rows}
        self.by_name: dict[bytes, list[Row]] = {}
        for row in self.by_pid.values():
            self.by_name.setdefault(row.name, []).append(row)
        self.commands, self.now, self.boot, self.hidden, self.own = commands, now, boot, hidden, own
        self._all_read = False
        """The command lines of all that run."""

    @cached_property
    def programs(self) -> list[Row]:
        """Return all but the threads of the kernel."""
        return [row for row in self.by_pid.values() if not row.kernel]

    @cached_property
    def zombies(self) -> list[Row]:
        return [row for row in self.programs if row.state in "ZX" and row.zombie]

    @cached_property
    def running(self) -> list[Row]:
        """Return the programs but for zombies."""
        return [row for row in self.programs if row.state not in "ZX" or not row.zombie]

    @cached_property
    def by_pattern(self) -> ByPattern[Row]:
        """Return where the patterns of the last scans were found; to be asked when all command lines are read."""
        return ByPattern(self.running, self.commands.searches.in_use())

    def read_lines(self, rows: list[Row], ctx: Context) -> None:
        """Give these processes their command lines, see `Commands.read`."""
        if rows is not self.running or not self._all_read:
            self.commands.read(rows, ctx)
            self._all_read = self._all_read or rows is self.running

    @cached_property
    def by_uid(self) -> dict[int, list[Row]]:
        """Return the programs by their effective user."""
        found: dict[int, list[Row]] = {}
        for row in self.programs:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended since the scan
                found.setdefault(row.uid(), []).append(row)
        return found

    def of_agent(self, row: Row) -> bool:
        """Tell whether this is the agent or was started by it: a plugin's arguments often name what it looks at."""
        if self.own == 1:  # in a container, where every orphan becomes its child
            return row.pid == 1
        return row.pid == self.own or any(above.pid == self.own for above in self.above(row))

    def above(self, row: Row) -> Iterator[Row]:
        """Yield the parent of a process, its parent, and so on."""
        for _ in range(100):
            parent = self.by_pid.get(row.parent)
            if parent is None or parent is row:
                return
            yield (row := parent)


class Scanner:
    """Makes tables; keeps from one to the next only the command lines of processes that still run."""

    def __init__(self, folder: str = "", own: int | None = None) -> None:
        """`folder`: default the host's /proc. `own` is the pid of the agent; 0 means that no process is its own."""
        self._given = folder
        self._folder = folder
        self._own = own
        self._commands = Commands()

    def scan(self) -> Table:
        self._folder = self._given or str(host_path("/proc"))
        own = self._own_pid() if self._own is None else self._own
        if sys.platform != "linux":
            from checks.process.portable import rows_by_psutil

            table = Table(rows_by_psutil(), self._commands, now=time.time(), own=own)
            self._commands.keep(table.by_pid)
            return table
        rows, denied = self._rows()
        self._commands.keep(rows)
        return Table(
            rows.values(),
            self._commands,
            now=time.clock_gettime(time.CLOCK_BOOTTIME),
            boot=self._boot(),
            hidden=HIDDEN if denied or self._hides() else "",
            own=own,
        )

    def _own_pid(self) -> int:
        """Return the agent's pid as this /proc counts: that of the host knows another than the container's."""
        try:
            return int(os.readlink(f"{self._folder}/self"))  # noqa: PTH115 - a word, not a path
        except (OSError, ValueError):
            return os.getpid()

    def _rows(self) -> tuple[dict[int, Row], bool]:
        """Return the processes by pid, and whether some were refused. A process that ends meanwhile is left out."""
        rows, denied = {}, False
        try:
            for entry in os.listdir(self._folder):  # noqa: PTH208 - a Path a process costs more than the rest
                if entry.isdecimal():
                    try:
                        rows[int(entry)] = Row(self._folder, int(entry), read_once(f"{self._folder}/{entry}/stat"))
                    except PermissionError:
                        denied = True
                    except (FileNotFoundError, ProcessLookupError, ValueError):
                        continue
        except OSError as error:
            raise CheckError(f"the process table cannot be read: {error}") from None
        if not rows and not denied:
            raise CheckError(f"{self._folder} shows no process: is it mounted?")
        return rows, denied

    def _hides(self) -> bool:
        """Tell whether /proc leaves processes out: pid 1 is always there, and mostly somebody else's."""
        if os.geteuid() == 0:
            return False
        try:
            if Path(self._folder, "1").stat().st_uid != os.geteuid():
                return False
        except (FileNotFoundError, PermissionError):
            return True
        # Of ourselves: in another host's /proc there is no `self` for us.
        mounts = (line.split() for line in Path("/proc/self/mountinfo").read_text(errors="replace").splitlines())
        return any(fields[4] == self._folder and "hidepid=" in fields[-1] for fields in mounts)

    def _boot(self) -> str:
        try:
            return Path(self._folder, "sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return ""
