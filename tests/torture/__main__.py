"""python -m tests.torture [--seed N] [--minutes N] [NAME ...]: the long proofs, each from a seed that it prints."""

from __future__ import annotations

import argparse
import logging
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.delivery.test_destination_model import Destinations
from tests.engine.test_model import Machine
from tests.torture.killing import tortured

KILLS = 50
"""In one round; a round leaves a database and logs to look at when it finds something."""


def model(number: int) -> list[str]:
    """A thousand random streams against the reference model."""
    return _streams(number, Machine)


def destinations(number: int) -> list[str]:
    """A thousand random streams of destinations that come, change, go and forget."""
    return _streams(number, Destinations)


def _streams(number: int, machine: type[RuleBasedStateMachine]) -> list[str]:
    logging.disable()
    phases = [Phase.generate]
    many = settings(
        max_examples=1000,
        stateful_step_count=50,
        phases=phases,
        derandomize=False,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(number)(machine), settings=many)
    return []


def kills(number: int) -> list[str]:
    """A real agent is killed fifty times, paused and reloaded; its API fails at random."""
    return _killing(number, KILLS, longest_pause=1.5)


def pauses(number: int) -> list[str]:
    """The same with fewer kills, and pauses that are longer than any time-out."""
    return _killing(number, 10, longest_pause=15.0)


def _killing(number: int, count: int, longest_pause: float) -> list[str]:
    folder = Path(tempfile.mkdtemp(prefix=f"hostvigil-torture-{number}-"))
    counts, complaints = tortured(folder, number, count, longest_pause)
    print("   ", ", ".join(f"{count} {what}" for what, count in counts.items()), f"in {folder}")
    return complaints


def kill_points(number: int) -> list[str]:
    """A SIGKILL at each step of a stream of results, and of destinations that come and go; the seed changes nothing."""
    wrong = []
    for name in ("checks", "destinations"):
        with tempfile.TemporaryDirectory(prefix="hostvigil-kills-") as folder:
            command = [sys.executable, "-m", "tests.torture.kill_points", folder, name, "1", "1"]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=3600, check=False)
        print("   ", name, done.stdout.splitlines()[-1])
        wrong += done.stdout.splitlines()[:-1] if done.returncode else []
    return wrong


def examples(_: int) -> list[str]:
    """Twenty times the examples of all properties, and other ones."""
    files = [
        file for file in Path("tests").glob("**/test_*.py") if re.search(r"@given\(|tests.examples", file.read_text())
    ]
    command = [sys.executable, "-m", "pytest", "-q", "--workers", "2", *map(str, files)]
    environ = os.environ | {"HOSTVIGIL_EXAMPLES": "20"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [done.stdout[-5000:]]


PROOFS: dict[str, Callable[[int], list[str]]] = {
    "kills": kills,
    "model": model,
    "destinations": destinations,
    "pauses": pauses,
    "kill-points": kill_points,
    "examples": examples,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *PROOFS], help="which; else all, in turns, each at least once")
    parser.add_argument("--seed", type=int, help="repeat what this seed did, once")
    parser.add_argument("--minutes", type=float, default=15, help="no further turn after them")
    given = parser.parse_args()
    end, wrong = time.monotonic() + given.minutes * 60, 0
    while True:
        for name in given.names or PROOFS:
            number = given.seed if given.seed is not None else random.SystemRandom().randrange(10**6)
            print(f"{name} --seed {number}: {PROOFS[name].__doc__}", flush=True)
            complaints = _complaints(name, number)
            wrong += len(complaints)
            print("".join(f"    WRONG: {complaint}\n" for complaint in complaints), end="", flush=True)
        if given.seed is not None or time.monotonic() > end:
            return 1 if wrong else 0


def _complaints(name: str, number: int) -> list[str]:
    """Run one proof. A counterexample is its complaint, and the next proof goes on."""
    try:
        return PROOFS[name](number)
    except AssertionError:
        return [traceback.format_exc()]


if __name__ == "__main__":
    sys.exit(main())
