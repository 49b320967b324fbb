"""A look in a process of its own: what it breaks, leaks or hangs in, it takes with it when the deadline kills it.

The child reads a task from standard input and writes what was seen to a descriptor of its own. The task is pickled,
which is safe between a process and its own child.
"""

from __future__ import annotations

import logging
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, Timer, get_ident
from typing import Any

import msgspec

from agent.api import Check
from agent.config.types.own_types import PACKAGE, load_file
from agent.model import Result, Status
from agent.plugin.context import Context
from agent.plugin.results import presentable
from agent.plugin.units import duration_text
from agent.running.execute import CheckOutput, bug_output, execute
from agent.running.memory_text import restore, storable
from agent.running.place import place_in_code
from agent.system.process import hide_from_own_user
from agent.system.records import hide_output, log_to_stderr
from agent.system.redactor import redactor

MOST_BYTES = 16 * 1024 * 1024
"""Of an answer: 1,000 subjects with all their details have room in it."""
LENGTH = struct.Struct("!I")
WORDING_SECONDS = 0.1
"""What the child needs, at the end of its time, to say where it hangs."""

# The child looks where its parent looks, and nowhere else: not in the current folder, not where variables point to.
_START = f"import sys; sys.path[:] = sys.argv[2:]; from {__name__} import main; main(int(sys.argv[1]))"


_FOR_PYTHON = ("LD_LIBRARY_PATH", "LANG", "LC_ALL")
"""All that the child is started with of the agent's environment; the rest comes with the task."""


class ChildTask(msgspec.Struct, frozen=True):
    """What the child is to do."""

    check: bytes
    """The pickled check."""
    file: str
    """The file of its type where it came from a folder, which the child must load first; else ''."""
    name: str
    timeout: float
    deadline: float
    """In monotonic seconds, which are the same for all processes."""
    memory: dict[str, Any]
    environ: dict[bytes, bytes]
    """The agent's environment. A process that is started with it would show it to its user's other processes."""
    secrets: frozenset[str] = frozenset()
    """What must not show in the child's log; what it answers is for the parent to clean."""


def execute_in_child(check: Check, context: Context, secrets: frozenset[str] = frozenset()) -> CheckOutput:
    """Run the check in a child, and kill the child and its whole process group at the deadline."""
    task = msgspec.msgpack.encode(_task(check, context, secrets))
    with _child() as (child, answer), context.interruptible(lambda: _kill(child)):
        with suppress(BrokenPipeError):
            child.hand_over(task)
        answer_bytes = _read(answer, context)
    if answer_bytes is None:
        return _failure_output(f"did not finish within {duration_text(context.timeout)}, its process was killed")
    try:
        return msgspec.msgpack.decode(answer_bytes, type=CheckOutput)
    except msgspec.MsgspecError as error:
        if answer_bytes:
            return _failure_output(f"a bug in this check: what it said cannot be read: {error}")
        return _failure_output(f"its process ended without an answer ({_ending(child.returncode)})")


def _task(check: Check, context: Context, secrets: frozenset[str]) -> ChildTask:
    module = sys.modules[type(check).__module__]
    file = str(module.__file__) if module.__name__.startswith(PACKAGE) else ""
    return ChildTask(
        check=pickle.dumps(check),
        file=file,
        name=context.check,
        timeout=context.timeout,
        deadline=context.deadline - min(WORDING_SECONDS, context.timeout / 10),
        memory=storable(context.memory),
        environ=dict(os.environb),
        secrets=secrets,
    )


class _Child(subprocess.Popen[bytes]):
    def hand_over(self, task: bytes) -> None:
        assert self.stdin is not None  # noqa: S101 - it was asked for
        with self.stdin as stdin:
            stdin.write(task)


@contextmanager
def _child() -> Iterator[tuple[_Child, int]]:
    """Start the child; at the end it and whatever it started in its group are gone, and it is reaped."""
    answer, write = os.pipe()
    paths = [path for path in sys.path if path.startswith("/")]
    try:
        child = _Child(
            [sys.executable, "-I", "-X", "utf8", "-c", _START, str(write), *paths],
            stdin=subprocess.PIPE,
            stdout=2 if _has_stderr() else subprocess.DEVNULL,  # what it prints is no result
            pass_fds=(write,),
            start_new_session=True,
            env={name: os.environ[name] for name in _FOR_PYTHON if name in os.environ},
        )
    finally:
        os.close(write)
    try:
        yield child, answer
    finally:
        _kill(child)
        child.wait()
        os.close(answer)


def _has_stderr() -> bool:
    try:
        os.fstat(2)
    except OSError:
        return False
    return True


def _kill(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _read(answer: int, context: Context) -> bytes | None:
    """Read the answer, or up to the child's end; None when the deadline comes first.

    Its length comes first: a process that the child has started may hold the pipe open for ever.
    """
    content = bytearray()
    poll = select.poll()
    poll.register(answer, select.POLLIN)
    while len(content) <= MOST_BYTES:
        if len(content) >= LENGTH.size and len(content) >= LENGTH.size + LENGTH.unpack_from(content)[0]:
            return bytes(content[LENGTH.size :])
        if not poll.poll(context.remaining() * 1000):
            return None
        part = os.read(answer, 1024 * 1024)
        if not part:
            break
        content += part
    return b""


def _failure_output(reason: str) -> CheckOutput:
    return CheckOutput((Result(Status.NODATA, reason),), complete=False)


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit {code}"


def main(descriptor: int) -> None:
    """Be the child."""
    hide_from_own_user()  # before it has the agent's environment
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=ChildTask)
    hide = redactor(task.secrets)
    log_to_stderr(logging.WARNING, hide)
    os.environb.update(task.environ)
    # Written line by line: the process may be killed at any moment.
    with hide_output(hide, sys.stderr):
        _carry_out(task, descriptor)


def _carry_out(task: ChildTask, descriptor: int) -> None:
    answer = _Answer(descriptor)
    context = Context(task.name, task.timeout, restore(task.memory))
    context.deadline = task.deadline
    try:
        if task.file:
            load_file(Path(task.file), guarded=os.geteuid() == 0)
        check: Check = pickle.loads(task.check)  # noqa: S301 - written by the agent, our parent
    except Exception as error:  # noqa: BLE001 - a type's file is foreign code
        answer.give(bug_output(f"cannot be loaded in a process of its own: {type(error).__name__}: {error}"))
        return
    watch = Timer(context.remaining(), _give_up, (answer, get_ident(), check, task.timeout))
    watch.daemon = True
    watch.start()
    answer.give(execute(check, context))


def _give_up(answer: _Answer, thread: int, check: Check, timeout: float) -> None:
    where = place_in_code(thread, check)
    answer.give(
        _failure_output(f"did not finish within {duration_text(timeout)}, hangs {where}, its process was killed")
    )


class _Answer:
    """The child's one answer, from whichever thread is first."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = Lock()
        self._closed = False

    def give(self, output: CheckOutput) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            with os.fdopen(self._descriptor, "wb") as file:
                content = _encode(output)
                file.write(LENGTH.pack(len(content)) + content)


def _encode(output: CheckOutput) -> bytes:
    try:
        with suppress(UnicodeEncodeError):
            return msgspec.msgpack.encode(output)
        clean = msgspec.structs.replace(output, results=presentable(output.results), memory=storable(output.memory))
        return msgspec.msgpack.encode(clean)
    except (TypeError, ValueError, OverflowError) as error:
        return msgspec.msgpack.encode(bug_output(f"a bug in this check: it said what cannot be written down: {error}"))
