"""python -m tests.bench: print what the agent costs, beside its goals and beside other programs at the same work.

Each program in turn does the same work, several rounds (A B A B); CPU is that of all its processes. Runs are counted
by what they look at. `--strict` exits 1 when a goal is not met or a run was not ok; `--quick` only shows that the
bench works.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import msgspec

from tests.bench.compare import compared
from tests.bench.report import Report, figure_text, line_text, report
from tests.bench.scenarios import FULL, QUICK, SCENARIOS, Figure, mixed_checks
from tests.bench.work import Work, scene

WORKS = {
    "script": Work("script", "script check, a tiny program", 1.1, 500, 10),
    "shell": Work("shell", "script check, a shell", 1.4, 500, 10),
    "http": Work("http", "http check", 0.4, 300, 10),
    "https": Work("https", "https check", 1.0, 300, 10),
    "process": Work("process", "process check, 50 on 500 processes", 0.3, 50, 10, 500),
}
"""The goals in milliseconds a run; that of https, 1.3 bare handshakes, is the ratio to bare Python."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parsed(arguments)
    chosen = options.scenarios or [*WORKS, *SCENARIOS]
    works = [WORKS[name] for name in chosen if name in WORKS]
    say = (lambda text: print(text, file=sys.stderr, flush=True)) if not options.quick else lambda _: None
    rounds, span = (1, 2.0) if options.quick else (options.rounds, 20.0)
    if options.quick:
        works = [small(work) for work in works]
    # Side by side they disturb each other, which matters only where figures mean something.
    with ThreadPoolExecutor(len(chosen) if options.quick else 1) as pool:
        lines = pool.map(lambda work: list(compared(work, rounds, span, say)), works)
        figures = pool.map(lambda name: alone(name, options.quick), (name for name in chosen if name in SCENARIOS))
        made = report([one for found in lines for one in found], [one for found in figures for one in found])
    show(made)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    return 1 if options.strict and not made.met else 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, a few seconds; the figures mean nothing")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is not met")
    parser.add_argument("--rounds", type=int, default=2, help="how often each program is measured [2]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures into this file")
    choices = [*WORKS, *SCENARIOS]
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"some of {', '.join(choices)} [all]")
    options = parser.parse_args(arguments)
    if os.geteuid() != 0:
        parser.error("needs root's rights: an agent shows its memory to no other user")
    if unknown := set(options.scenarios) - set(choices):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(choices)}")
    return options


def small(work: Work) -> Work:
    return replace(work, count=5, interval=1, processes=min(work.processes, 10))


def alone(name: str, quick: bool) -> list[Figure]:
    """Measure one thing of hostvigil by itself."""
    size = QUICK if quick else FULL
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(3)]
        web = stack.enter_context(scene(folders[0], Work("http", "", 0, 1, 1)))
        plugin = stack.enter_context(scene(folders[1], Work("script", "", 0, 1, 1)))
        stack.enter_context(scene(folders[2], Work("process", "", 0, 1, 1, size.mixed_checks)))
        return SCENARIOS[name](size, lambda count: mixed_checks(count, web, plugin))


def show(made: Report) -> None:
    for line in made.lines:
        print(line_text(line))
    for figure in made.figures:
        print(figure_text(figure))
    if made.machine:
        print(made.machine.text)


if __name__ == "__main__":
    sys.exit(main())
