"""Where the Snapshot of a command comes from: the store, the files of the configuration, the silences."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from agent.config.at_work import AT_WORK, from_text
from agent.config.drop_ins import load
from agent.config.settings import Config
from agent.config.types.catalog import Catalog
from agent.engine.self_check import NO_RESULT_YET
from agent.engine.suppression.silences import read as read_silences
from agent.model import Silence
from agent.store import Delivery, Store, StoreError, holder
from agent.system.rights import state_of
from agent.view.compose import StoreContents, compose
from agent.view.snapshot import Snapshot


def look(config: Config, state_dir: Path, now: int) -> Snapshot:
    """Return the Snapshot of the agent that works, or worked, on this directory; `now` in Unix milliseconds.

    StoreError when it cannot be read.
    """
    with state_of(state_dir):
        store = Store.read(state_dir)
        try:
            contents = read_store(store, silences(state_dir), state_dir)
        finally:
            store.close()
    return compose(contents, config, now)


def deliveries(state_dir: Path, check: str, most: int) -> list[Delivery]:
    """Return the latest deliveries of what was told of a check, newest first; StoreError when it cannot be read."""
    with state_of(state_dir), contextlib.closing(Store.read(state_dir)) as store:
        return store.history.of_check(check, most)


def read_store(store: Store, all_silences: tuple[Silence, ...], state_dir: Path) -> StoreContents:
    """Read all that the Snapshot needs of a store."""
    history = store.history
    return StoreContents(
        states=tuple(store.states()),
        runs=tuple(store.last_runs()),
        backlog=history.backlog(),
        progress=history.progress(),
        silences=all_silences,
        holder=holder(state_dir),
        no_result_yet=_names(history.recall(NO_RESULT_YET)),
        at_work=from_text(history.recall(AT_WORK)),
    )


def _names(text: str) -> tuple[str, ...]:
    try:
        return msgspec.json.decode(text, type=tuple[str, ...])
    except msgspec.MsgspecError:
        return ()


def silences(state_dir: Path) -> tuple[Silence, ...]:
    """Return the silences; StoreError when their file cannot be read."""
    try:
        return read_silences(state_dir)
    except OSError as error:
        raise StoreError(f"the silences cannot be read: {error.filename}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise StoreError(f"the silences cannot be read: {error}") from error


def configuration(directory: Path) -> Config:
    """Read the files as they are now."""
    return load(directory, Catalog())
