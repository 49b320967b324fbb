"""One destination's thread: it sleeps until woken or until the next request is allowed, and lets its courier work."""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import Protocol

from agent.store import StoreError

log = logging.getLogger("hostvigil.emitter")

STORE_WAIT = 10.0
"""Seconds between tries while the outbox cannot be read or written."""
STOP_SECONDS = 0.8
LOOK_SECONDS = 0.1
"""Between looks whether who was at work before has ended."""


class Carrier(Protocol):
    """Carries what waits for one destination."""

    def drain(self) -> float:
        """Carry one, if one may be now; return the seconds until the next, infinite for "when woken"."""

    def close(self) -> None:
        """End what is open to the destination."""


class Emitter:
    """Runs one destination's courier, until it is stopped. Its methods may be called from any thread."""

    def __init__(self, name: str, courier: Carrier) -> None:
        self._courier = courier
        self._failing = False
        self._before: Emitter | None = None
        self._wakeup = threading.Event()
        self._stopping = self._farewell = False
        self._thread = threading.Thread(target=self._work, name=f"emitter {name}", daemon=True)

    def start(self, after: Emitter | None = None) -> None:
        """Begin; after who told the same destination before: what its last request carries would be told twice."""
        # `after` may itself wait for its turn: then the one before it is who may still carry something.
        self._before = (after._before or after) if after else None
        self._thread.start()

    def wake(self) -> None:
        """There is something new to tell. Never blocks."""
        self._wakeup.set()

    def leave(self, farewell: bool = False) -> None:
        """Begin to end; with `farewell` one more is sent, where that is possible at once."""
        self._farewell = farewell
        self._stopping = True
        self._wakeup.set()

    def join(self, seconds: float = STOP_SECONDS) -> None:
        """Wait for the end, even while a request hangs no longer than this: what it carries stays in the outbox."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _work(self) -> None:
        if self._has_turn():
            self._drain_until_stopped()
        self._courier.close()

    def _has_turn(self) -> bool:
        """Wait until who was at work before has ended, by its request's deadline; False where we are to end first."""
        while self._before and self._before._thread.is_alive():
            if self._stopping:
                return False
            self._before.join(LOOK_SECONDS)
        self._before = None
        return True

    def _drain_until_stopped(self) -> None:
        while True:
            # In this order: a wake that comes in between is not lost.
            self._wakeup.clear()
            if self._stopping:
                if self._farewell:
                    self._drain_or_say_why_not()
                return
            wait = self._drain_or_say_why_not()
            if self._failing:
                self._rest(wait)
            elif wait > 0:
                self._wakeup.wait(None if math.isinf(wait) else wait)

    def _rest(self, seconds: float) -> None:
        """Wait however often woken: each try would only meet the same again."""
        until = time.monotonic() + seconds
        while not self._stopping and (remaining := until - time.monotonic()) > 0:
            self._wakeup.wait(remaining)
            self._wakeup.clear()

    def _drain_or_say_why_not(self) -> float:
        try:
            wait = self._courier.drain()
        except StoreError as error:
            if not self._failing and not self._stopping:
                log.error("the outbox cannot be read or written: %s", error)
        except Exception:
            log.exception("a bug in the emitter; it goes on in %gs", STORE_WAIT)
        else:
            self._failing = False
            return wait
        self._failing = True
        return STORE_WAIT
