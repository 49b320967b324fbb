"""hostvigil reload: the running agent takes over the configuration; what is wrong in it is named first."""

from __future__ import annotations

import argparse
import os
import signal

from agent.cli.output import counted_word, fail
from agent.config.catalog import Catalog
from agent.config.drop_ins import load
from agent.store import holder


def main(options: argparse.Namespace) -> int:
    """Exits 0; 1 when there are problems (what is wrong stays as it was), 2 when no agent is running."""
    config = load(options.config, Catalog(), os.environ)
    for problem in config.problems:
        print(problem)
    agent = holder(options.state)
    if agent is None:
        return fail(f"no agent is running with the state directory {options.state}")
    os.kill(agent.pid, signal.SIGHUP)
    said = counted_word(len(config.checks), "check")
    print(f"{said}; what is wrong stays as it was" if config.problems else said)
    return 1 if config.problems else 0
