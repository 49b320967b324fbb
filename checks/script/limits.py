"""The settings that need a stage before the program, and what the stage is told."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from agent.api import Duration, Size

if TYPE_CHECKING:
    from checks.script.account import Account
    from checks.script.check import Script

STAGE_ENV = {"LC_ALL": "C.UTF-8"}
"""All that the stage has of an environment: it may run as root, and the script's own variables may name code."""
_STAGE = str(Path(__file__).with_name("stage.py"))


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a program, and each process it starts, may use at the most; the kernel sees to it."""

    memory: Annotated[Size | None, Meta(description="Address space of each process; default: no limit.")] = None
    cpu: Annotated[
        Duration | None, Meta(description="Processor time of each process, full seconds; default: no limit.")
    ] = None
    processes: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Processes and threads of its user altogether, root is exempt; default: no limit."),
    ] = None
    file_size: Annotated[Size | None, Meta(description="Size of a file it writes; default: no limit.")] = None
    open_files: Annotated[
        Annotated[int, Meta(ge=4)] | None, Meta(description="Open files of each process; default: as the agent.")
    ] = None


def needs_stage(script: Script) -> bool:
    """Tell whether posix_spawn alone cannot do what is wanted."""
    return bool(script.user or script.group or script.umask or script.nice or script.limits)


def stage(words: list[str], script: Script, account: Account | None, complaints: int, env: int) -> list[str]:
    """Return the argv that starts the stage.

    Why it gives up, it writes to the descriptor `complaints`; the program's environment it reads from `env`.
    """
    orders = [word for order in _orders(script, account) for word in order]
    # -I and -S: nothing of the environment, the folder or the site; that is 5 ms and nobody's to meddle with.
    return [sys.executable, "-I", "-S", _STAGE, str(complaints), str(env), *orders, "start", *words]


def as_content(env: Mapping[str, str]) -> bytes:
    """Write an environment as the stage reads it. Arguments would show it to everybody."""
    return b"\0".join(os.fsencode(f"{name}={value}") for name, value in env.items())


def _orders(script: Script, account: Account | None) -> Iterator[tuple[str, str]]:
    """Put first what needs the rights that are given up then."""
    if script.limits:
        for name in script.limits.__struct_fields__:
            if (value := getattr(script.limits, name)) is not None:
                yield f"limits.{name}", str(math.ceil(value))
    if script.nice:
        yield "nice", str(script.nice)
    if account and (account.uid, account.gid) != (os.geteuid(), os.getegid()):
        yield "user", ",".join(map(str, (account.uid, account.gid, *account.groups)))
    if script.umask:
        yield "umask", script.umask
    if script.cwd:
        yield "cwd", script.cwd
