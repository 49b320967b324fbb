"""hostvigil status: what is what now, since when, what is told or not, and how the agent itself does."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time

import msgspec

from agent.cli.answers.rights import standstill
from agent.cli.check import EXIT_CODES
from agent.cli.output import fail
from agent.cli.show.choosing import Choice, choose, unknown
from agent.cli.show.page import Wish, page, worst
from agent.cli.show.screen import Screen, screen, show
from agent.config.settings import Config
from agent.plugin.clock import wall_clock
from agent.store import StoreError
from agent.system.host_tags import host_tags
from agent.view.forms.status import status_form
from agent.view.reading import configuration, look
from agent.view.snapshot import Snapshot

CLEAR = "\x1b[H\x1b[J"
UNKNOWN = 3
"""With --exit-code: nothing can be said, as with a plugin."""


def main(options: argparse.Namespace) -> int:
    """Exits 0 when the store could be read, 2 when not; with --exit-code as a plugin does, by the worst status."""
    if options.watch and options.json:
        return fail("--watch is for people, and --json for programs: leave one of them out")
    try:
        if options.watch:
            return _watch(options)
        return _once(options)
    except StoreError as error:
        code = fail(error)
        return UNKNOWN if options.exit_code else code


def _once(options: argparse.Namespace) -> int:
    config = configuration(options.config)
    snapshot = _look(options, config)
    choice = choice_of(options, config)
    if wrong := unknown(snapshot, choice):
        code = fail(wrong)
        return UNKNOWN if options.exit_code else code
    subjects = choose(snapshot, choice)
    if options.json:
        print(msgspec.json.encode(status_form(snapshot, subjects)).decode())
    else:
        on = screen()
        show(page(snapshot, subjects, _wish(options), on), on)
    return EXIT_CODES[worst(subjects)] if options.exit_code else 0


def _watch(options: argparse.Namespace) -> int:
    """Show it anew every so often, until Ctrl-C, or until the state directory does not answer."""
    # At once, wherever it is: Python drops an exception that comes while it clears away an object.
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    while True:
        on = screen()
        if text := standstill(options.state):
            return fail(text)
        config = configuration(options.config)
        snapshot = _look(options, config)
        lines = page(snapshot, choose(snapshot, choice_of(options, config)), _wish(options), on)
        if on.height and sys.__stdout__:
            # Past the cleaning of what is printed: it is our own.
            sys.__stdout__.write(CLEAR)
        print(_fit_page(lines, on), flush=True)
        time.sleep(options.watch)


def _fit_page(lines: list[str], on: Screen) -> str:
    """Return a page that replaces the one before; of one that is too long, the beginning and the last line."""
    if not on.height:
        return "\n".join(lines) + "\n"
    if len(lines) >= on.height:
        lines = [*lines[: on.height - 3], "…", lines[-1]]
    return "\n".join(lines)


def _look(options: argparse.Namespace, config: Config) -> Snapshot:
    return look(config, options.state, wall_clock())


def choice_of(options: argparse.Namespace, config: Config) -> Choice:
    """Return what is asked for; the host's tags are found out only where a tag is asked for."""
    by_tag = any("=" in one for one in (*options.tag, *options.names))
    host = host_tags(config.agent.hostname) if by_tag else {}
    statuses = tuple(one for text in options.status for one in text.split(","))
    return Choice(tuple(options.names), statuses, tuple(options.type), tuple(options.tag), host)


def _wish(options: argparse.Namespace) -> Wish:
    """Who names checks wants to see them."""
    return Wish(options.all or bool(options.names), options.problems)
