"""A look in a process of its own: what it breaks, leaks or hangs in, it takes with it when the deadline kills it.

Run as `python -m agent.running.child`: reads an order from standard input, writes what was seen to the descriptor named
by its only argument. The order is pickled, which is safe between a process and its own child.
"""

from __future__ import annotations

import logging
import os
import pickle
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from agent.api import Check
from agent.config.catalog import FOLDER_MODULES, load_file
from agent.model import Result, Status
from agent.plugin.context import Context
from agent.plugin.units import duration_text
from agent.running.execute import CheckOutput, execute
from agent.system.records import log_to_stderr
from agent.system.redactor import redactor

MOST_BYTES = 16 * 1024 * 1024
HOME = Path(__file__).parent.parent


class Order(msgspec.Struct, frozen=True):
    """What the child is to do."""

    check: bytes
    """The pickled check."""
    file: str
    """The file of its type where it came from a folder, which the child must load first; else ''."""
    name: str
    timeout: float
    memory: dict[str, Any]
    secrets: frozenset[str] = frozenset()
    """What must not show in the child's log; what it answers is for the parent to clean."""


def execute_in_child(check: Check, context: Context, secrets: frozenset[str] = frozenset()) -> CheckOutput:
    """Run the check in a child, and kill the child and its whole process group at the deadline."""
    module = sys.modules[type(check).__module__]
    file = str(module.__file__) if module.__name__.startswith(FOLDER_MODULES) else ""
    order = Order(pickle.dumps(check), file, context.check, context.timeout, context.memory, secrets)
    with _child() as (child, answer), context.interruptible(lambda: _kill(child)):
        with suppress(BrokenPipeError):
            child.communicate_order(msgspec.msgpack.encode(order))
        written = _read(answer, context)
    if written is None:
        return _failed(f"did not finish within {duration_text(context.timeout)}, its process was killed")
    try:
        return msgspec.msgpack.decode(written, type=CheckOutput)
    except msgspec.MsgspecError:
        return _failed(f"its process ended without an answer ({_ending(child.returncode)})")


class _Child(subprocess.Popen[bytes]):
    def communicate_order(self, order: bytes) -> None:
        assert self.stdin is not None  # noqa: S101 - it was asked for
        with self.stdin as stdin:
            stdin.write(order)


@contextmanager
def _child() -> Iterator[tuple[_Child, int]]:
    """Start the child; at the end it and whatever it started in its group are gone, and it is reaped."""
    answer, write = os.pipe()
    try:
        child = _Child(
            [sys.executable, "-m", "agent.running.child", str(write)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=(write,),
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(HOME)},
        )
    finally:
        os.close(write)
    try:
        yield child, answer
    finally:
        _kill(child)
        child.wait()
        os.close(answer)


def _kill(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _read(answer: int, context: Context) -> bytes | None:
    """Read until the child closes its end; None when the deadline comes first."""
    parts: list[bytes] = []
    poll = select.poll()
    poll.register(answer, select.POLLIN)
    while sum(map(len, parts)) <= MOST_BYTES:
        if not poll.poll(context.remaining() * 1000):
            return None
        part = os.read(answer, 65536)
        if not part:
            return b"".join(parts)
        parts.append(part)
    return b""


def _failed(reason: str) -> CheckOutput:
    return CheckOutput((Result(Status.NODATA, reason),), complete=False)


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit {code}"


def main(descriptor: int) -> None:
    """Be the child."""
    order = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Order)
    log_to_stderr(logging.WARNING, redactor(order.secrets))
    if order.file:
        load_file(Path(order.file))
    check: Check = pickle.loads(order.check)  # noqa: S301 - written by the agent, our parent
    seen = execute(check, Context(order.name, order.timeout, order.memory))
    with os.fdopen(descriptor, "wb") as answer:
        answer.write(msgspec.msgpack.encode(seen))


if __name__ == "__main__":
    main(int(sys.argv[1]))
