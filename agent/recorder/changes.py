"""Pure: which changes are still worth writing, and which states are of checks that are no more."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from agent.model import State
from agent.self_check import BROKEN
from agent.settings import CheckConfig
from agent.store import Change


def is_gone(states: Iterable[State], config: CheckConfig | None, retire: bool) -> bool:
    """Tell whether these states are of a check that is no more (`retire`: what is not configured is), or of another."""
    if config is None:
        return retire
    return config.type != BROKEN and any(state.type not in ("", config.type) for state in states)


def as_last(change: Change, check: str) -> Change:
    """Return the change; if it is of this check, as one whose state is not kept."""
    return msgspec.structs.replace(change, last=True) if change.state.check == check else change


def worth_keeping(changes: list[Change]) -> list[Change]:
    """Drop states that a later one of the same subject replaces; events are all kept."""
    latest = {(change.state.check, change.state.subject): change for change in changes}
    return [change for change in changes if change.event or latest[change.state.check, change.state.subject] is change]
