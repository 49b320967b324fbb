"""One process: name and state from /proc/N/stat at once, the rest when a check asks for it."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple

from checks.process.lines import CommandLine

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
KERNEL_THREAD = 0x00200000
"""PF_KTHREAD in include/linux/sched.h."""


SHORT, LONGEST = 4096, 65536
"""Bytes of a command line: mostly, and at most of its beginning and of its end."""
MOST_READ = 2 * 1024 * 1024
"""As much as Linux takes by default for the arguments of a program."""


def read_once(path: str, limit: int = SHORT) -> bytes:
    """Return what one read gives: all of a file in /proc, at half the cost of a Path."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, limit)
    finally:
        os.close(descriptor)


def turns_of(folder: str, pid: int) -> bytes:
    """Return what changes with every turn that a process has on a processor; empty where that is not known.

    Of its first thread: how long it had one, in nanoseconds, how long it waited for one, and how often.
    """
    try:
        turns = read_once(f"{folder}/{pid}/schedstat", 128)
    except OSError:
        return b""
    return b"" if turns.startswith(b"0 ") else turns  # a kernel that does not count says `0 0 0`


class Numbers(NamedTuple):
    """What a check may ask of /proc/N/stat of what a process uses; seconds and bytes."""

    cpu: float
    threads: int
    rss: int


def _fields_of(stat: bytes) -> list[bytes]:
    """Split the text of /proc/N/stat from field 3 on, as far as anybody asks."""
    return stat.split(None, 22)


_STARTED = 22 - 3
"""Where the start is among the fields."""


class Row:
    """One process. `name` and `state` (a letter as `ps` shows it) are always there, everything else is read late.

    It lives from scan to scan while it `rests`, so checks of an earlier scan may ask it while it is renewed.
    """

    __slots__ = (
        "_alone",
        "_exe",
        "_fields",
        "_folder",
        "_is_old",
        "_kernel",
        "_numbers",
        "_stat",
        "_turns",
        "_uid",
        "line",
        "line_read",
        "name",
        "pid",
        "state",
    )

    def __init__(self, folder: str, pid: int, stat: bytes, turns: bytes = b"") -> None:
        """`stat` is the text of /proc/N/stat, see proc_pid_stat(5); ValueError where it is not.

        `turns`: see `turns_of`, asked before.
        """
        # A name may hold anything, `) R 1` and line feeds included; only the last parenthesis ends it.
        end = stat.rindex(b")")
        if len(stat) < end + 3:
            raise ValueError(f"no state in {stat!r}")
        self.pid, self.name, self.state = pid, stat[stat.index(b"(") + 1 : end], chr(stat[end + 2])
        self._folder, self._stat, self._turns = folder, stat[end + 2 :], turns
        self._is_old = False
        self._alone: bool | None = None
        self._kernel: bool | None = None
        self._fields: list[bytes] = []
        self._numbers: Numbers | None = None
        self._uid: int | None = None
        self._exe: str | None = None
        self.line: CommandLine | None = None
        """The command line after `Commands.read`; None also where it cannot be known."""
        self.line_read = False

    @property
    def alone(self) -> bool:
        """Tell whether it has one thread: of several, `turns_of` would tell of the first one only."""
        if self._alone is None:
            self._alone = self._field(20) == 1
        return self._alone

    def rests(self, turns: bytes) -> bool:
        """Tell whether it has done nothing since it was read: it slept, and had no turn.

        `turns`: as now; empty of one that is not `alone`.
        """
        return turns == self._turns != b"" and self.state in "SI"

    def renew(self) -> None:
        """Take it over into the next scan, in which it `rests`: only what others change of it is asked anew."""
        self._is_old, self._numbers, self._uid, self._exe = True, None, None, None
        self.line_read = self.line is not None

    def _field(self, number: int) -> int:
        """Return a field by its number in proc_pid_stat(5); `_stat` begins with field 3."""
        if not self._fields:
            self._fields = _fields_of(self._stat)
        return int(self._fields[number - 3])

    def _field_now(self, number: int) -> int:
        """Return a field that others change: who the parent is, how much memory is left to it."""
        if self._is_old:
            self._is_old = False
            with suppress(OSError, ValueError, IndexError):
                stat = read_once(f"{self._folder}/{self.pid}/stat")
                now = _fields_of(stat[stat.rindex(b")") + 2 :])
                if now[_STARTED] == self._fields[_STARTED]:
                    self._fields = now
        return self._field(number)

    @property
    def numbers(self) -> Numbers:
        numbers = self._numbers
        if numbers is None:
            rss = self._field_now(24) * PAGE
            numbers = Numbers((self._field(14) + self._field(15)) / TICKS, self._field(20), rss)
            self._numbers = numbers
        return numbers

    @property
    def parent(self) -> int:
        return self._field_now(4)

    @property
    def kernel(self) -> bool:
        """Tell whether this is a thread of the kernel: it has no program, no command line, no open files."""
        if self._kernel is None:
            self._kernel = bool(self._field(9) & KERNEL_THREAD)
        return self._kernel

    @property
    def cpu(self) -> float:
        """Return the CPU time used since the start, in seconds."""
        return self.numbers.cpu

    @property
    def threads(self) -> int:
        return self.numbers.threads

    @property
    def started_at(self) -> float:
        """Return the start in seconds on the clock of `Table.now`; with the pid it is the identity of a process."""
        return self._field(22) / TICKS

    @property
    def rss(self) -> int:
        return self.numbers.rss

    @property
    def key(self) -> str:
        return f"{self.pid}:{self.started_at:.2f}"

    @property
    def zombie(self) -> bool:
        # A process whose first thread has ended while others work looks like a zombie, but for its threads.
        return self.state in "ZX" and self.threads <= 1

    def uid(self) -> int:
        """Return the effective user; asked anew in each scan, as a server gives its rights up after the start."""
        uid = self._uid
        if uid is None:
            uid = self._uid = os.stat(f"{self._folder}/{self.pid}").st_uid  # noqa: PTH116 - half the cost of a Path
        return uid

    def exe(self) -> str:
        """Return the path of the program, also after an upgrade has deleted it."""
        exe = self._exe
        if exe is None:
            exe = os.readlink(f"{self._folder}/{self.pid}/exe").removesuffix(" (deleted)")  # noqa: PTH115 - same
            self._exe = exe
        return exe

    def open_files(self) -> int:
        folder = f"{self._folder}/{self.pid}/fd"
        # Since Linux 6.2 the size of the folder is the count, and needs no rights.
        return os.stat(folder).st_size or len(os.listdir(folder))  # noqa: PTH116, PTH208 - half the cost of a Path

    def pss(self) -> int:
        """Return the memory in bytes in which what is shared counts in proportion. May hang like `command`."""
        for line in read_once(f"{self._folder}/{self.pid}/smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
        return 0

    def in_container(self) -> bool:
        """Tell whether it lives in a pid namespace below the one that /proc shows."""
        status = read_once(f"{self._folder}/{self.pid}/status", 16384)
        return any(line.startswith(b"NSpid:") and len(line.split()) > 2 for line in status.splitlines())

    def waits(self) -> bool:
        """Tell whether it is in state D now; for most that were when the scan saw them it is over."""
        return self.state == "D" and b") D " in read_once(f"{self._folder}/{self.pid}/stat")

    def command(self) -> bytes:
        """Return the arguments, each ended by a NUL. May hang: the kernel waits for the memory map of the process."""
        path = f"{self._folder}/{self.pid}/cmdline"
        short = read_once(path)  # room for the longest costs more than reading the usual ones
        return short if len(short) < SHORT else _both_ends(path)


def _both_ends(path: str) -> bytes:
    """Return a long command line; of the longest, as Java's with all its archives, the middle is left out."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - as above
        head = b"".join(iter(lambda: file.read(LONGEST) if file.tell() < LONGEST else b"", b""))
        tail = bytearray()
        while file.tell() < MOST_READ and (part := file.read(LONGEST)):
            tail = (tail + part)[-LONGEST:]
    return head + bytes(tail)
