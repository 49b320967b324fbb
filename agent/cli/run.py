"""hostvigil run: the agent in the foreground."""

from __future__ import annotations

import argparse
import faulthandler
import logging
import shlex

import agent
from agent.cli.output import fail, pluralize
from agent.config.settings import Config
from agent.store import StoreError
from agent.system.heap import share
from agent.system.process import shut_off
from agent.system.records import hide_output, log_to_stderr
from agent.system.redactor import Redactor
from agent.system.stand_ins import StandIn, standing_in

# asyncio names both for what nobody here does: they bring along what Python knows of its own code, and all languages.
with standing_in([StandIn("inspect"), StandIn("locale")]):
    from agent.service.lifetime import ConfigError, run


def main(options: argparse.Namespace) -> int:
    """Runs until SIGTERM or SIGINT; exits 0, or 2 when the state directory cannot be used."""
    share()
    shut_off()
    faulthandler.enable()  # systemd's watchdog kills with SIGABRT: the log then says where each thread hung
    hide = Redactor()
    log_to_stderr(logging.INFO if options.verbose else logging.WARNING, hide)
    try:
        with hide_output(hide):
            run(options.config, options.state, options.at_once, lambda config: greet(config, options), hide)
    except (ConfigError, StoreError) as error:
        return fail(error)
    return 0


def greet(config: Config, options: argparse.Namespace) -> None:
    """Tell a person at a terminal what goes on; with an endpoint a healthy agent is silent."""
    logging.getLogger("hostvigil").info("%d checks, state in %s", len(config.checks), options.state)
    if config.agent.events.endpoint or config.agent.events.broker or config.agent.destinations:
        return
    if not config.agent_readable:
        print("The settings of the agent cannot be read: what waits for its destinations is kept.", flush=True)
        return
    same = f"--config {shlex.quote(str(options.config))} --state {shlex.quote(str(options.state))}"
    count = len(config.checks)
    text = f"{pluralize(count, 'check')} from {options.config} {'is' if count == 1 else 'are'} at work"
    print(f"hostvigil {agent.__version__}: {text}.")
    print("No endpoint is configured: each change of a status is printed here as an event. Ctrl-C ends.")
    print(f"To see all checks: hostvigil status {same}", flush=True)
