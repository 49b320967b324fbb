"""Logs that are rotated into a folder beside them (logrotate's olddir), and inodes that are used again at once."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checks.log.logs import Watcher


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.touch()
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    (tmp_path / "old").mkdir()
    return tmp_path / "old"


@pytest.fixture
def watcher(log: Path) -> Iterator[Watcher]:
    watcher = Watcher(log)
    watcher.run()
    yield watcher


def pack(path: Path) -> None:
    packed = Path(f"{path}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    os.utime(packed, ns=(path.stat().st_mtime_ns,) * 2)
    path.unlink()


def add(path: Path, lines: int) -> None:
    with path.open("a") as file:
        file.write("ERR\n" * lines)


def test_what_was_rotated_twice_into_a_folder_beside_the_log_is_read(log: Path, old: Path, watcher: Watcher) -> None:
    for name, lines in (("2", 3), ("1", 4)):
        add(log, lines)
        log.rename(old / f"app.log.{name}")
    pack(old / "app.log.2")
    add(log, 5)
    assert [watcher.count(), watcher.count()] == [12, 0]


def test_an_empty_log_that_is_written_to_and_copied_away_loses_nothing(log: Path, old: Path, watcher: Watcher) -> None:
    add(log, 3)
    shutil.copy(log, old / "app.log.1")
    log.write_text("")
    assert [watcher.count(), watcher.count()] == [3, 0]


def test_a_folder_with_a_log_of_this_name_has_rotations_of_its_own(log: Path, old: Path, watcher: Watcher) -> None:
    add(log, 1)
    log.rename(f"{log}.1")
    add(log, 2)
    for name in ("app.log", "app.log.1"):
        add(old / name, 10)
    assert [watcher.count(), watcher.count()] == [3, 0]


def test_copies_that_somebody_keeps_beside_the_log_are_not_read(log: Path, old: Path, watcher: Watcher) -> None:
    add(log, 1)
    log.rename(f"{log}.1")
    shutil.copy2(f"{log}.1", old)
    add(log, 2)
    assert [watcher.count(), watcher.count()] == [3, 0]


def test_a_copy_that_gets_the_inode_of_an_empty_rotation_is_read_once(log: Path, watcher: Watcher) -> None:
    """As when logrotate compresses the empty one, and copies the log right after."""
    log.rename(f"{log}.1")
    add(log, 2)
    assert watcher.count() == 2
    add(log, 3)
    shutil.copy(log, f"{log}.1")
    Path(f"{log}.1").rename(f"{log}.2")
    log.write_text("")
    assert [watcher.count(), watcher.count()] == [3, 0]


def test_an_empty_log_that_is_older_than_a_late_writer_s_words_is_not_missed(log: Path, watcher: Watcher) -> None:
    log.rename(f"{log}.1")
    log.touch()
    add(Path(f"{log}.1"), 2)
    later = log.stat().st_mtime_ns + 1000
    os.utime(f"{log}.1", ns=(later, later))
    assert watcher.count() == 2
    Path(f"{log}.1").rename(f"{log}.2")
    log.rename(f"{log}.1")
    add(log, 1)
    result = watcher.run()
    assert "may be missing" not in result.summary
    assert "1 line matches" in result.summary


def test_a_log_with_the_inode_of_one_before_it_hides_none_between(log: Path, old: Path, watcher: Watcher) -> None:
    log.rename(old / "app.log.1")
    log.touch()
    assert watcher.count() == 0
    add(log, 3)
    log.rename(old / "app.log.3")
    pack(old / "app.log.3")
    (old / "app.log.1").rename(log)
    add(log, 2)
    assert [watcher.count(), watcher.count()] == [5, 0]
