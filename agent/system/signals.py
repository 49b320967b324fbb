"""The signals the agent obeys, as orders one after the other: TERM and INT end, HUP reloads, USR1 wakes the emitter."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

END = (signal.SIGTERM, signal.SIGINT)
ORDERS = {signal.SIGHUP: "reload", signal.SIGUSR1: "wake"}


class Signals:
    """Iterate in the main thread: sleeps until there is an order, ends with SIGTERM or SIGINT.

    A pipe and not an event: a handler that runs while the main thread holds an event's lock would wait for ever.
    """

    def __init__(self) -> None:
        self._read, write = os.pipe()
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (*END, *ORDERS):
            signal.signal(number, lambda *_: None)
        # Whoever started us may have ignored it, and then nobody could wait for a script.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def __iter__(self) -> Iterator[str]:
        while True:
            numbers = set(os.read(self._read, 4096))
            if numbers & set(END):
                return
            # Once, however often it was asked for in the meantime.
            yield from (order for number, order in ORDERS.items() if number in numbers)
