"""hostvigil silence: a person's suppression, kept over restarts, ending by itself."""

from __future__ import annotations

import argparse
import os

import msgspec

from agent.cli.answers.silence_time import parse_length
from agent.cli.answers.who import who
from agent.cli.output import fail
from agent.config.drop_ins import load
from agent.config.selector import matches, problem
from agent.config.settings import Config
from agent.config.types.catalog import Catalog
from agent.config.words.names import nearest
from agent.engine.suppression.silences import begin, read
from agent.model import Silence
from agent.plugin.clock import wall_clock
from agent.plugin.text import name_some
from agent.store import Store, StoreError
from agent.system.rights import state_of
from agent.view.words import silence_text

MOST_NAMED = 5


def main(options: argparse.Namespace) -> int:
    """Exits 0, or 2 when the silence cannot be understood or written."""
    now = wall_clock()
    config = load(options.config, Catalog(), os.environ) if options.selector and not options.json else Config()
    try:
        fresh = _parse_silence(options, now)
        with state_of(options.state):
            silences = begin(options.state, fresh, now) if fresh else list(read(options.state))
            subjects = _subjects(options) if fresh and not options.json else []
    except (ValueError, OSError, msgspec.MsgspecError) as error:
        return fail(error)
    running = [silence for silence in silences if silence.until > now]
    if options.json:
        print(msgspec.json.encode(running).decode())
        return 0
    print("\n".join(silence_text(silence, now) for silence in running) or "nothing is silenced")
    if fresh:
        print(describe_matches(fresh.selector, config, subjects))
    return 0


def _parse_silence(options: argparse.Namespace, now: int) -> Silence | None:
    """Return what to silence; None when the silences are to be listed. ValueError when it cannot be understood."""
    if not options.selector and (options.duration or options.reason):
        raise ValueError("which checks? write for example: hostvigil silence 'web-*' --for 1h; '*' is all")
    if not options.selector:
        return None
    if wrong := problem(options.selector):
        raise ValueError(wrong)
    seconds = parse_length(options.duration)
    return Silence(options.selector, now, now + round(seconds * 1000), options.reason, who())


def _subjects(options: argparse.Namespace) -> list[tuple[str, str]]:
    """Return check and subject of what has a state; none where there is no store to ask."""
    try:
        store = Store.read(options.state)
        subjects = [(state.check, state.subject) for state in store.states()]
        store.close()
    except StoreError:
        return []
    return subjects


def describe_matches(selector: str, config: Config, subjects: list[tuple[str, str]]) -> str:
    """Say which checks a selector matches now: those of the configuration, and subjects that have a state."""
    tags = {name: {**config.agent.tags, **check.tags} for name, check in config.checks.items()}
    pairs = dict.fromkeys([*((name, "") for name in tags), *subjects])
    names = [check for check, subject in pairs if matches(selector, check, tags.get(check, config.agent.tags), subject)]
    unique_names = list(dict.fromkeys(names))
    if not unique_names and (close := nearest(selector, [name for name, subject in pairs if not subject])):
        return f"{selector} matches no check now, did you mean '{close}'?"
    if not unique_names and selector in ("all", "ALL", "list", "ls", "show"):
        hint = "'*' is every check" if selector.lower() == "all" else "`hostvigil silence` alone shows what is silenced"
        return f"{selector} matches no check now: {hint}, and `hostvigil unsilence {selector}` takes this back"
    if not unique_names:
        return f"{selector} matches no check now: is it written as hostvigil status shows it?"
    return f"it matches {name_some(unique_names, MOST_NAMED)}"
