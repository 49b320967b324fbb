"""Run under libfaketime: prints a line a turn of a 200 ms check, with the wall clock set while it runs.

Usage: shifted_clock.py TIMESTAMP_FILE OFFSET, with libfaketime preloaded by the test.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from pathlib import Path

from agent.api import Check
from agent.config.settings import CheckConfig, Place
from agent.running.schedule import Schedule


def main(clock: Path, offset: str) -> None:
    turns: list[tuple[float, float]] = []
    enough = threading.Event()

    def start(config: CheckConfig, due: float) -> None:
        turns.append((time.monotonic(), time.time()))
        if len(turns) == 5:
            clock.write_text(offset)
        if len(turns) == 12:
            enough.set()

    schedule = Schedule()
    schedule.begin(start, [CheckConfig("web", "none", Check(), Place("x"), interval=0.2)], at_once=True)
    enough.wait(20)
    schedule.stop()
    gaps = [later[0] - sooner[0] for sooner, later in itertools.pairwise(turns)]
    jump = max(abs(later[1] - sooner[1]) for sooner, later in itertools.pairwise(turns))
    print(f"{len(turns)} {max(gaps):.3f} {min(gaps):.3f} {jump:.0f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
