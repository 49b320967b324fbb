"""Looks first, in another process, at what lies on a mount that may hang: network file systems, FUSE.

A thread that hangs in the kernel there may keep its whole process from ending, whatever signal it gets.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
import threading
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

REMOTE = re.compile(
    r"fuse(?!\.fuse-overlayfs).*|nfs4?|cifs|smb3|smbfs|ceph|9p|afs|gluster.*|lustre|ocfs2|gfs2|beegfs|orangefs|coda|autofs|virtiofs|vboxsf"
)
TABLE = Path("/proc/self/mountinfo")
CHILD = Path(__file__).with_name("probe_child.py")
MOST_LEFT = 4
"""So many processes may hang; then nothing that may hang is looked at any more."""
START_SECONDS = 1.0
"""For the process to come up on a busy host."""
MOST_LINKS = 40
"""As many as Linux follows, path_resolution(7)."""


class Mounts:
    """Where this process sees file systems that may hang."""

    def __init__(self, table: Path = TABLE) -> None:
        try:
            lines = table.read_bytes().decode("utf-8", "surrogateescape").splitlines()
        except OSError:
            lines = []  # not Linux
        self._remote: dict[str, bool] = {}
        for line in lines:
            fields, _, source = line.partition(" - ")
            place = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields.split(" ")[4])
            # What is mounted later hides what was there.
            # Where / itself hangs, nothing of ours goes on.
            self._remote[place] = place != "/" and bool(REMOTE.fullmatch(source.partition(" ")[0]))
        self._any = any(self._remote.values())

    def may_hang(self, path: str) -> bool:
        """Tell whether a path leads there. No step of the way is asked that may hang itself."""
        if not self._any:
            return False
        whole = path if path[:1] == "/" else f"{os.getcwd()}/{path}"  # noqa: PTH109 - of texts
        here, ahead, links = "", whole.split("/")[::-1], 0
        while ahead and links <= MOST_LINKS:
            name = ahead.pop()
            if name in ("", "."):
                continue
            above, here = here, here.rpartition("/")[0] if name == ".." else f"{here}/{name}"
            if self._remote.get(here, False):
                return True
            with contextlib.suppress(OSError, ValueError):
                target = os.readlink(here)  # noqa: PTH115 - of texts
                ahead += target.split("/")[::-1]
                here = "" if target[0] == "/" else above
                links += 1
        return False


class Probes:
    """The processes that looked and hang. The lock is between loads that look at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hanging: list[tuple[subprocess.Popen[bytes], frozenset[str], float]] = []
        """Each with what it did not answer, and since when (monotonic seconds)."""
        self._late_answers = 0

    @property
    def late_answers(self) -> int:
        """How many have come back: when it grows, to read anew is worth it."""
        with self._lock:
            self._reap()
            return self._late_answers

    def silent(self, paths: Collection[str], seconds: float, again: float) -> set[str]:
        """Return which of these paths do not answer in time; what hung less than `again` ago is not asked anew."""
        with self._lock:
            self._reap()
            now = time.monotonic()
            hang = {path for _, unanswered, since in self._hanging if now - since < again for path in unanswered}
            room = len(self._hanging) < MOST_LEFT
        targets = [path for path in paths if path not in hang]
        answering = self._ask(targets, seconds) if targets and room else set()
        return {path for path in paths if path not in answering}

    def _ask(self, paths: list[str], seconds: float) -> set[str]:
        import subprocess  # 3 ms that most hosts need not pay

        try:
            child = subprocess.Popen(
                [sys.executable, "-I", "-S", str(CHILD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            return set()  # no process is to be had just now
        numbers = _answers(child, paths, seconds)
        answering = {path for number, path in enumerate(paths) if number in numbers}
        if len(answering) < len(paths):
            with self._lock:
                self._hanging.append((child, frozenset(paths) - answering, time.monotonic()))
        else:
            child.wait()
        return answering

    def _reap(self) -> None:
        ended = [one for one in self._hanging if one[0].poll() is not None]
        self._hanging = [one for one in self._hanging if one not in ended]
        self._late_answers += len(ended)


def _answers(child: subprocess.Popen[bytes], paths: Iterable[str], seconds: float) -> set[int]:
    """Return the numbers of the paths that the process says to answer, in time."""
    assert child.stdin and child.stdout  # noqa: S101 - both are pipes
    parts: list[bytes] = []
    paths = list(paths)
    with child.stdout, contextlib.suppress(OSError):
        with child.stdin:
            child.stdin.write(b"\0".join(map(os.fsencode, paths)))
        lines, until = 0, time.monotonic() + START_SECONDS
        ready = select.poll()
        ready.register(child.stdout, select.POLLIN)
        while lines <= len(paths) and (rest := until - time.monotonic()) > 0:
            if not ready.poll(rest * 1000) or not (part := os.read(child.stdout.fileno(), 65536)):
                break
            until = time.monotonic() + seconds  # it has come up, or goes on
            parts.append(part)
            lines += part.count(b"\n")
    return {int(number) for number in b"".join(parts).split(b"\n")[:-1] if number}


PROBES = Probes()
