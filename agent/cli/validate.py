"""hostvigil validate: every mistake in the configuration, all in one run."""

from __future__ import annotations

import argparse
import os
import sys

import msgspec

from agent.cli.answers.agents_eyes import unreadable
from agent.cli.answers.idle import idle_selectors, windows_without_end
from agent.cli.output import pluralize
from agent.config.drop_ins import load
from agent.config.files.content import format_path, not_read
from agent.config.settings import Place, Problem
from agent.config.types.catalog import Catalog


def main(options: argparse.Namespace) -> int:
    """Exits 0 when all is well, 1 when there are problems."""
    config = load(options.config, Catalog(), os.environ)
    unseen = [Problem(Place(path), text) for path, text in unreadable(options.state, config.sources)]
    problems = (*config.problems, *unseen)
    if options.json:
        form = {"checks": sorted(config.checks), "problems": problems}
        print(msgspec.json.encode(form).decode())
    else:
        for problem in problems:
            print(problem)
        for name in () if str(options.config) in config.silent else not_read(options.config):
            path = format_path(options.config / name)
            print(f"hostvigil: {path} is not read: the name of a drop-in ends with .yaml or .yml", file=sys.stderr)
        for text in (*idle_selectors(config), *windows_without_end(config)):
            print(f"hostvigil: {text}", file=sys.stderr)
        if not problems:
            print(f"{options.config}: {pluralize(len(config.checks), 'check')}, no problems")
    return 1 if problems else 0
