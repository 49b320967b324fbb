"""The words after `hostvigil`: its commands and their options."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import agent
from agent.cli import words
from agent.cli.arguments import argparse
from agent.cli.output import say
from agent.cli.places import DEFAULT_RELAY_CONFIG, default_config, default_state
from agent.cli.words import STATUSES

COMMANDS = {
    "run": "run the agent in the foreground",
    "validate": "check the configuration and name every mistake in it",
    "reload": "make the running agent take over the changed configuration",
    "check": "run one check once; exits 0, 1, 2 or 3 like a Nagios plugin",
    "status": "show the status of each check, the worst first, and how the agent itself does",
    "events": "show events: the latest, the pending, the refused; or retry the refused",
    "report": "push a result of a pushed check to the running agent",
    "wrap": "run a command, and push its exit status and last line as the result of a pushed check",
    "explain": "say why a check has its status, why it is told or not, and where each setting is written",
    "history": "show the past of a check: its changes, what was told or why not, and its metrics",
    "metrics": "print statuses, deliveries and what checks measured, for Prometheus",
    "ack": "acknowledge a problem: it is not repeated until it changes",
    "silence": "tell nothing of some checks for a time; without a selector: list the silences",
    "unsilence": "end silences before their time",
    "test-event": "send one info event to a destination, to check its address and key",
    "discover": "look at this host, and write drop-ins for what is found; overwrites nothing",
    "new-check": "write a new check type that works, with its drop-in and its test, as a start",
    "relay": "tell for a whole fleet what its agents give to a broker; show its status; enrol, forget, silence hosts",
    "schema": "print the JSON Schema of the drop-in files, for editors",
    "types": "print the documentation of the check types",
    "doctor": "look for what keeps the agent from its work, and say how to mend each",
    "bundle": "write an archive with all that somebody who helps needs, known secrets taken out",
    "completion": "print what bash, zsh or fish needs to complete commands, options and names of checks",
    "setup": "after the installation: endpoint, key, test event, discover, validate, start; safe to run again",
    "import": "write drop-ins for the checks of another tool: nrpe",
}


WITH_JSON = frozenset(("validate", "check", "status", "events", "explain", "history", "silence", "test-event", "types"))

RELAY = ("run", "status", "enrol", "forget", "silence", "unsilence")


class _Parser(argparse.ArgumentParser):
    """Says the same under every Python where nobody reads it: some hide each error of writing, others none."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is sys.stdout:
            file.write(message)  # who called us says what became of it
        else:
            say(message)


def parser(*names: str) -> argparse.ArgumentParser:
    """Return what reads all commands, or only these: to make all takes longer than some of them work."""
    top = _Parser(prog="hostvigil", description="Runs checks and tells every change of their status as an event.")
    top.add_argument("--version", action="version", version=f"hostvigil {agent.__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in names or COMMANDS:
        command = commands.add_parser(name, help=COMMANDS[name], description=COMMANDS[name])
        _common_options(name, command)
        if name in _OPTIONS:
            _OPTIONS[name](command)
    return top


def actions_of(command: str) -> list[argparse.Action]:
    """Return what a command takes; nothing for what is none."""
    if command not in COMMANDS:
        return []
    commands = next(one for one in parser(command)._actions if isinstance(one, argparse._SubParsersAction))
    return list(commands.choices[command]._actions)


def _common_options(name: str, command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--config", type=words.path, default=default_config(), help="directory of drop-in files [%(default)s]"
    )
    command.add_argument("--state", type=words.path, default=default_state(), help="state directory [%(default)s]")
    if name in WITH_JSON:
        command.add_argument("--json", action="store_true", help="print JSON, for machines")


def _run_options(run: argparse.ArgumentParser) -> None:
    run.add_argument("--at-once", action="store_true", help="run every check within the first second")
    run.add_argument("--verbose", action="store_true", help="log more than a healthy agent has to say")


def _check_options(check: argparse.ArgumentParser) -> None:
    check.add_argument("name", metavar="NAME", help="the check's name in the configuration")
    check.add_argument(
        "--by-agent", action="store_true", help="have the running agent run it now, so that what has changed is told"
    )


def _explain_options(explain: argparse.ArgumentParser) -> None:
    explain.add_argument("name", metavar="CHECK", help="the check's name in the configuration")


def _history_options(history: argparse.ArgumentParser) -> None:
    history.add_argument("name", metavar="CHECK", help="the check's name")
    history.add_argument("--last", metavar="DURATION", default="1d", help="how far back [%(default)s]")


def _new_check_options(new: argparse.ArgumentParser) -> None:
    new.add_argument("name", metavar="NAME", help="the new type's name: lower case letters, digits, _")


def _test_event_options(test: argparse.ArgumentParser) -> None:
    test.add_argument("name", metavar="DESTINATION", nargs="?", help="its name [events, or the only one]")


def _types_options(types: argparse.ArgumentParser) -> None:
    types.add_argument("name", metavar="TYPE", nargs="?", help="one type; without it, all of them")


def _completion_options(completion: argparse.ArgumentParser) -> None:
    shells = ["bash", "zsh", "fish", "words"]
    completion.add_argument("shell", choices=shells, help="a shell; words: what its script asks")


def _metrics_options(metrics: argparse.ArgumentParser) -> None:
    metrics.add_argument(
        "--output", metavar="FILE", type=words.path, help="replace this file in one step (for the textfile collector)"
    )


def _discover_options(discover: argparse.ArgumentParser) -> None:
    discover.add_argument("--dry-run", action="store_true", help="print the drop-ins instead of writing them")


def _bundle_options(bundle: argparse.ArgumentParser) -> None:
    bundle.add_argument("--output", metavar="FILE", type=words.path, help="the archive [hostvigil-DATE.tar.gz]")


def _ack_options(ack: argparse.ArgumentParser) -> None:
    ack.add_argument("name", metavar="CHECK", help="the check's name")
    ack.add_argument("--subject", help="only this part of the check")
    ack.add_argument("--reason", type=words.reason, default="", help="why, or who mends it, for other people")
    ack.add_argument("--undo", action="store_true", help="take it back")


def _setup_options(setup: argparse.ArgumentParser) -> None:
    setup.add_argument("--endpoint", metavar="URL", default="", help="the API's address, or a region such as us1")
    setup.add_argument(
        "--key-file", type=words.path, metavar="FILE", help="where the key id stands; - for the standard input"
    )
    setup.add_argument("--yes", action="store_true", help="ask nothing")
    setup.add_argument("--no-start", action="store_true", help="leave the service as it is")


def _import_options(imports: argparse.ArgumentParser) -> None:
    imports.add_argument("source", choices=["nrpe"], help="the tool")
    imports.add_argument(
        "file", type=words.path, metavar="FILE", help="its configuration, such as /etc/nagios/nrpe.cfg"
    )
    imports.add_argument("--dry-run", action="store_true", help="print the drop-in instead of writing it")


def _relay_options(relay: argparse.ArgumentParser) -> None:
    relay.set_defaults(config=Path(os.environ.get("HOSTVIGIL_RELAY_CONFIG") or DEFAULT_RELAY_CONFIG))
    relay.add_argument("action", nargs="?", choices=RELAY, default="run", help="[%(default)s]")
    relay.add_argument(
        "name",
        nargs="?",
        type=words.not_empty,
        help="enrol, forget: the host's name; silence, unsilence: which changes",
    )
    relay.add_argument(
        "--for", dest="duration", metavar="DURATION", type=words.not_empty, help="how long to silence [1h]"
    )
    relay.add_argument("--reason", type=words.reason, default="", help="why it is silenced, for other people")
    relay.add_argument("--json", action="store_true", help="with status: print JSON, for machines")
    relay.add_argument("--verbose", action="store_true", help="log more than a healthy relay has to say")


def _status_options(status: argparse.ArgumentParser) -> None:
    selector = "only these checks: a name, web-*, disks:/mnt/* or env=prod"
    status.add_argument("names", metavar="NAME", nargs="*", help=selector)
    status.add_argument("--problems", action="store_true", help="only what is not ok")
    status.add_argument("--all", action="store_true", help="show each check, also where many are ok")
    status.add_argument(
        "--status",
        metavar="STATUS",
        action="append",
        default=[],
        type=words.statuses,
        help=f"only {', '.join(STATUSES)}",
    )
    status.add_argument("--type", metavar="TYPE", action="append", default=[], help="only checks of this type")
    status.add_argument(
        "--tag", metavar="TAG=VALUE", action="append", default=[], type=words.tag, help="only with this tag"
    )
    status.add_argument(
        "--watch", metavar="SECONDS", nargs="?", type=words.seconds, const=2.0, help="show it again every SECONDS [2]"
    )
    status.add_argument(
        "--exit-code", action="store_true", help="exit 0, 1, 2 or 3 for the worst status, as a plugin does; 3: unknown"
    )


def _event_options(events: argparse.ArgumentParser) -> None:
    phase = events.add_mutually_exclusive_group()
    phase.add_argument("--pending", action="store_true", help="only those still to be told")
    phase.add_argument("--refused", action="store_true", help="only those that were refused")
    events.add_argument("--destination", metavar="DESTINATION", help="only this destination")
    events.add_argument("--limit", type=words.count, default=20, help="how many of the latest [%(default)s]")
    events.add_argument(
        "action",
        nargs="?",
        choices=words.EVENT_ACTIONS,
        type=words.event_action,
        help="retry: put refused events back into the outbox; restate: tell each problem that stands once more",
    )
    events.add_argument("event_id", nargs="?", help="with retry: this event only")


def _silence_options(silence: argparse.ArgumentParser) -> None:
    selector_help = "which checks: web-*, disks:/mnt/*, env=prod, or * for all; several words must all fit"
    silence.add_argument("selector", nargs="?", type=words.not_empty, help=selector_help)
    silence.add_argument("--for", dest="duration", metavar="DURATION", type=words.not_empty, help="how long [1h]")
    silence.add_argument("--reason", type=words.reason, default="", help="why, for other people")


def _unsilence_options(unsilence: argparse.ArgumentParser) -> None:
    unsilence.add_argument("selector", help="the selector of the silence, as `hostvigil silence` lists it; * for all")


def _push_options(command: argparse.ArgumentParser) -> None:
    command.set_defaults(state=default_state(to_push=True))
    command.add_argument("--subject", default="", help="the part of the check that this is about")
    command.add_argument("name", metavar="CHECK", help="the name of a check of type pushed")


def _report_options(report: argparse.ArgumentParser) -> None:
    _push_options(report)
    report.add_argument("status", choices=["ok", "warning", "critical", "nodata"], type=words.result_status)
    report.add_argument("summary", nargs="*", help="the result in one line; without it, the status alone is told")
    report.add_argument("--metric", metavar="NAME=VALUE", action="append", default=[], help="a number; may be repeated")


def _wrap_options(wrap: argparse.ArgumentParser) -> None:
    _push_options(wrap)
    wrap.add_argument("command_line", metavar="-- COMMAND", nargs=argparse.REMAINDER, help="the command to run")


_OPTIONS: Mapping[str, Callable[[argparse.ArgumentParser], None]] = {
    "run": _run_options,
    "check": _check_options,
    "status": _status_options,
    "events": _event_options,
    "report": _report_options,
    "wrap": _wrap_options,
    "explain": _explain_options,
    "history": _history_options,
    "metrics": _metrics_options,
    "ack": _ack_options,
    "silence": _silence_options,
    "unsilence": _unsilence_options,
    "discover": _discover_options,
    "new-check": _new_check_options,
    "relay": _relay_options,
    "test-event": _test_event_options,
    "types": _types_options,
    "bundle": _bundle_options,
    "completion": _completion_options,
    "setup": _setup_options,
    "import": _import_options,
}
"""What a command takes besides what all do."""
