"""Free memory goes back to the system, where its C library can give it."""

from __future__ import annotations

import subprocess
import sys

from tests.host import needs

MEASURE = """
from pathlib import Path
from agent.system.heap import _libc, give_back
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4
give_back()
kept = [bytearray(60_000) for _ in range(200)]
above = bytearray(60_000)
del kept
before = resident()
give_back()
print(before - resident() if _libc("malloc_trim") else "cannot")
"""


def test_what_is_free_below_something_that_is_used_goes_back() -> None:
    needs.file("/proc/self/statm")
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, timeout=60)
    if done.stdout.strip() == "cannot":
        needs.missing("glibc")
    assert int(done.stdout) > 5_000, "KiB of the twelve thousand that were free"


THREADS = """
import sys, threading
from pathlib import Path
from agent.system.heap import share
if sys.argv[1] == "together":
    share()
kept, made = [], threading.Barrier(9)
def work():
    kept.append(bytearray(60_000))
    made.wait(30)
    made.wait(30)
for _ in range(8):
    threading.Thread(target=work, daemon=True).start()
made.wait(30)
lines = [line.split()[:2] for line in Path("/proc/self/maps").read_text().splitlines()]
spans = [int(end, 16) - int(begin, 16) for begin, end in (where.split("-") for where, how in lines if how == "---p")]
print(sum(32 << 20 < span <= 64 << 20 for span in spans))
made.wait(30)
"""


def own_places(word: str) -> int:
    done = subprocess.run([sys.executable, "-c", THREADS, word], capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


def test_threads_take_their_memory_from_one_place() -> None:
    needs.file("/proc/self/maps")
    if not own_places("apart"):
        needs.missing("a C library that gives each thread a place of its own")
    assert own_places("together") == 0
