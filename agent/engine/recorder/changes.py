"""Which changes are still worth writing, which states are of checks that are no more; and the writing itself."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from agent.config.settings import CheckConfig
from agent.engine.self_check import BROKEN
from agent.engine.state.transition import Transition
from agent.model import Outcome, State
from agent.store import Change, Store, StoreError

log = logging.getLogger("hostvigil.recorder")

MOST_HELD = 20_000
"""Events in memory while the disk takes nothing; some 2 kB each."""


def is_gone(states: Iterable[State], config: CheckConfig | None, retire: bool) -> bool:
    """Tell whether these states are of a check that is no more (`retire`: what is not configured is), or of another."""
    if config is None:
        return retire
    return config.type != BROKEN and any(state.type not in ("", config.type) for state in states)


def as_last(change: Change, check: str, subject: str | None = None) -> Change:
    """Return the change; if it is of this check, or this subject of it, as one whose state is not kept."""
    is_meant = change.state.check == check and subject in (None, change.state.subject)
    return msgspec.structs.replace(change, last=True) if is_meant else change


def with_settings(step: Transition, outcome: Outcome) -> Transition:
    """Note in the state under which type and settings its subject was seen."""
    state = step.state
    if not outcome.type or (state.type, state.settings_checksum) == (outcome.type, outcome.settings_checksum):
        return step
    settings = {"type": outcome.type, "settings_checksum": outcome.settings_checksum}
    return msgspec.structs.replace(step, state=msgspec.structs.replace(step.state, **settings))


def worth_keeping(changes: list[Change], most: int = MOST_HELD) -> list[Change]:
    """Drop states that a later one of the same subject replaces; events are all kept.

    Beyond `most` events, those between a subject's first and its latest go too: memory is bounded as the outbox is.
    """
    latest = {_key(change): change for change in changes}
    current = [change for change in changes if change.notification or latest[_key(change)] is change]
    events = [change for change in current if change.notification]
    if len(events) <= most:
        return current
    first, last = {_key(change): change for change in reversed(events)}, {_key(change): change for change in events}
    drops = [change for change in events if change not in (first[_key(change)], last[_key(change)])]
    log.error("%d changes that later ones replace are lost: the disk takes nothing", len(drops))
    drop_ids = set(map(id, drops))
    return [change for change in current if id(change) not in drop_ids]


def write_all(
    store: Store,
    changes: Sequence[Change],
    memories: Mapping[str, dict[str, Any]],
    forgotten: Collection[tuple[str, str | None]],
) -> None:
    """Write all in one transaction; should a bug of ours make that impossible, all but the one at fault."""
    try:
        store.record(changes, memories, forgotten)
        return
    except StoreError:
        raise
    except Exception:
        log.exception("a bug of ours: what waits is written one by one")
    store.record([], forgotten=forgotten)
    for change in changes:
        try:
            store.record([change])
        except StoreError:
            raise
        except Exception:
            log.exception("a bug of ours: this is lost: %r", change)


def _key(change: Change) -> tuple[str, str]:
    return change.state.check, change.state.subject
