"""The host as `hostvigil discover` sees it, and what a check type suggests for it."""

from __future__ import annotations

import itertools
import os
import shutil
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from agent.plugin.ownership import weak_spot

MOST_BYTES = 4 * 1024 * 1024
"""Of one file that are read; /proc/net/tcp names what listens first."""
PIECE = 64 * 1024


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """A check that fits this host. It is tried before it is written: what is not ok is written commented out."""

    name: str
    """The check's."""
    settings: dict[str, Any]
    """As YAML writes them, without `type`; `${...}` in a text stands for itself."""
    why: str
    """What was found, in a line; never what may be secret, such as a command's arguments."""
    about: tuple[str, ...] | None = ()
    """The settings that say what it looks at: where a check of the type has the same, it is not suggested again.

    Without any, each check of the type is the same; None: only one of the same name is.
    """
    off: str = ""
    """Why it must be commented out until somebody did something about it."""


class Host:
    """Files and commands of this host. Nothing is raised: what cannot be read is empty."""

    def __init__(
        self,
        root: Path = Path("/"),
        seconds: float = 15.0,
        run: Callable[[Sequence[str], float], str] | None = None,
    ) -> None:
        """`root` and `run` stand for another host in tests; `seconds` is the deadline of all commands together."""
        self.root = root
        self._run = run or output
        self._deadline = time.monotonic() + seconds

    def path(self, name: str) -> Path:
        """Return where a file of the host is."""
        return self.root / name.lstrip("/")

    def read(self, name: str) -> str:
        """Return the text of a regular file, the first 4 MiB of it; empty where it cannot be read."""
        with suppress(OSError):
            # Without O_NONBLOCK the open of a pipe waits for its writer, for ever.
            descriptor = os.open(self.path(name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb", buffering=0) as file:
                if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    # By pieces: of a file in /proc/sys the kernel refuses to fill a buffer of megabytes.
                    pieces = itertools.takewhile(bool, (file.read(PIECE) for _ in range(MOST_BYTES // PIECE)))
                    return b"".join(pieces).decode(errors="replace")
        return ""

    def glob(self, pattern: str) -> list[str]:
        """Return whole paths, as they are on the host."""
        with suppress(OSError):
            return [f"/{path.relative_to(self.root)}" for path in sorted(self.root.glob(pattern.lstrip("/")))]
        return []

    def output(self, *command: str) -> str:
        """Run a command of the host; empty when it is not there, fails, or does not answer in time."""
        return self._run(command, max(0.1, self._deadline - time.monotonic()))


def output(command: Sequence[str], seconds: float) -> str:
    """Return what a command prints; empty when it is not there, fails, or takes longer. Root runs no one else's."""
    import subprocess

    if os.geteuid() == 0 and weak_spot(shutil.which(command[0]) or command[0]):
        return ""  # PATH may be of who typed `su`
    env = {**os.environ, "LC_ALL": "C", "SYSTEMD_COLORS": "0"}
    with suppress(OSError, subprocess.SubprocessError):
        result = subprocess.run(
            command, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
        return result.stdout.decode(errors="replace") if result.returncode == 0 else ""
    return ""
