"""hostvigil reload: the running agent takes over the configuration, and says what it made of it."""

from __future__ import annotations

import argparse
import os

from agent.cli.answers.asking import ask_starting_agent
from agent.cli.answers.rights import as_root
from agent.cli.output import fail, pluralize
from agent.plugin.text import one_line
from agent.push.control import NoAnswer, NotAllowed

LONGEST = 500
"""Characters of a path."""


def main(options: argparse.Namespace) -> int:
    """Exits 0; 1 when the agent has problems with it (what is wrong stays as it was), 2 when no agent answers."""
    try:
        answer = ask_starting_agent(options.state, "reload")
    except NotAllowed as error:
        return fail(f"{error}{as_root(options.words)}")
    except NoAnswer as error:
        return fail(error)
    for problem in answer.problems:
        print(problem)
    text = f"{pluralize(answer.checks, 'check')} at work"
    if answer.directory not in ("", os.path.realpath(options.config)):
        text += f", from {one_line(answer.directory, LONGEST)}"
    print(f"{text}; what is wrong stays as it was" if answer.problems else text)
    return 1 if answer.problems else 0
