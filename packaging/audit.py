"""Asks the public database of known faults about every package that is shipped (`make audit`).

Exits 0 when none is known, 1 when one is, 3 when the database could not be asked: then nothing is known.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCKS = ("packaging/agent.lock", "packaging/build.lock")
SECONDS = 600
UNKNOWN = 3
PROGRAM = Path(sys.executable).with_name("pip-audit")


def main(program: Path = PROGRAM, seconds: float = SECONDS) -> int:
    """Ask about each lock file, `seconds` at the most for each; return the exit code that this module names."""
    worst = 0
    for lock in LOCKS:
        options = ("--disable-pip", "--require-hashes", "--strict", "--progress-spinner=off")
        try:
            done = subprocess.run(
                [program, *options, "-r", ROOT / lock],
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
                env={**os.environ, "NO_COLOR": "1"},
            )
        except subprocess.TimeoutExpired:
            return _unknown(f"it did not answer within {seconds:g} s")
        if done.returncode == 0:
            print(f"{lock}: no known fault")
        elif "Found " in done.stderr:
            print(f"{lock}:\n{done.stdout}{done.stderr}", file=sys.stderr)
            worst = 1
        else:
            return _unknown((done.stderr.strip().splitlines() or ["it said nothing"])[-1])
    return worst


def _unknown(why: str) -> int:
    print(
        f"The database of known faults could not be asked, so nothing is known of faults: {why}\n"
        "Run `make audit` where the package index can be reached.",
        file=sys.stderr,
    )
    return UNKNOWN


if __name__ == "__main__":
    sys.exit(main())
