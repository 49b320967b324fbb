"""One child with a process group of its own: started, read, ended by its deadline, always reaped."""

from __future__ import annotations

import asyncio
import math
import os
import select
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple, Self

from agent.api import CheckError
from checks.script import capabilities
from checks.script.launch import Launch
from checks.script.program import why_not_started
from checks.script.spawn import spawn

STREAM_MAX = 65536
"""Bytes of each stream that are kept."""
PRINTED_MAX = 64 * 1024 * 1024
"""Bytes after which a child is killed."""

_QUICK = 0.02
_WITHOUT_PIDFD = 0.02


class ChildOutput(NamedTuple):
    """What came of a child."""

    exit_code: int
    """Negative: the signal that ended it."""
    stdout: bytes
    stderr: bytes
    cut: bool
    """Some of what it printed was not kept."""
    late: bool
    """It had not ended when it was told to."""
    flooded: bool
    """Killed because it printed more than PRINTED_MAX."""
    has_leftovers: bool
    """It ended and left processes in its group, which were killed."""


class Stream:
    """The reading end of a pipe, of which the first bytes are kept."""

    def __init__(self, fd: int, most: int) -> None:
        self.fd = fd
        self.most = most
        self.head = b""
        self.total = 0

    def read(self) -> bool:
        """Read once without waiting; False at the end of the stream."""
        try:
            chunk = os.read(self.fd, 65536)
        except BlockingIOError:
            return True
        self.total += len(chunk)
        self.head += chunk[: self.most - len(self.head)]
        return bool(chunk)


class Child:
    """A running child. Leaving the `with` kills and reaps it, whatever happened; unless it `stays`, for a loop.

    A child that cannot be killed (a hung device, another user's after sudo) holds its run until it ends: so there
    is never a second one beside it.
    """

    stays = False

    def __init__(self, launch: Launch, stdout_max: int = STREAM_MAX) -> None:
        # The lock is between reaping and killing: a reaped child's number may belong to somebody else.
        self._lock = threading.Lock()
        self._status: int | None = None
        self._killed = self._late = self._flooded = self._killed_at_end = False
        self.pid, out, err = _start(launch)
        self._out, self._err = Stream(out, stdout_max), Stream(err, STREAM_MAX)
        self._pidfd = _pidfd(self.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it where it still runs, and wait for its end in this thread."""
        if self.stays:
            return
        try:
            while not self._is_gone():
                _poll(self._pidfd, None if self._pidfd >= 0 else _WITHOUT_PIDFD)
        finally:
            self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """As above, in a loop. What cancels the run does not cancel this."""
        try:
            while not self._is_gone():
                with suppress(asyncio.CancelledError):
                    await self._news((), None)
        finally:
            self._close()

    def _is_gone(self) -> bool:
        if self._status is None and not self._killed_at_end:
            self._killed_at_end = True
            self._signal(signal.SIGKILL)
        return self._has_ended()

    def _close(self) -> None:
        for fd in (self._out.fd, self._err.fd, self._pidfd):
            if fd >= 0:
                os.close(fd)

    def kill(self) -> None:
        """Kill the whole group at once, from any thread."""
        self._killed = True
        self._signal(signal.SIGKILL)

    def ends_soon(self) -> bool:
        """Wait a moment in this thread: most plugins print a line and end. The pipe holds that."""
        if self._pidfd >= 0:
            _poll(self._pidfd, _QUICK)
        return self._has_ended()

    async def end(self, terminate_at: float, kill_at: float) -> None:
        """Read until it has ended; TERM and KILL its group at these times (monotonic seconds)."""
        streams = [self._out, self._err]
        plan = [(terminate_at, signal.SIGTERM), (kill_at, signal.SIGKILL)]
        while not self._has_ended():
            self._follow(plan)
            await self._news(streams, plan[0][0] if plan else None)
            streams = [stream for stream in streams if stream.read()]
            if self._out.total + self._err.total > PRINTED_MAX and not self._flooded:
                self._flooded = True
                self._signal(signal.SIGKILL)

    async def _news(self, streams: Sequence[Stream], until: float | None) -> None:
        """Wait until it has ended or printed something; no longer than until this moment."""
        if self._pidfd < 0:
            until = min(until or math.inf, time.monotonic() + _WITHOUT_PIDFD)
        descriptors = [stream.fd for stream in streams] + ([self._pidfd] if self._pidfd >= 0 else [])
        await any_readable(descriptors, until)

    def collect_output(self) -> ChildOutput:
        """Return what came of it; it must have ended."""
        has_leftovers = self._kill_rest()
        # One read each has all that was in the pipes; whoever still holds them is not waited for.
        self._out.read()
        self._err.read()
        if self._killed:
            raise CheckError("killed: the agent gave it up")
        return ChildOutput(
            exit_code=os.waitstatus_to_exitcode(self._status or 0),
            stdout=self._out.head,
            stderr=self._err.head,
            cut=self._out.total > self._out.most or self._err.total > STREAM_MAX,
            late=self._late,
            flooded=self._flooded,
            has_leftovers=has_leftovers,
        )

    def _follow(self, plan: list[tuple[float, signal.Signals]]) -> None:
        while plan and time.monotonic() >= plan[0][0]:
            self._late = True
            number = plan.pop(0)[1]
            self._signal(number)
            if number == signal.SIGTERM:
                # A stopped process would not hear it.
                self._signal(signal.SIGCONT)

    def _has_ended(self) -> bool:
        with self._lock:
            if self._status is None:
                try:
                    pid, status = os.waitpid(self.pid, os.WNOHANG)
                except ChildProcessError:
                    self._status = 0
                    why = "SIGCHLD is ignored in the agent, or a check of your own waits for all children"
                    raise CheckError(f"its exit status is lost: {why}") from None
                if pid:
                    self._status = status
            return self._status is not None

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            if self._status is None:
                _signal_group(self.pid, number)

    def _kill_rest(self) -> bool:
        # The reaped leader's number is its group's as long as that has members. Without members the kernel hands it
        # out again only after all other numbers, so it cannot be another group's in these microseconds.
        return _signal_group(self.pid, signal.SIGKILL)


def _start(launch: Launch) -> tuple[int, int, int]:
    """Return the pid and the reading ends of stdout and stderr."""
    pipes: list[int] = []
    try:
        pipes += os.pipe()
        pipes += os.pipe()
        out, out_writer, err, err_writer = pipes
        os.set_blocking(out, False)
        os.set_blocking(err, False)
        with capabilities.keep_only(launch.capabilities):
            pid = _spawn(launch, out_writer, err_writer)
    except BaseException as error:
        for fd in pipes:
            os.close(fd)
        if isinstance(error, OSError):
            raise CheckError(why_not_started(launch.argv[0], error)) from error
        raise
    os.close(out_writer)
    os.close(err_writer)
    return pid, out, err


def _spawn(launch: Launch, out: int, err: int) -> int:
    # Descriptors of Python close on exec, but for those that are duplicated onto themselves.
    own = [(launch.stdin, 0)] if launch.stdin >= 0 else []
    return spawn(launch.argv, launch.env, [*own, (out, 1), (err, 2), *((fd, fd) for fd in launch.descriptors)])


def _poll(descriptor: int, seconds: float | None) -> None:
    """Wait in this thread, until there is something to read or for so long."""
    poll = select.poll()
    if descriptor >= 0:
        poll.register(descriptor, select.POLLIN)
    poll.poll(None if seconds is None else seconds * 1000)


async def any_readable(descriptors: Sequence[int], until: float | None) -> None:
    """Wait until one of them has something to read, at most until this moment (monotonic seconds)."""
    loop = asyncio.get_running_loop()
    news = asyncio.Event()
    timer = None if until is None else loop.call_at(until, news.set)  # the loop's clock is the monotonic one
    for descriptor in descriptors:
        loop.add_reader(descriptor, news.set)
    try:
        await news.wait()
    finally:
        for descriptor in descriptors:
            loop.remove_reader(descriptor)
        if timer:
            timer.cancel()


def _pidfd(pid: int) -> int:
    """Return a descriptor that tells of the child's end; -1 where there is none (macOS, old kernels, no more files)."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1


def _signal_group(pid: int, number: signal.Signals) -> bool:
    """Signal all processes of the group; False when there is none, or none that we may signal."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
