"""hostvigil run: the agent in the foreground."""

from __future__ import annotations

import argparse
import logging
import sys

from agent.cli import fail
from agent.service import ConfigError, run
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
        run(options.config, options.state, options.at_once)
    except (ConfigError, StoreError) as error:
        return fail(error)
    return 0
