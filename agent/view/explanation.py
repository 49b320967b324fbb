"""Pure: one check in whole sentences, its settings as one would type them, no secret among them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from agent.config.rules import OWN_NAME
from agent.config.secrets.secrecy import is_secret
from agent.config.settings import CheckConfig, DependsOn
from agent.config.words.quoting import without_user
from agent.model import Policy
from agent.plugin.text import lines, one_line
from agent.plugin.units import duration_text
from agent.system.redactor import HIDDEN
from agent.view.snapshot import CheckView, Mark, ReloadMark, SubjectView
from agent.view.words import ago, clock, describe_counts, flapping, last_notification, policy_setting, span

TEXT_LIMIT = 100_000
"""What is shown uncut has a bound all the same."""


class SettingView(msgspec.Struct, frozen=True):
    """One setting that was written."""

    name: str
    value: str
    place: str


def head(check: CheckView, since: str = "") -> Iterator[str]:
    """Say what the check is and where it stands. `since`: when the running agent took over what it has."""
    if check.config is None:
        wrong = "written wrong, so it does not run" if check.problems else "not in the files of the configuration now"
        yield f"{check.name} is {wrong if check.name != OWN_NAME else 'what the agent says of itself'}."
    else:
        state = "" if check.config.enabled else " It is switched off (enabled: false)."
        yield f"{check.name} is a check of type {check.config.type}, written at {check.config.place}.{state}"
        if check.config.description:
            yield from lines(check.config.description, TEXT_LIMIT)
        if check.config.runbook:
            yield f"What to do: {one_line(check.config.runbook, TEXT_LIMIT)}"
    yield from check.problems
    if check.reload:
        yield f"{_AFTER_RELOAD[check.reload]}: hostvigil reload. What it has was taken over {since}."


_AFTER_RELOAD = {
    ReloadMark.ADDED: "The running agent does not have it yet",
    ReloadMark.CHANGED: "It was changed, and the running agent works with its old settings",
    ReloadMark.REMOVED: "The running agent still has it",
}


def sentences(one: SubjectView, policy: Policy, now: int) -> Iterator[str]:
    """Say everything about one subject; `now` in Unix milliseconds."""
    yield _decision_text(one, now)
    yield from (f"  {line}" for line in _about(one, policy, now))


def _decision_text(view: SubjectView, now: int) -> str:
    name = view.subject or "The check itself"
    if view.state.decided is None:
        return f"{name}: nothing is decided yet."
    return f"{name}: {view.status} for {span(view.since, now)}, since {clock(view.since)}."


def _about(view: SubjectView, policy: Policy, now: int) -> Iterator[str]:
    if view.last_status is None:
        yield "There is no result yet."
    else:
        took = f", after a run of {duration_text(view.duration)}" if view.duration else ""
        yield f"Last result: {view.last_status}, {ago(view.last_run, now)}{took}: {view.summary}"
        yield from (f"  {line}" for line in lines(view.details, TEXT_LIMIT))
    yield from background(view, policy, now)


def background(view: SubjectView, policy: Policy, now: int) -> Iterator[str]:
    """Explain the status: the next run, what was told and why, what is counted; `now` in Unix milliseconds."""
    if Mark.LATE in view.marks:
        yield f"It is late: the next run was due {duration_text(view.late)} ago."
    elif view.next_run > now:
        yield f"The next run is in {span(now, view.next_run)}."
    yield last_notification(view.state, now)
    yield view.why
    if view.state.incident:
        began = f", begun {ago(view.state.incident_since, now)}" if view.state.incident_since else ""
        yield f"Incident: {view.state.incident}{began}."
    yield from describe_counts(view.state, policy)
    if flapping_text := flapping(view.state, policy):
        yield flapping_text


def settings(check: CheckConfig, hide: Callable[[str], str]) -> list[SettingView]:
    """Return each written setting, what it came to, and where it stands."""
    return [SettingView(name, _value(check, name, hide), str(place)) for name, place in check.places.items()]


def _value(check: CheckConfig, name: str, hide: Callable[[str], str]) -> str:
    if is_secret(type(check.check), name):
        return HIDDEN
    own = {field.encode_name: field.name for field in msgspec.structs.fields(check.check)}
    if name not in own and (policy_text := policy_setting(check.policy, name)):
        return policy_text
    value = getattr(check.check, own[name]) if name in own else getattr(check, name)
    # The times that every check has are plain seconds.
    text = duration_text(value) if type(value) is float else without_user(_format(value, hide))
    return one_line(text, TEXT_LIMIT)


def _format(value: Any, hide: Callable[[str], str]) -> str:
    """Write a value as one would type it: a command as in a shell, a list with commas.

    Each word is hidden by itself: quoted, a secret would look different.
    """
    if isinstance(value, tuple | list):
        words = [_format(one, hide) for one in value]
        return shlex.join(words) if all(isinstance(one, str) for one in value) else ", ".join(words)
    if isinstance(value, Mapping):
        return ", ".join(f"{hide(str(name))}: {_format(one, hide)}" for name, one in value.items())
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    if isinstance(value, DependsOn):
        return f"{'all of ' if value.all else ''}{', '.join(value.checks)}"
    if isinstance(value, msgspec.Struct):
        return ", ".join(f"{name}: {_format(getattr(value, name), hide)}" for name in value.__struct_fields__)
    return hide(str(value))
