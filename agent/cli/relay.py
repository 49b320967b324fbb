"""hostvigil relay: tells for a fleet; shows who is at work and what waits; makes a host's credentials."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import logging
import os
import sys
import time
from pathlib import Path

import msgspec

from agent.cli.output import fail
from agent.fleet.settings import RelayConfigError, RelaySettings, read
from agent.system.process import shut_off
from agent.system.records import log_to_stderr
from agent.system.redactor import Redactor


def main(options: argparse.Namespace) -> int:
    """Exits 0, or 2 when the settings or the broker cannot be used; `status` exits 1 when no relay is at work."""
    try:
        settings, secrets = read(options.config, os.environ)
    except RelayConfigError as error:
        return fail(error)
    if options.action == "run":
        return _run(options, settings, secrets)
    try:
        return _status(options, settings) if options.action == "status" else _enrol(options, settings)
    except ImportError:
        return fail("the relay needs the package nats-py: pip install 'hostvigil[fleet]'")


def _run(options: argparse.Namespace, settings: RelaySettings, secrets: frozenset[str]) -> int:
    shut_off()
    faulthandler.enable()
    hide = Redactor(secrets)
    log_to_stderr(logging.INFO if options.verbose else logging.WARNING, hide)
    try:
        from agent.fleet.relay import run
    except ImportError:
        return fail("the relay needs the package nats-py: pip install 'hostvigil[fleet]'")
    try:
        run(settings)
    except OSError as error:
        return fail(error)
    return 0


def _status(options: argparse.Namespace, settings: RelaySettings) -> int:
    from agent.delivery.handover.connection import FAULTS
    from agent.fleet.asking import ask
    from agent.fleet.status import RelayStatus, lines

    try:
        grant, said = asyncio.run(ask(settings))
    except FAULTS as error:
        return fail(f"the broker cannot be asked: {str(error) or type(error).__name__}")
    status = msgspec.json.decode(said, type=RelayStatus) if said else None
    if options.json:
        print(msgspec.json.encode({"version": 1, "lease": grant, "status": status}).decode())
    else:
        print("\n".join(lines(grant, status, time.time_ns() // 1_000_000)))
    return 0 if grant else 1


def _enrol(options: argparse.Namespace, settings: RelaySettings) -> int:
    from agent.fleet.enrolment import EnrolmentError, enrol

    if not options.host:
        return fail("write the host's name: hostvigil relay enrol HOST")
    try:
        made = enrol(options.host, Path(settings.state))
    except EnrolmentError as error:
        return fail(error)
    print(f"{made.seed}: bring this to {options.host}, readable by its agent only, then remove it here;")
    print(f"{made.accounts}: include this in nats-server.conf, then: nats-server --signal reload", file=sys.stdout)
    return 0
