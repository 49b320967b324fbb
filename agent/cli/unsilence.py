"""hostvigil unsilence: ends silences before their time."""

from __future__ import annotations

import argparse

import msgspec

from agent.cli.answers.who import who
from agent.cli.output import fail, pluralize
from agent.engine.suppression.silences import end, read
from agent.model import Silence
from agent.plugin.clock import wall_clock
from agent.plugin.text import one_line
from agent.system.rights import state_of
from agent.view.words import LONGEST_WORD


def main(options: argparse.Namespace) -> int:
    """Exits 0; 1 when there was no such silence, 2 when it cannot be written."""
    now = wall_clock()

    def is_selected(silence: Silence) -> bool:
        return options.selector in ("*", silence.selector)

    try:
        with state_of(options.state):
            count = end(options.state, is_selected, who(), now)
            remaining = [one.selector for one in read(options.state) if one.until > now] if not count else []
    except (OSError, msgspec.MsgspecError) as error:
        return fail(error)
    if not count:
        names = ", ".join(one_line(name, LONGEST_WORD) for name in remaining)
        there = f"there are: {names}" if remaining else "nothing is silenced"
        print(f"0 silences ended: none is written {options.selector!r}, {there}")
        return 1
    print(f"{pluralize(count, 'silence')} ended")
    return 0
