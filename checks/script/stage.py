"""Runs between the agent and a program: sets limits, gives up rights, becomes the program.

posix_spawn can do none of that, and Python code must not run between fork and exec in a process of many threads. So
this file is started as a program of its own, where it is needed. What it sets, it sets on itself before the program
begins: there is no moment in which the program runs without it.
"""

from __future__ import annotations

import os
import resource
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_START = "start"


def main(complaints: int, environment: int, words: list[str]) -> None:
    """Carry the orders out and become the program; when one fails, write `errno order` to the descriptor.

    The program's own environment comes by another descriptor: it is in force when all rights are given up, not before.
    """
    os.set_inheritable(complaints, False)
    env = _environment(environment)
    order = _START
    try:
        while (order := words.pop(0)) != _START:
            _ORDERS[order](words.pop(0))
        _default_signals()
        os.execve(words[0], words, env)  # noqa: S606 - that is the point
    except OSError as error:
        os.write(complaints, f"{error.errno} {order}".encode())
        sys.exit(126)


def _environment(fd: int) -> dict[bytes, bytes]:
    with open(fd, "rb") as file:
        pairs = file.read().split(b"\0")
    return dict(pair.split(b"=", 1) for pair in pairs if pair)


def _limit(name: str, value: int, more: int = 0) -> None:
    kind = getattr(resource, name)
    hardest = resource.getrlimit(kind)[1]
    if hardest != resource.RLIM_INFINITY:
        value = min(value, hardest - more)
    resource.setrlimit(kind, (value, value + more))


def _account(value: str) -> None:
    uid, gid, *groups = (int(number) for number in value.split(","))
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def _default_signals() -> None:
    # Python ignores them, and the program would inherit that. The module `signal` takes 3 ms to import.
    import _signal  # type: ignore[import-not-found]  # without stubs

    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
        _signal.signal(number, _signal.SIG_DFL)


_ORDERS: dict[str, Callable[[str], object]] = {
    "limits.memory": lambda value: _limit("RLIMIT_AS", int(value)),
    # At the soft limit the program is told by SIGXCPU, at the hard one it is killed.
    "limits.cpu": lambda value: _limit("RLIMIT_CPU", int(value), more=1),
    "limits.processes": lambda value: _limit("RLIMIT_NPROC", int(value)),
    "limits.file_size": lambda value: _limit("RLIMIT_FSIZE", int(value)),
    "limits.open_files": lambda value: _limit("RLIMIT_NOFILE", int(value)),
    "nice": lambda value: os.nice(int(value)),
    "user": _account,
    "umask": lambda value: os.umask(int(value, 8)),
    "cwd": os.chdir,
}

if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
