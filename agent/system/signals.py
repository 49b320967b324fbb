"""What the agent is asked to do while it runs, one order after the other: by signals, and by requests."""

from __future__ import annotations

import contextlib
import os
import queue
import select
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from agent.plugin.shared_work import Call

END = (signal.SIGTERM, signal.SIGINT)
ORDERS = {signal.SIGHUP: "reload", signal.SIGUSR1: "wake"}


def nobody(answer: Mapping[str, object]) -> None:
    """Who sends a signal waits for no answer."""


class Order(NamedTuple):
    """Something to do, and who is told what came of it."""

    name: str
    answer: Callable[[Mapping[str, object]], None] = nobody
    arguments: Mapping[str, str | None] = {}


class Signals:
    """Iterate in the main thread: sleeps until there is an order, ends with SIGTERM or SIGINT. Any thread may `put`.

    A pipe and not an event: a handler that runs while the main thread holds an event's lock would wait for ever.
    """

    def __init__(self) -> None:
        self._requests: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._numbers: set[int] = set()
        """Signals that came while something was waited for."""
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in (*END, *ORDERS):
            signal.signal(number, lambda *_: None)
        # Whoever started us may have ignored or blocked it, and then nobody could wait for a script, or end us.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())

    def put(self, order: Order) -> None:
        """Have something done in the main thread."""
        self._requests.put(order)
        self._wake()

    def wait_for(self, call: Call, seconds: float) -> bool:
        """Wait for a call, so long at the most, or until the agent is to end; tell whether the call has ended."""
        call.tell(self._wake)
        until = time.monotonic() + seconds
        while not call.done.is_set() and not self._numbers & set(END) and (rest := until - time.monotonic()) > 0:
            self._take_in(rest)
        return call.done.is_set()

    def to_end_within(self, seconds: float) -> bool:
        """Wait until the agent is to end, so long at the most; tell whether it is."""
        until = time.monotonic() + seconds
        while not self.to_end and (rest := until - time.monotonic()) > 0:
            self._take_in(rest)
        return self.to_end

    def _take_in(self, seconds: float) -> None:
        if select.select([self._read], [], [], seconds)[0]:
            self._numbers |= set(os.read(self._read, 4096))

    @property
    def to_end(self) -> bool:
        """Tell whether the agent was told to end while something was waited for."""
        return bool(self._numbers & set(END))

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # full: then it wakes up anyway
            os.write(self._write, b"\0")

    def __iter__(self) -> Iterator[Order]:
        while True:
            numbers = self._numbers or set(os.read(self._read, 4096))
            self._numbers = set()
            if numbers & set(END):
                return
            # Once, however often it was asked for in the meantime.
            yield from (Order(name) for number, name in ORDERS.items() if number in numbers)
            while not self._requests.empty() and not self.to_end:
                yield self._requests.get()
