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
from checks.process.row import Row, read_once, turns_of

COMM_BYTES = 15
"""The kernel cuts process names to this length."""
MOST_ABOVE = 100
"""Parents, their parents and so on that are looked at: a table that changes as it is read may have a circle."""
HIDDEN = "/proc hides other users' processes (hidepid): run the agent as root or in the group of /proc's option gid="


class Table:
    """All processes of one scan. `hidden_reason` says why some are missing, else empty."""

    def __init__(
        self,
        rows: Iterable[Row],
        commands: Commands,
        *,
        now: float,
        boot: str = "",
        hidden_reason: str = "",
        own: int = 0,
    ) -> None:
        self.by_pid = {row.pid: row for row in rows}
        self.commands, self.now, self.boot, self.hidden_reason, self.own = commands, now, boot, hidden_reason, own
        self._below: dict[int, bool] = {}
        self._all_read = False
        """The command lines of all that run."""

    @cached_property
    def by_name(self) -> dict[bytes, list[Row]]:
        rows_by_name: dict[bytes, list[Row]] = {}
        for row in self.by_pid.values():
            rows_by_name.setdefault(row.name, []).append(row)
        return rows_by_name

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
        rows_by_uid: dict[int, list[Row]] = {}
        for row in self.programs:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended since the scan
                rows_by_uid.setdefault(row.uid(), []).append(row)
        return rows_by_uid

    def of_agent(self, row: Row) -> bool:
        """Tell whether this is the agent or was started by it: a plugin's arguments often name what it looks at."""
        if self.own == 1:  # in a container, where every orphan becomes its child
            return row.pid == 1
        return self._is_below(row)

    def _is_below(self, row: Row, steps: int = MOST_ABOVE) -> bool:
        """Tell whether this is the agent or below it, as far as so many steps up; all on the way is remembered."""
        below = self._below.get(row.pid)
        if below is None:
            parent = self.by_pid.get(row.parent) if steps else None
            below = row.pid == self.own or (parent is not None and self._is_below(parent, steps - 1))
            self._below[row.pid] = below
        return below

    def above(self, row: Row) -> Iterator[Row]:
        """Yield the parent of a process, its parent, and so on."""
        for _ in range(MOST_ABOVE):
            parent = self.by_pid.get(row.parent)
            if parent is None or parent is row:
                return
            yield (row := parent)


class Scanner:
    """Makes tables; keeps from one to the next the processes that still run, and their command lines.

    Who slept since the last table and has one thread is what it was, and is not read anew: half of the cost of a scan.
    """

    def __init__(self, folder: str = "", own: int | None = None) -> None:
        """`folder`: default the host's /proc. `own` is the pid of the agent; 0 means that no process is its own."""
        self._fixed_folder = folder
        self._folder = folder
        self._own = own
        self._commands = Commands()
        self._last: dict[int, Row] = {}
        """As of the last table."""

    def scan(self) -> Table:
        """Return the processes as they are now; CheckError where there is no /proc to read."""
        folder = self._fixed_folder or str(host_path("/proc"))
        if folder != self._folder:
            self._folder, self._last = folder, {}
        own = self._own_pid() if self._own is None else self._own
        if sys.platform != "linux":
            from checks.process.portable import rows_by_psutil

            table = Table(rows_by_psutil(), self._commands, now=time.time(), own=own)
            self._commands.keep(table.by_pid)
            return table
        rows, denied = self._rows()
        self._last = rows
        self._commands.keep(rows)
        return Table(
            rows.values(),
            self._commands,
            now=time.clock_gettime(time.CLOCK_BOOTTIME),
            boot=self._boot(),
            hidden_reason=HIDDEN if denied or self._hides() else "",
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
                    pid = int(entry)
                    try:
                        rows[pid] = self._row(pid)
                    except PermissionError:
                        denied = True
                    except (FileNotFoundError, ProcessLookupError, ValueError):
                        continue
        except OSError as error:
            raise CheckError(f"the process table cannot be read: {error}") from None
        if not rows and not denied:
            raise CheckError(f"{self._folder} shows no process: is it mounted?")
        return rows, denied

    def _row(self, pid: int) -> Row:
        """Read a process, but for one that has done nothing since the last scan: most have not."""
        last = self._last.get(pid)
        turns = turns_of(self._folder, pid) if last is None or last.alone else b""
        if last is not None and last.rests(turns):
            last.renew()
            return last
        return Row(self._folder, pid, read_once(f"{self._folder}/{pid}/stat"), turns)

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
