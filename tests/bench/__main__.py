"""python -m tests.bench: print what the agent costs, beside its bars.

CPU is user and system time of the agent with the programs it runs; the web server's own is not counted. Runs are
counted from the agent's store. `--strict` exits 1 when a bar is not met or a run was not ok; `--quick` only shows
that the bench works.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.scenarios import FULL, QUICK, SCENARIOS, Figure, World
from tests.bench.surroundings import processes, shell_plugin, tiny_plugin, web_server


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, a few seconds; the figures mean nothing")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a bar is not met")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"some of {', '.join(SCENARIOS)} [all]")
    options = parser.parse_args(arguments)
    scenarios = [SCENARIOS[name] for name in options.scenarios or SCENARIOS]
    size = QUICK if options.quick else FULL
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    if nginx is None:
        print("the bench needs nginx", file=sys.stderr)
        return 2
    print(f"{'':58}{'figure':>10}{'bar':>10}{'ratio':>8}")
    met = True
    with (
        tempfile.TemporaryDirectory() as folder,
        web_server(nginx, Path(folder)) as url,
        processes(size.processes),
        # Side by side they disturb each other, which matters only where figures mean something.
        ThreadPoolExecutor(len(scenarios) if options.quick else 1) as pool,
    ):
        world = World(url, shell_plugin(Path(folder)), tiny_plugin(Path(folder)))
        for figures in pool.map(lambda measure: measure(size, world), scenarios):
            for figure in figures:
                print(line(figure), flush=True)
                met = met and figure.met
    return 1 if options.strict and not met else 0


def line(figure: Figure) -> str:
    """One line of the table; a ratio below 1 is better than the bar."""
    numbers = (
        f"{figure.figure:>7.3g} {figure.unit:<2}{figure.bar:>7g} {figure.unit:<2}{figure.figure / figure.bar:>8.2f}"
    )
    return f"{figure.what:<58}{numbers}  {figure.note}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
