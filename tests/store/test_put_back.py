"""The state directory is removed under a running agent: what the database holds is put back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.model import State, Status
from agent.store import Change, Store, StoreError
from agent.store.connection import FILE
from agent.store.put_back import BACK


def record(store: Store, subject: str) -> None:
    store.record([Change(State("disk", subject, Status.CRITICAL))])


REMOVALS: dict[str, Callable[[Path], object]] = {
    "the folder": shutil.rmtree,
    "all files": lambda folder: [file.unlink() for file in folder.iterdir()],
    "the database alone": lambda folder: (folder / FILE).unlink(),
    "another one in the making": lambda folder: (folder / FILE).rename(folder / BACK),
}


@pytest.mark.parametrize("removal", REMOVALS)
def test_what_the_database_holds_is_put_back_where_its_file_was_removed(
    tmp_path: Path, removal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.store.put_back.LOOK_SECONDS", 0.0)
    store = Store.open(tmp_path / "state")
    record(store, "before")
    REMOVALS[removal](tmp_path / "state")
    record(store, "after")
    with pytest.raises(StoreError, match="in use"):
        Store.open(tmp_path / "state")
    assert (tmp_path / "state" / FILE).stat().st_mode & 0o777 == 0o600
    store.close()
    again = Store.open(tmp_path / "state")
    assert {state.subject for state in again.states()} == {"before", "after"}
    again.close()


def test_where_it_cannot_be_put_back_the_store_goes_on_and_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.store.put_back.LOOK_SECONDS", 0.0)
    store = Store.open(tmp_path / "state")
    record(store, "before")
    shutil.rmtree(tmp_path / "state")
    (tmp_path / "state").write_text("a file in its place")
    with pytest.raises(StoreError):
        record(store, "lost")
    (tmp_path / "state").unlink()
    record(store, "after")
    assert {state.subject for state in store.states()} == {"before", "after"}
    store.close()
