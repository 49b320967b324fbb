"""Rights that the unit gave the agent (AmbientCapabilities): a script has them only where its settings say so.

Linux knows them by thread, and a child has those of the thread that starts it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from agent.api import CheckError

# include/uapi/linux/capability.h, in the order of their numbers
_NAMES = """
CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
NAMES = tuple(f"CAP_{name}" for name in _NAMES.split())
# include/uapi/linux/prctl.h
_PR_CAP_AMBIENT, _RAISE, _CLEAR_ALL = 47, 2, 4


def _of_the_agent() -> frozenset[int]:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return frozenset()
    mask = next((int(line.split()[1], 16) for line in lines if line.startswith("CapAmb:")), 0)
    return frozenset(number for number in range(len(NAMES)) if mask >> number & 1)


AGENT = _of_the_agent()
"""The numbers of those the agent was started with."""


_AS_IT_IS = nullcontext()


def keep_only(names: Sequence[str]) -> AbstractContextManager[None]:
    """Inside, a child that this thread starts gets these rights and no others. CheckError where the agent lacks one."""
    numbers = set(map(NAMES.index, names))
    if numbers == AGENT or os.geteuid() == 0:
        return _AS_IT_IS  # root has them all
    return _only(numbers)


@contextmanager
def _only(numbers: set[int]) -> Iterator[None]:
    if lacking := numbers - AGENT:
        name = NAMES[min(lacking)]
        raise CheckError(
            f"the agent cannot give it {name}, which it has not itself: AmbientCapabilities={name} in its unit"
        )
    _set(numbers)
    try:
        yield
    finally:
        _set(AGENT)


def _set(numbers: set[int] | frozenset[int]) -> None:
    import ctypes

    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for order, number in ((_CLEAR_ALL, 0), *((_RAISE, number) for number in sorted(numbers))):
        if prctl(_PR_CAP_AMBIENT, order, number, 0, 0) != 0:
            raise CheckError(f"cannot set the rights it is started with: {os.strerror(ctypes.get_errno())}")
