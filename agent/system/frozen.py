"""Whether a directory takes writes now: on a frozen filesystem who writes waits, and no signal ends the wait.

A snapshot, a backup or `fsfreeze` freezes it. What only reads is answered, so to look at the directory says nothing.
"""

from __future__ import annotations

import os
import select
from contextlib import suppress
from pathlib import Path

from agent.system.rights import owner_of

FROZEN = "takes no writes now: is its filesystem frozen by a snapshot, or does its disk hang?"
SECONDS = 3.0
MOST_FILES = 1024
"""More than a command has open: one that stayed open would hold a pipe."""
NO_NAME = ".nothing-is-called-so"


def takes_writes(directory: Path, seconds: float = SECONDS) -> bool:
    """Tell, within seconds, whether who writes there gets an answer; that he may not is an answer, too.

    A process of its own asks, for it may have to be left behind.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        _ask_and_end(directory, write_end)
    os.close(write_end)
    try:
        if not select.select([read_end], [], [], seconds)[0]:
            return False
    finally:
        os.close(read_end)
    os.waitpid(child, 0)
    return True


def _ask_and_end(directory: Path, write_end: int) -> None:
    """Look, and end; `write_end` is open as long."""
    try:
        # Who reads what the command says is not to wait for this process.
        os.closerange(0, write_end)
        os.closerange(write_end + 1, MOST_FILES)
        with suppress(OSError):
            if os.geteuid() == 0:
                _become(*owner_of(directory))
            # The kernel asks for the right to write before it looks for the name.
            os.unlink(directory / NO_NAME)  # noqa: PTH108 - as in the kernel
    finally:
        os._exit(0)


def _become(user: int, group: int) -> None:
    """Take the rights of whoever may exchange the directory; of his other groups a directory server would be asked."""
    os.setgroups([group])
    os.setgid(group)
    os.setuid(user)
