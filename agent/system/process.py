"""What other processes can see of the agent, and take over from it: as little as the system lets us say."""

from __future__ import annotations

import logging
import os

log = logging.getLogger("hostvigil.process")

# include/uapi/linux/prctl.h
_PR_SET_DUMPABLE = 4
MOST_FILES = 16384
"""Scripts inherit it; a few old programs close all that they might have, one by one, which more would make slow."""


def shut_off() -> None:
    """Shut the agent off from its user's other processes, scripts above all. To be called once, before any thread.

    Its environment, memory and descriptors can then be read by root alone, there is no core file, and no descriptor
    that was inherited reaches a child. It may open many itself. What the kernel refuses is logged; the agent goes on.
    """
    close_on_exec()
    allow_many_files()
    hide_from_own_user()


def allow_many_files() -> None:
    """Raise how many descriptors we may have, as far as we may: each check that hangs holds one to three."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def hide_from_own_user() -> bool:
    """Take /proc/N/environ, mem and fd of this process from its own user; False where that cannot be (not Linux)."""
    import ctypes

    prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)
    if prctl is None:
        return False
    if prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0:
        return True
    log.warning("scripts can read this process's memory: prctl: %s", os.strerror(ctypes.get_errno()))
    return False


def close_on_exec() -> None:
    """Keep from children what was open when this process was started, but for input, output and errors."""
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - names only
        if int(name) > 2:
            try:
                os.set_inheritable(int(name), False)
            except OSError:
                continue  # the one by which the folder was read
