"""hostvigil check NAME: run one check once, through the same code as the agent, and print it as a plugin would."""

from __future__ import annotations

import argparse
import logging
import os
import queue
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec

from agent.cli.answers.asking import ask_agent
from agent.cli.answers.missing import no_check, reading_problems
from agent.cli.answers.rights import as_root, lacks_rights
from agent.cli.answers.who import who
from agent.cli.output import fail
from agent.config.drop_ins import load
from agent.config.settings import CheckConfig, Config, has_runs
from agent.config.types.catalog import Catalog
from agent.model import SEVERITY, Metric, Outcome, Result, Status
from agent.plugin.text import lines as safe_lines
from agent.plugin.text import one_line
from agent.plugin.units import duration_text
from agent.push.control import CannotDo, NoAnswer, NotAllowed
from agent.running.runner import Runner
from agent.system.process import shut_off
from agent.system.records import hide_output, log_to_stderr
from agent.system.redactor import redactor
from agent.view.forms.check import check_form

EXIT_CODES = {Status.OK: 0, Status.WARNING: 1, Status.CRITICAL: 2, Status.NODATA: 3}
COULD_NOT_RUN = 3
TO_END_SECONDS = 2.0
"""For a check that is interrupted."""
FIRST_LINE_LIMIT = 4000
DETAILS_LIMIT = 10_000
LABEL_LIMIT = 300


def main(options: argparse.Namespace) -> int:
    """Exits 0, 1, 2 or 3 for ok, warning, critical or nodata; by the agent, 0 when it runs the check now, else 3."""
    if options.by_agent:
        return _by_agent(options)
    shut_off()
    config = load(options.config, Catalog(), os.environ)
    check = config.checks.get(options.name)
    if check is None:
        return _unknown(options, config)
    hide = redactor(config.secrets)
    log_to_stderr(logging.WARNING, hide)
    with hide_output(hide, sys.stderr):  # what an own check prints must not come before the plugin's first line
        outcome = _run(check, hide)
    form = check_form(outcome, worst(outcome.results))
    print(msgspec.json.encode(form).decode() if options.json else text(outcome))
    if not check.enabled and not options.json:
        print(f"{check.name} is switched off (enabled: false): the agent does not run it")
    return EXIT_CODES[worst(outcome.results)]


def _run(check: CheckConfig, hide: Callable[[str], str]) -> Outcome:
    """Run it once; whoever ends this command (Ctrl-C, a scheduler's deadline) ends the check's processes, too."""
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    runner = Runner(outcomes.put, hide)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        runner.start(check, time.monotonic())
        while True:
            # A signal that another thread takes does not wake this one.
            with suppress(queue.Empty):
                return outcomes.get(timeout=1)
    except (KeyboardInterrupt, SystemExit):
        runner.stop()
        with suppress(queue.Empty):
            outcomes.get(timeout=TO_END_SECONDS)
        raise


def _by_agent(options: argparse.Namespace) -> int:
    try:
        ask_agent(options.state, "run", check=options.name, who=who())
    except CannotDo as error:
        return _not_run(options, load(options.config, Catalog(), os.environ), str(error))
    except NotAllowed as error:
        fail(f"{error}{as_root(options.words)}")
        return COULD_NOT_RUN
    except NoAnswer as error:
        fail(error)
        return COULD_NOT_RUN
    print(f"{options.name} runs now: hostvigil status {options.name}")
    return 0


def _not_run(options: argparse.Namespace, config: Config, answer: str) -> int:
    """Say why the agent does not run a check, by what is written; its own answer where that does not show it."""
    check = config.checks.get(options.name)
    if check is None:
        return _unknown(options, config)
    if not has_runs(check):
        why = "its results are pushed (hostvigil report, hostvigil wrap)"
    elif not check.enabled:
        why = "it is switched off (enabled: false)"
    else:
        why = "it has not taken it over yet: hostvigil reload"
    fail(f"{answer}: {why}")
    return COULD_NOT_RUN


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
    lines = [f"{result.status:8} {one_line(full_summary(result), FIRST_LINE_LIMIT)}" for result in results if several]
    lines += [line for result in results for line in safe_lines(result.details, DETAILS_LIMIT)]
    lines.append(f"took {duration_text(outcome.duration)}")
    # A `|` begins performance data, and in the further lines all that follows would be some.
    output = [line.replace("|", "/") for line in (one_line(f"{status.upper()}: {first}", FIRST_LINE_LIMIT), *lines)]
    return "\n".join((output[0] + (f" | {metrics}" if metrics else ""), *output[1:]))


def full_summary(result: Result) -> str:
    """Return the summary with its subject before it, unless it is in it."""
    return result.summary if result.subject in result.summary else f"{result.subject}: {result.summary}"


def worst(results: tuple[Result, ...]) -> Status:
    return max((result.status for result in results), key=SEVERITY.__getitem__)


def perfdata(metric: Metric, subject: str) -> str:
    """Write a metric as performance data: 'label'=value[UOM];[warn];[crit];[min];[max]."""
    label = one_line(f"{subject} {metric.name}", LABEL_LIMIT) or "value"
    quoted_label = "'" + label.replace("'", "''").replace("=", "_").replace("|", "/") + "'"
    bounds = ["" if bound is None else _number(bound) for bound in (metric.minimum, metric.maximum)]
    fields = [f"{quoted_label}={_number(metric.value)}{metric.unit}", metric.warning, metric.critical, *bounds]
    return ";".join(fields).rstrip(";")


def _number(value: float) -> str:
    """Write whole numbers to the last byte, others without binary dust."""
    return str(int(value)) if abs(value) < 1e15 and value == int(value) else f"{value:.12g}"


def _unknown(options: argparse.Namespace, config: Config) -> int:
    """Say what is wrong with the check, or why it may be that it is not seen."""
    name = options.name
    problems = [problem for problem in config.problems if problem.check == name]
    for problem in problems:
        print(problem, file=sys.stderr if options.json else sys.stdout)
    if not problems:
        print(f"hostvigil: {no_check(name, config.checks)}", file=sys.stderr)
        for problem in reading_problems(config):
            print(f"hostvigil: it may be in what cannot be read: {problem}", file=sys.stderr)
    if lacks_rights(config.problems):
        print(f"hostvigil: you may not read all of it{as_root(options.words)}", file=sys.stderr)
    return COULD_NOT_RUN
