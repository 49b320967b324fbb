"""hostvigil ack CHECK: somebody knows of a problem, so it is not repeated until it changes."""

from __future__ import annotations

import argparse
import os

from agent.cli.answers.asking import ask_agent
from agent.cli.answers.missing import no_check
from agent.cli.answers.rights import as_root
from agent.cli.answers.who import who
from agent.cli.output import fail
from agent.config.drop_ins import load
from agent.config.rules import OWN_NAME
from agent.config.types.catalog import Catalog
from agent.plugin.text import one_line
from agent.push.control import NoAnswer, NotAllowed
from agent.view.words import effect_of_ack

LONGEST = 300


def main(options: argparse.Namespace) -> int:
    """Exits 0; 1 when nothing of the check is told as a problem now, 2 when no agent answers."""
    words = "" if options.undo else words_of(who(), options.reason)
    arguments = {"check": options.name, "subject": options.subject, "words": words, "who": who()}
    try:
        answer = ask_agent(options.state, "acknowledge", **arguments)
    except NotAllowed as error:
        return fail(f"{error}{as_root(options.words)}")
    except NoAnswer as error:
        return fail(error)
    names = [f"{options.name} {subject}".strip() for subject in answer.subjects]
    if not names:
        config = load(options.config, Catalog(), os.environ)
        known_names = [*config.checks, OWN_NAME]
        if options.name not in known_names and not config.may_hold(options.name):
            return fail(no_check(options.name, known_names))
        print(f"nothing is told as a problem of {options.name} now: hostvigil explain {options.name}")
        return 1
    print("\n".join(f"{name}: {effect_of_ack(options.undo)}" for name in names))
    return 0


def words_of(name: str, reason: str) -> str:
    text = one_line(reason, LONGEST)
    return f"{name} ({text})" if text else name
