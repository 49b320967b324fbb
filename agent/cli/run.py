"""hostvigil run: the agent in the foreground."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys

import agent
from agent.cli import fail
from agent.service import ConfigError, run
from agent.settings import Config
from agent.store import StoreError


def main(options: argparse.Namespace) -> int:
    """Runs until SIGTERM or SIGINT; exits 0, or 2 when the state directory cannot be used."""
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    try:
        run(options.config, options.state, options.at_once, lambda config: greet(config, options))
    except (ConfigError, StoreError) as error:
        return fail(error)
    return 0


def greet(config: Config, options: argparse.Namespace) -> None:
    """Tell a person at a terminal what goes on; with an endpoint a healthy agent is silent."""
    logging.getLogger("hostvigil").info("%d checks, state in %s", len(config.checks), options.state)
    if config.agent.events.endpoint:
        return
    same = f"--config {shlex.quote(str(options.config))} --state {shlex.quote(str(options.state))}"
    print(f"hostvigil {agent.__version__}: {len(config.checks)} checks from {options.config} are at work.")
    print("No endpoint is configured: each change of a status is printed here as an event. Ctrl-C ends.")
    print(f"What is what: hostvigil status {same}", flush=True)
