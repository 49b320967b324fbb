"""hostvigil explain CHECK: why it is what it is, why it is reported or not, and where each setting was written."""

from __future__ import annotations

import argparse
import os
import shlex
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from agent.cli.answers.missing import no_check, unread
from agent.cli.output import counted_word, fail
from agent.config.catalog import Catalog
from agent.config.drop_ins import load
from agent.config.secrecy import is_secret
from agent.config.settings import CheckConfig, Config
from agent.config.wording import without_user
from agent.engine.state.flapping import percent
from agent.engine.state.transition import true_now
from agent.engine.suppression.reasons import Suppression
from agent.engine.suppression.silences import read
from agent.engine.suppression.windows import Windows
from agent.model import EventStatus, Policy, Reason, State, Status
from agent.plugin.units import duration_text
from agent.store import LastRun, Store, StoreError
from agent.system.redactor import HIDDEN, redactor
from agent.system.rights import state_of

VALUE_LIMIT = 40
LINE_WIDTH = 78


class Explanation(msgspec.Struct, frozen=True):
    """Everything there is to say of one subject."""

    state: State
    last: LastRun | None
    reasons: tuple[Reason, ...]
    lines: tuple[str, ...]


def main(options: argparse.Namespace) -> int:
    """Exits 0; 2 when there is no such check, or the store cannot be read."""
    config = load(options.config, Catalog(), os.environ)
    now = time.time_ns() // 1_000_000
    try:
        with state_of(options.state):
            store = Store.read(options.state)
            states, runs = store.states(), store.last_runs()
            store.close()
            silences = read(options.state)
    except (StoreError, OSError, msgspec.MsgspecError) as error:
        return fail(error)
    check = config.checks.get(options.name)
    by_check: dict[str, dict[str, State]] = {}
    for state in states:
        by_check.setdefault(state.check, {})[state.subject] = state
    if check is None and options.name not in by_check:
        problems = [str(problem) for problem in config.problems if problem.check == options.name]
        maybe = [f"\nit may be in what cannot be read: {problem}" for problem in unread(config)]
        return fail("\n".join(problems) or no_check(options.name, {*config.checks, *by_check}) + "".join(maybe))
    last = {run.subject: run for run in runs if run.check == options.name}
    suppression = Suppression(
        config.agent.tags, silences, config.agent.maintenance, Windows().ends, by_check, config.checks, config.checks
    )
    found = [
        explained(state, last.get(state.subject), _reasons(suppression, check, state, now), check, now)
        for state in by_check.get(options.name, {}).values()
    ]
    if options.json:
        print(msgspec.json.encode({"check": options.name, "subjects": found}).decode())
    else:
        print("\n".join(page(options.name, check, found, config, options.config)))
    return 0


def _reasons(suppression: Suppression, check: CheckConfig | None, state: State, now: int) -> tuple[Reason, ...]:
    return () if check is None else suppression.reasons(check, state.subject, now, now)


def explained(
    state: State, last: LastRun | None, reasons: tuple[Reason, ...], check: CheckConfig | None, now: int
) -> Explanation:
    policy = check.policy if check else Policy()
    return Explanation(state, last, reasons, tuple(_subject_lines(state, last, reasons, policy, now)))


def _subject_lines(
    state: State, last: LastRun | None, reasons: tuple[Reason, ...], policy: Policy, now: int
) -> Iterator[str]:
    subject = state.subject or "the check itself"
    yield f"{subject}: {state.decided or 'not decided yet'}{_since(state.decided_since, now)}"
    if last is not None:
        yield f"  last result   {last.result.status}{_since(last.at, now, 'ago')}: {last.result.summary}"
    yield f"  reported      {_reported(state, now)}"
    yield from (f"  {line}" for line in _why(state, reasons))
    yield f"  counted       {counted(state, policy)}"
    if state.changes:
        yield f"  changes       {state.changes.bit_count()} in the last 20 results, {_flapping(state, policy)}"
    if state.incident:
        yield f"  incident      {state.incident}{_since(state.incident_since, now)}"
    if last is not None and last.next_at > now:
        yield f"  next run      in {duration_text((last.next_at - now) / 1000)}"


def _reported(state: State, now: int) -> str:
    if state.notified is None:
        return "never; a check that was always ok is not reported"
    again = f", told again {state.repeats}x" if state.repeats else ""
    said = f"{state.notified.name.lower()}{_since(state.notified_at, now)}"
    return f"{said}{again}, {counted_word(state.events, 'event')} so far"


def _why(state: State, reasons: tuple[Reason, ...]) -> Iterator[str]:
    """Say why what is true is told or not: the level rule in words."""
    truth = true_now(state)
    if truth is None:
        yield "why           nothing is decided yet, so there is nothing to tell"
    elif truth == (state.notified or EventStatus.OK):
        yield f"why           what is true ({truth.name.lower()}) is what was reported, so there is nothing to tell"
    else:
        yield f"why           {truth.name.lower()} is to be told with the next result" + (", but:" if reasons else "")
    for reason in reasons:
        yield f"suppressed    {reason.text}"
    if state.suppressed_by and not reasons:
        yield f"held back     until now: {state.suppressed_by}"


def counted(state: State, policy: Policy) -> str:
    needed = {
        Status.WARNING: policy.fail_after.warning,
        Status.CRITICAL: policy.fail_after.critical,
        Status.NODATA: policy.fail_after.nodata,
    }
    rules = ", ".join(
        f"{status} after {count.times}"
        + (f" of {count.of}" if count.of else "")
        + (f" and {duration_text(count.seconds)}" if count.seconds else "")
        for status, count in needed.items()
    )
    window = f", last results {state.recent}" if state.recent else ""
    return f"{state.bad} bad, {state.missing} nodata, {state.good} ok in a row{window} ({rules})"


def _flapping(state: State, policy: Policy) -> str:
    if policy.flapping is None:
        return "flap detection is off"
    share = percent(state.changes, policy.flapping.formula)
    return f"{share:.1f}% ({'flapping' if state.flapping else 'not flapping'}; begins at {policy.flapping.high:g}%)"


def page(name: str, check: CheckConfig | None, found: list[Explanation], config: Config, folder: Path) -> Iterator[str]:
    if check is None:
        yield f"{name}: not in the configuration now"
        yield from (f"  {problem}" for problem in config.problems if problem.check == name)
    else:
        yield f"{name}: type {check.type}, {check.place}" + ("" if check.enabled else ", disabled")
    for one in found:
        yield ""
        yield from one.lines
    if not found:
        yield "  no result yet"
    if check is not None:
        yield ""
        yield f"settings, in {folder}"
        yield from _settings(check, redactor(config.secrets), folder)


def _settings(check: CheckConfig, hide: Callable[[str], str], folder: Path) -> Iterator[str]:
    """Name each written setting, what it came to, and where it stands; what is long has lines of its own."""
    values = {name: _value(check, name, hide) for name in check.places}
    short = {name: "" if len(value) > VALUE_LIMIT else value for name, value in values.items()}
    widths = [max(map(len, column), default=0) for column in (short, short.values())]
    for name, value in short.items():
        place = str(check.places[name]).removeprefix(f"{folder}/")
        yield f"  {name.ljust(widths[0])}  {value.ljust(widths[1])}  {place}"
        if not value:
            yield from textwrap.wrap(values[name], LINE_WIDTH, initial_indent="      ", subsequent_indent="      ")


def _value(check: CheckConfig, name: str, hide: Callable[[str], str]) -> str:
    if is_secret(type(check.check), name):
        return HIDDEN
    found = getattr(check.check, name, None) if name in check.check.__struct_fields__ else getattr(check, name, "")
    if type(found) is float:  # the times that every check has are plain seconds
        return duration_text(found)
    if isinstance(found, (list, tuple)) and all(isinstance(one, str) for one in found):
        # Each word by itself: quoted, a secret would look different.
        return without_user(shlex.join(hide(word) for word in found))
    return " ".join(without_user(hide(str(found))).split())


def _since(at: int, now: int, word: str = "") -> str:
    if not at:
        return ""
    span = duration_text(max(0, now - at) / 1000)
    return f", {span} {word}" if word else f" for {span}"
