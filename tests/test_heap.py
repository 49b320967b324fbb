"""Free memory goes back to the system, where its C library can give it."""

from __future__ import annotations

import subprocess
import sys

from tests import needs

MEASURE = """
from pathlib import Path
from agent.system.heap import _trim, give_back
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4
give_back()
kept = [bytearray(60_000) for _ in range(200)]
above = bytearray(60_000)
del kept
before = resident()
give_back()
print(before - resident() if _trim() else "cannot")
"""


def test_what_is_free_below_something_that_is_used_goes_back() -> None:
    needs.file("/proc/self/statm")
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, timeout=60)
    if done.stdout.strip() == "cannot":
        needs.missing("glibc")
    assert int(done.stdout) > 5_000, "KiB of the twelve thousand that were free"
