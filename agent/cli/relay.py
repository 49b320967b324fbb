"""hostvigil relay: tells for a fleet; shows what waits; enrols, forgets and silences hosts."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agent.cli.output import fail
from agent.fleet.settings import RelayConfigError, RelaySettings, read
from agent.plugin.clock import wall_clock
from agent.system.process import shut_off
from agent.system.records import log_to_stderr
from agent.system.redactor import Redactor
from agent.system.rights import state_of

if TYPE_CHECKING:
    from agent.fleet.commands import Command, Reply

NO_NATS = "the relay needs the package nats-py: pip install 'hostvigil[fleet]'"
EXAMPLES = {"unsilence": "site=berlin", "forget": "web-1.example.com"}


def main(options: argparse.Namespace) -> int:
    """Exits 0, or 2 when the settings or the broker cannot be used; `status` exits 1 when no relay is at work."""
    try:
        settings, secrets = read(options.config, os.environ)
    except RelayConfigError as error:
        return fail(error)
    if options.action == "run":
        return _run(options, settings, secrets)
    actions = {"status": _status, "enrol": _enrol}
    try:
        return actions.get(options.action, _command)(options, settings)
    except ImportError:
        return fail(NO_NATS)


def _run(options: argparse.Namespace, settings: RelaySettings, secrets: frozenset[str]) -> int:
    shut_off()
    faulthandler.enable()
    hide = Redactor(secrets)
    log_to_stderr(logging.INFO if options.verbose else logging.WARNING, hide)
    try:
        from agent.fleet.relay import run
    except ImportError:
        return fail(NO_NATS)
    try:
        run(settings)
    except OSError as error:
        return fail(error)
    return 0


def _status(options: argparse.Namespace, settings: RelaySettings) -> int:
    from agent.delivery.handover.connection import FAULTS, words
    from agent.fleet.asking import ask
    from agent.fleet.status import lines, parse_status

    try:
        grant, answer = asyncio.run(ask(settings))
    except FAULTS as error:
        return fail(f"the broker cannot be asked: {words(error)}")
    status = parse_status(answer)
    if options.json:
        print(msgspec.json.encode({"version": 1, "lease": grant, "status": status}).decode())
    else:
        print("\n".join(lines(grant, status, wall_clock())))
    return 0 if grant else 1


def _enrol(options: argparse.Namespace, settings: RelaySettings) -> int:
    from agent.delivery.handover.seed import Seed
    from agent.fleet.enrolment import EnrolmentError, enrol

    if not options.name:
        return fail("write the host's name: hostvigil relay enrol HOST")
    state = Path(settings.state)
    Seed.new().public()  # loads OpenSSL, which the relay's user may not be able to read
    try:
        with state_of(state):
            files = enrol(options.name, state)
    except EnrolmentError as error:
        return fail(error)
    print(f"{files.seed}: bring this to {options.name}, readable by its agent only, then remove it here;")
    print(f"{files.accounts}: include this in nats-server.conf, then: nats-server --signal reload", file=sys.stdout)
    return 0


def _command(options: argparse.Namespace, settings: RelaySettings) -> int:
    """Silence, unsilence or forget. Exits 1 when there is nothing to end or to forget, or no relay is at work."""
    from agent.delivery.handover.connection import FAULTS, words
    from agent.fleet.asking import command

    if not options.name and options.action != "silence":
        return fail(f"write what is meant: hostvigil relay {options.action} {EXAMPLES[options.action]}")
    try:
        reply = asyncio.run(command(settings, _make_command(options)))
    except Unclear as error:
        return fail(error)
    except FAULTS as error:
        return fail(f"the broker cannot be asked: {words(error)}")
    if reply is None:
        print("no relay is at work: hostvigil relay status")
        return 1
    print(msgspec.json.encode(reply).decode() if options.json else _describe_reply(options.action, reply))
    return 0 if reply.done else 1


class Unclear(Exception):
    """An option cannot be understood. Its text says why."""


def _make_command(options: argparse.Namespace) -> Command:
    from agent.cli.answers.silence_time import parse_length
    from agent.fleet.commands import Command

    if options.action != "silence":
        return Command(options.action, selector=options.name, host=options.name)
    if not options.name:
        return Command("list")
    try:
        seconds = parse_length(options.duration)
    except ValueError as error:
        raise Unclear(str(error)) from None
    return Command("silence", selector=options.name, seconds=seconds, reason=options.reason)


def _describe_reply(action: str, reply: Reply) -> str:
    from agent.view.words import silence_text

    now = wall_clock()
    lines = [silence_text(one, now) for one in reply.silences] if action == "silence" else []
    nothing = ["nothing is silenced"] if action == "silence" and reply.done and not lines else []
    return "\n".join([*lines, *nothing, *([reply.text] if reply.text else [])])
