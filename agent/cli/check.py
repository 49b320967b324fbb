"""hostvigil check NAME: run one check once, through the same code as the agent, and print it as a plugin would."""

from __future__ import annotations

import argparse
import os
import queue
import sys
import time

import msgspec

from agent.catalog import Catalog
from agent.config import load
from agent.model import SEVERITY, Metric, Outcome, Result, Status
from agent.redact import redactor
from agent.runner import Runner
from agent.units import duration_text

EXIT_CODES = {Status.OK: 0, Status.WARNING: 1, Status.CRITICAL: 2, Status.NODATA: 3}
COULD_NOT_RUN = 3


def main(options: argparse.Namespace) -> int:
    """Exits 0, 1, 2 or 3 for ok, warning, critical or nodata."""
    config = load(options.config, Catalog(), os.environ)
    check = config.checks.get(options.name)
    if check is None:
        return _unknown(options.name, [problem for problem in config.problems if problem.check == options.name], config)
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    Runner(outcomes.put, redactor(config.secrets)).start(check, time.monotonic())
    outcome = outcomes.get()
    print(msgspec.json.encode(outcome).decode() if options.json else text(outcome))
    return EXIT_CODES[worst(outcome.results)]


def text(outcome: Outcome) -> str:
    """Write the outcome in the Nagios plugin format: the first line says it all, performance data at its end."""
    results = sorted(outcome.results, key=lambda result: -SEVERITY[result.status])
    status = worst(outcome.results)
    bad = [result for result in results if result.status is status]
    first = "; ".join(result.summary for result in bad[:3]) + (f"; and {len(bad) - 3} more" if len(bad) > 3 else "")
    several = len(results) > 1
    metrics = " ".join(
        perfdata(metric, result.subject if several else "") for result in results for metric in result.metrics
    )
    lines = [f"{status.upper()}: {first}".replace("|", "/") + (f" | {metrics}" if metrics else "")]
    if len(results) > 1:
        lines += [f"{result.status:8} {result.summary}" for result in results]
    lines += [result.details for result in results if result.details]
    lines.append(f"took {duration_text(outcome.duration)}")
    return "\n".join(line.replace("|", "/") if number else line for number, line in enumerate(lines))


def worst(results: tuple[Result, ...]) -> Status:
    return max((result.status for result in results), key=SEVERITY.__getitem__)


def perfdata(metric: Metric, subject: str) -> str:
    """Write a metric as performance data: 'label'=value[UOM];[warn];[crit];[min];[max]."""
    label = f"{subject} {metric.name}".strip()
    quoted = "'" + label.replace("'", "''").replace("=", "_").replace("|", "/") + "'"
    bounds = ["" if bound is None else f"{bound:.12g}" for bound in (metric.minimum, metric.maximum)]
    fields = [f"{quoted}={metric.value:.12g}{metric.unit}", metric.warning, metric.critical, *bounds]
    return ";".join(fields).rstrip(";")


def _unknown(name: str, problems: list[object], config: object) -> int:
    for problem in problems:
        print(problem)
    if not problems:
        print(f"hostvigil: no check is called {name!r} in the configuration", file=sys.stderr)
    return COULD_NOT_RUN
