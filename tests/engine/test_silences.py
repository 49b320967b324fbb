"""The file of silences: who writes it waits for his turn and no longer than a moment, and what is wrong has words."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from agent.engine.suppression import silences as room
from agent.engine.suppression.silences import FILE, LOCK, LOCK_SECONDS, MOST_BYTES, Silences, begin, change, end, read
from agent.model import Silence

ONE = Silence("web", 10, 900, "mending", "ann")


@contextmanager
def held(folder: Path, how: int = fcntl.LOCK_EX) -> Iterator[int]:
    """Somebody else silences."""
    other = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(other, how)
    try:
        yield other
    finally:
        os.close(other)


class Clock:
    """A clock that moves while somebody sleeps; what happens meanwhile is the test's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 50.0
        self.sleeps: list[float] = []
        self.meanwhile: Callable[[], None] = lambda: None
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds < 0.1, "a person waits for it"
        self.sleeps.append(seconds)
        self.now += seconds
        self.meanwhile()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.mark.parametrize("how", [fcntl.LOCK_EX, fcntl.LOCK_SH])
def test_who_waits_for_too_long_is_told_that_somebody_holds_it(tmp_path: Path, clock: Clock, how: int) -> None:
    with held(tmp_path, how), pytest.raises(OSError) as found:
        begin(tmp_path, ONE, 10)
    assert found.value.errno == errno.EBUSY
    assert found.value.strerror == "somebody else has held it for too long"
    assert found.value.filename == str(tmp_path / LOCK)
    assert sum(clock.sleeps) == pytest.approx(LOCK_SECONDS, abs=0.05)
    assert read(tmp_path) == ()


def test_who_waits_goes_on_as_soon_as_it_is_free(tmp_path: Path, clock: Clock) -> None:
    with held(tmp_path) as other:

        def freed() -> None:
            if len(clock.sleeps) == 3:
                fcntl.flock(other, fcntl.LOCK_UN)

        clock.meanwhile = freed
        assert begin(tmp_path, ONE, 10) == [ONE]
    assert len(clock.sleeps) == 3


def test_nobody_else_writes_meanwhile_and_afterwards_it_is_free(tmp_path: Path, clock: Clock) -> None:
    def changed(old: object) -> list[Silence]:
        with (tmp_path / LOCK).open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return [ONE]

    change(tmp_path, changed, 10)
    change(tmp_path, lambda old: old, 10)
    assert clock.sleeps == []


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_lock_that_is_no_file_is_not_followed_nor_waited_for(tmp_path: Path, kind: str) -> None:
    lock = tmp_path / LOCK
    if kind == "link":
        lock.symlink_to(tmp_path / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(lock)
    else:
        lock.mkdir()
    with pytest.raises(OSError):
        begin(tmp_path, ONE, 10)
    assert not (tmp_path / "elsewhere").exists()
    assert not (tmp_path / FILE).exists()


def test_the_files_are_for_their_owner_alone_and_what_a_kill_left_is_in_nobodys_way(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        (tmp_path / f"{FILE}.new").write_text("half")
        begin(tmp_path, ONE, 10)
    finally:
        os.umask(before)
    assert {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {FILE: 0o600, LOCK: 0o600}


def test_an_error_names_the_file_as_that_of_a_full_disk_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError) as found:
        begin(tmp_path, ONE, 10)
    assert (found.value.errno, found.value.filename) == (errno.ENOSPC, str(tmp_path / FILE))
    assert found.value.strerror == os.strerror(errno.ENOSPC)


@pytest.mark.parametrize("error", [OSError("no number"), OSError(errno.EACCES, "no", "/elsewhere")])
def test_an_error_that_has_no_number_or_names_a_file_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def fails(descriptor: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError) as found:
        begin(tmp_path, ONE, 10)
    assert found.value is error


def test_who_ends_one_before_its_time_is_noted_with_until_when_it_was_meant(tmp_path: Path) -> None:
    begin(tmp_path, ONE, 10)
    assert end(tmp_path, lambda one: True, "bob", 300) == 1
    assert read(tmp_path) == (msgspec.structs.replace(ONE, until=300, ended_by="bob", meant_until=900),)


def test_a_file_that_is_too_large_is_none(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"[" + b" " * (MOST_BYTES - 2) + b"]")
    assert read(tmp_path) == ()
    (tmp_path / FILE).write_bytes(b"[" + b" " * (MOST_BYTES - 1) + b"]")
    with pytest.raises(OSError, match="larger than 1024 KiB"):
        read(tmp_path)


# --- what the agent sees --------------------------------------------------------------------------------------------


def test_what_cannot_be_read_silences_nothing_and_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    silences = Silences(tmp_path)
    begin(tmp_path, ONE, 10)
    assert silences() == (ONE,)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    assert silences() == ()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert said[0].startswith(f"{tmp_path / FILE} cannot be read, nothing is silenced: ")
    assert said[0].endswith(f"'{tmp_path / FILE}'")


@pytest.mark.parametrize("damaged", [b"", b"\0\0", b"null", b'[{"selector":"j\xffb","since":1,"until":2}]'])
def test_a_damaged_file_silences_nothing_and_who_asks_hears_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damaged: bytes
) -> None:
    (tmp_path / FILE).write_bytes(damaged)
    assert Silences(tmp_path)() == ()
    (said,) = (record.getMessage() for record in caplog.records)
    assert said.startswith(f"{tmp_path / FILE} is damaged (")
    assert said.endswith("): nothing is silenced until it is removed, then silence anew")
    with pytest.raises(msgspec.MsgspecError):
        begin(tmp_path, ONE, 10)


def test_the_file_is_read_again_only_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Path] = []
    real = room.read
    monkeypatch.setattr(room, "read", lambda folder: reads.append(folder) or real(folder))
    silences = Silences(tmp_path)
    begin(tmp_path, ONE, 10)
    reads.clear()
    assert [silences(), silences()] == [(ONE,), (ONE,)]
    assert reads == [tmp_path]
    (tmp_path / FILE).unlink()
    assert silences() == ()
    begin(tmp_path, ONE, 10)
    assert silences() == (ONE,)


def test_a_file_that_was_away_is_read_though_it_is_the_same_again(tmp_path: Path) -> None:
    silences = Silences(tmp_path)
    begin(tmp_path, ONE, 10)
    assert silences() == (ONE,)
    (tmp_path / FILE).rename(tmp_path / "away")
    assert silences() == ()
    (tmp_path / "away").rename(tmp_path / FILE)
    assert silences() == (ONE,)
