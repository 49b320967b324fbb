"""Functions called at their moment, in its order, unless they are called off."""

from __future__ import annotations

import queue
import time

from agent.running.timers import Deadlines


def test_functions_are_called_in_the_order_of_their_moments_and_not_before() -> None:
    deadlines = Deadlines()
    called: queue.SimpleQueue[tuple[str, float]] = queue.SimpleQueue()
    begun = time.monotonic()
    for name, seconds in (("late", 0.2), ("soon", 0.05), ("at once", 0.0)):
        deadlines.add(begun + seconds, lambda name=name: called.put((name, time.monotonic() - begun)))  # type: ignore[misc]
    came = [called.get(timeout=10) for _ in range(3)]
    assert [name for name, _ in came] == ["at once", "soon", "late"]
    assert all(at >= seconds for (_, at), seconds in zip(came, (0.0, 0.05, 0.2), strict=True))


def test_what_is_called_off_is_not_called() -> None:
    deadlines = Deadlines()
    called: queue.SimpleQueue[str] = queue.SimpleQueue()
    now = time.monotonic()
    deadlines.add(now + 0.05, lambda: called.put("off")).call_off()
    deadlines.add(now + 0.1, lambda: called.put("on"))
    assert called.get(timeout=10) == "on"
    assert called.empty()
