"""Who may open a store, and what is said to who may not."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.store import Store, StoreError, holder
from agent.store.connection import FILE
from agent.store.lock import LOCK, lock
from agent.store.schema import MIGRATIONS
from tests.delivery.deliveries import change, opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path / "state")
    yield made
    made.close()


# --- who may open it ------------------------------------------------------------------------------------------------


def test_a_second_agent_is_told_who_holds_the_directory(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=rf"in use by another hostvigil \(process {os.getpid()}, since 20"):
        Store.open(tmp_path / "state")
    held = holder(tmp_path / "state")
    assert held is not None
    assert held.pid == os.getpid()


def test_who_asks_for_a_moment_who_works_here_keeps_no_agent_from_its_start(tmp_path: Path) -> None:
    os.close(lock(tmp_path))
    asking = os.open(tmp_path / LOCK, os.O_RDONLY)
    fcntl.flock(asking, fcntl.LOCK_SH)
    with pytest.raises(StoreError, match="in use by another"):
        lock(tmp_path, patience=0)
    threading.Timer(0.05, os.close, [asking]).start()
    os.close(lock(tmp_path, patience=60))


def test_the_lock_ends_with_the_agent(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    assert holder(tmp_path) is None
    Store.open(tmp_path).close()


def test_the_command_line_reads_while_the_agent_writes_and_cannot_write(store: Store, tmp_path: Path) -> None:
    store.record([change("root-disk-1", "/")])
    reader = Store.read(tmp_path / "state")
    assert len(reader.history.pending()) == 1
    store.record([change("root-disk-2", "/")])
    assert len(reader.history.pending()) == 2
    with pytest.raises(StoreError, match="readonly"):
        reader.record([change("root-disk-3", "/")])
    reader.close()


def test_reading_after_the_agent_has_ended(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.record([change("root-disk-1", "/")])
    store.close()
    reader = Store.read(tmp_path)
    assert len(reader.history.pending()) == 1
    reader.close()


def test_reading_where_no_agent_ever_ran_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"holds no hostvigil\.db: has the agent run"):
        Store.read(tmp_path)
    with pytest.raises(StoreError, match=r"nowhere holds no hostvigil\.db"):
        Store.read(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_the_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 5}")
    db.close()
    for way in (Store.open, Store.read):
        with pytest.raises(StoreError, match="written by a newer hostvigil"):
            way(tmp_path)
    assert holder(tmp_path) is None


def test_a_state_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        Store.open(tmp_path / "file" / "state")
    with pytest.raises(StoreError, match="file"):
        Store.open(tmp_path / "file")


def test_nobody_else_can_read_the_files(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = opened(tmp_path / "state")
        store.record([change("root-disk-1", "/")])
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "state").iterdir()}
    names = (FILE, f"{FILE}-wal", f"{FILE}-shm", "agent.lock", "hostvigil.reserve")
    assert modes == dict.fromkeys(names, 0o600)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    store.close()


def test_a_database_that_is_a_symlink_to_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / FILE).symlink_to(tmp_path / "victim")
    with pytest.raises(StoreError):
        Store.open(tmp_path / "state")
    assert not (tmp_path / "victim").exists()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.record([change("root-disk-1", "/")])
