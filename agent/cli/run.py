"""hostvigil run: the agent in the foreground."""

from __future__ import annotations

import argparse
import faulthandler
import logging
import os
import shlex
import sys

import agent
from agent.cli.output import fail
from agent.config.settings import Config
from agent.service import ConfigError, run
from agent.store import StoreError

PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


def main(options: argparse.Namespace) -> int:
    """Runs until SIGTERM or SIGINT; exits 0, or 2 when the state directory cannot be used."""
    faulthandler.enable()  # systemd's watchdog kills with SIGABRT: the log then says where each thread hung
    log_to_stderr(logging.INFO if options.verbose else logging.WARNING)
    try:
        run(options.config, options.state, options.at_once, lambda config: greet(config, options))
    except (ConfigError, StoreError) as error:
        return fail(error)
    return 0


def log_to_stderr(level: int) -> None:
    """Log for a person at a terminal, or for the journal, which keeps time and level itself."""
    output = logging.StreamHandler(sys.stderr)
    if os.environ.get("JOURNAL_STREAM") == "{0.st_dev}:{0.st_ino}".format(os.fstat(sys.stderr.fileno())):
        output.setFormatter(ForJournal("%(levelname)s %(name)s: %(message)s"))
    else:
        output.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=level, handlers=[output])
    logging.getLogger("apscheduler").setLevel(logging.WARNING)


class ForJournal(logging.Formatter):
    """Begins every line, a traceback's too, with its priority as sd-daemon(3) has it, for `journalctl -p warning`."""

    def format(self, record: logging.LogRecord) -> str:
        priority = next((number for level, number in PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())


def greet(config: Config, options: argparse.Namespace) -> None:
    """Tell a person at a terminal what goes on; with an endpoint a healthy agent is silent."""
    logging.getLogger("hostvigil").info("%d checks, state in %s", len(config.checks), options.state)
    if config.agent.events.endpoint:
        return
    same = f"--config {shlex.quote(str(options.config))} --state {shlex.quote(str(options.state))}"
    print(f"hostvigil {agent.__version__}: {len(config.checks)} checks from {options.config} are at work.")
    print("No endpoint is configured: each change of a status is printed here as an event. Ctrl-C ends.")
    print(f"What is what: hostvigil status {same}", flush=True)
