"""Pure but for a look whether a file is there: what people type that is no call of ours, and what they mean."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from agent.cli.options import COMMANDS, actions_of
from agent.config.words.names import nearest
from agent.plugin.units import Duration, spelling

SYNONYMS = {
    "hostvigil run": "start daemon agent serve foreground",
    "hostvigil reload": "refresh rehash hup",
    "hostvigil status": "list ls show checks ps overview state problems alerts alert dump hosts services",
    "hostvigil status --watch": "top watch live monitor",
    "hostvigil metrics": "export exporter prometheus scrape",
    "hostvigil history NAME": "incidents timeline graph trend uptime report-history",
    "hostvigil validate": "config configtest test-config lint verify syntax check-config checkconfig configcheck "
    "check_config",
    "hostvigil check NAME": "test try exec execute probe once",
    "hostvigil test-event": "test-alert test-notification notify send ping",
    "hostvigil silence": "mute snooze downtime maintenance pause disable inhibit",
    "hostvigil unsilence": "unmute resume enable expire",
    "hostvigil ack NAME": "acknowledge",
    "hostvigil explain NAME": "why describe info get inspect",
    "hostvigil events": "log-events outbox queue notifications",
    "hostvigil doctor": "debug diagnose diag troubleshoot health healthcheck",
    "hostvigil setup": "install init configure login register",
    "hostvigil new-check": "new add create generate scaffold",
    "hostvigil types": "plugins modules integrations docs",
    "journalctl -u hostvigil": "logs log tail journal",
    "systemctl stop hostvigil": "stop kill shutdown quit",
    "systemctl restart hostvigil": "restart",
}
"""Commands of ours, and of the system, and what other tools call them."""
OPTIONS = {"-c": "--config", "-f": "--config", "-d": "--config", "-s": "--state", "-j": "--json", "-o": "--output"}
"""One letter, as many tools have it."""

BEGINNINGS = ("--start", "--from", "--at", "--begin", "--after", "--since")
"""By which other tools silence later."""
LONG_OPTIONS = {
    "--for": "-d -t --until --duration --time --hours --minutes --expire --expires",
    "--last": "--since --from --hours --days --range --period",
    "--limit": "--last --count --lines --tail -n",
    "--reason": "--comment --message -m",
    "--problems": "--critical --warning --bad --failed --errors --only-problems",
    "--exit-code": "--nagios --strict",
    "--key-file": "--key --api-key --token",
    "--endpoint": "--region --url --site",
    "--output": "--file --to",
    "--dry-run": "--noop --check --test --preview",
    "--verbose": "--debug -v -vv",
}
"""Ours, where a command has it, and what others call it."""


def command(word: str) -> str:
    """Name an unknown command, and suggest one that exists."""
    ours = next((ours for ours, theirs in SYNONYMS.items() if word.lower() in theirs.split()), "")
    if not ours and (close := nearest(word, COMMANDS)):
        return f"no command {word!r}, did you mean {close!r}?"
    return f"no command {word!r}, " + (f"write {ours!r}" if ours else "see hostvigil help")


def begins_with_option(words: Sequence[str]) -> str:
    """Say how it is written where options stand before the command, or there is no command."""
    at = next((at for at, word in enumerate(words) if word in COMMANDS), 0)
    if not at:
        return f"a command is missing before {words[0]}, see hostvigil help"
    return f"the command comes first: hostvigil {shlex.join([words[at], *words[:at], *words[at + 1 :]])}"


def too_much(name: str, rest: Sequence[str]) -> str:
    """Name the first word that a command does not take, and suggest what to write."""
    word = rest[0]
    if name == "silence" and word.partition("=")[0] in BEGINNINGS:
        return f"a silence begins now, {word!r} is not taken: for a later time write `maintenance` into a drop-in"
    suggestion = _option(name, word) if word.startswith("-") else _value(name, word, rest)
    return f"{name} takes no {word!r}, " + (f"write {suggestion}" if suggestion else f"see hostvigil help {name}")


def _option(name: str, word: str) -> str:
    options = [text for action in actions_of(name) for text in action.option_strings]
    plain = word.partition("=")[0]
    others = next((ours for ours, theirs in LONG_OPTIONS.items() if ours in options and plain in theirs.split()), "")
    suggestion = others or OPTIONS.get(word, "") or nearest(plain, options)
    return suggestion if suggestion in options else ""


def _value(name: str, word: str, rest: Sequence[str]) -> str:
    options = {text: action for action in actions_of(name) for text in action.option_strings}
    path = Path(word)
    if "--for" in options and (time := _duration(word) or _duration(" ".join(rest))):
        return f"--for {time}"
    if "--config" in options and path.exists():
        return f"--config {shlex.quote(str(path if path.is_dir() else path.parent))}"
    if "--output" in options and "." in word:
        return f"--output {shlex.quote(word)}"
    one = next((action.dest for action in actions_of(name) if action.dest in ("name", "selector")), "")
    return f"one {one} at a time" if one else ""


def _duration(text: str) -> str:
    """Return a time span as it is written here, also one in other words; '' where it is none."""
    if suggestion := spelling.suggest(text, spelling.TIMES):
        return suggestion
    try:
        return text if Duration.parse(text) else ""
    except ValueError:
        return ""
