"""Which changes are still worth writing, which states are of checks that are no more; and the writing itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from agent.engine.recorder.commands import RecorderConfig
from agent.engine.self_check import BROKEN
from agent.engine.state.transition import Transition
from agent.model import Outcome, State
from agent.store import Change, LastRun, Store, StoreError

log = logging.getLogger("hostvigil.recorder")

MOST_HELD = 20_000
"""Events in memory while the disk takes nothing; some 2 kB each."""


def is_gone(check: str, states: Iterable[State], configured: RecorderConfig) -> bool:
    """Tell whether these states are of a check that is no more, or of another by its name."""
    config = configured.checks.get(check)
    if config is None:
        return not configured.may_come_back(check)
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
    """Write all in one transaction; should a bug of ours make that impossible, what is of each check by itself.

    Of the check at fault each change, but not what it remembers: it would take for told what is not.
    """
    if _succeeds(lambda: store.record(changes, memories, forgotten), "what waits is written check by check"):
        return
    for check in dict.fromkeys((*(one.state.check for one in changes), *memories, *(name for name, _ in forgotten))):
        own = [one for one in changes if one.state.check == check]
        memory = {check: memories[check]} if check in memories else {}
        gone = [key for key in forgotten if key[0] == check]
        if not _succeeds(partial(store.record, own, memory, gone), f"{check} is written change by change"):
            store.record([], forgotten=gone)
            for change in own:
                _succeeds(partial(store.record, [change]), f"this is lost: {change!r}")


def note_all(store: Store, runs: Sequence[LastRun], memories: Mapping[str, dict[str, Any]]) -> None:
    """Note all; should a bug of ours make that impossible, what is of each check by itself."""
    if _succeeds(lambda: store.note(runs, memories), "the last results are written check by check"):
        return
    for check in dict.fromkeys((*(run.check for run in runs), *memories)):
        own = [run for run in runs if run.check == check]
        memory = {check: memories[check]} if check in memories else {}
        _succeeds(partial(store.note, own, memory), f"the last results of {check} are lost")


def _succeeds(write: Callable[[], None], otherwise: str) -> bool:
    try:
        write()
    except StoreError:
        raise
    except Exception:
        log.exception("a bug of ours: %s", otherwise)
        return False
    return True


def _key(change: Change) -> tuple[str, str]:
    return change.state.check, change.state.subject
