"""python -m tests.mutants [--children N] [--longest SECONDS] [NAME ...]: which small fault does no test find?

A NAME may hold `*`: `agent.view*`. Faults are made anew each time, in the folder `mutants`, where they stay.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from tests.mutants.driver import tried
from tests.mutants.making import make, read_faults
from tests.mutants.report import Result, progress, report

FOLDER = Path("mutants")
NEWS_SECONDS = 15.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", default=["*"], help="of faults [all]")
    parser.add_argument(
        "--children", type=int, default=os.cpu_count(), help="faults at the same time [as many as cores]"
    )
    parser.add_argument("--longest", type=float, default=math.inf, help="leave out tests that take more seconds [none]")
    options = parser.parse_args(arguments)
    print("The faults are made, and each test runs once without one.", flush=True)
    make(FOLDER, options.children)
    faults = chosen(read_faults(FOLDER), options.names)
    if not faults:
        parser.error(f"no fault has a name like {' or '.join(options.names)}")
    print(f"{len(faults):,} faults, the quickest first.", flush=True)
    results: list[Result] = []
    try:
        for result in with_news(tried(FOLDER, faults, options.children, options.longest), len(faults)):
            results.append(result)
    except KeyboardInterrupt:
        print("\nStopped.")
    print(report(results, len(faults)))
    return 0 if len(results) == len(faults) else 130


def chosen(faults: Iterable[str], names: Sequence[str]) -> list[str]:
    return [fault for fault in faults if any(fnmatchcase(fault, name) for name in names)]


def with_news(results: Iterable[Result], total: int) -> Iterator[Result]:
    """Pass results on, and say now and then how far it is."""
    so_far: list[Result] = []
    due = time.monotonic() + NEWS_SECONDS
    for result in results:
        so_far.append(result)
        if time.monotonic() >= due:
            print(progress(so_far, total), flush=True)
            due = time.monotonic() + NEWS_SECONDS
        yield result


if __name__ == "__main__":
    sys.exit(main())
