"""A log that was compressed when it was rotated is read to its end, wherever and however it is called."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent.api import Status
from tests.checks.log.logs import Watcher, append


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)])
def test_a_log_compressed_at_once_is_read_to_its_end(log: Path, suffix: str, pack: Any) -> None:
    watcher = Watcher(log)
    watcher.run()
    append(log, "ERR 1\n")
    log.with_suffix(f".log.1.{suffix}").write_bytes(pack(log.read_bytes()))
    log.unlink()
    log.with_suffix(".new").write_text("ERR 2\n")
    log.with_suffix(".new").rename(log)
    result = watcher.run()
    assert result.summary == "2 lines match 'ERR' (warning from 1)"
    assert watcher.count() == 0


@pytest.mark.parametrize("content", [b"", b"\x1f\x8bno gzip", gzip.compress(b"old ERR\nERR 1\n" * 9000)[:-30]])
def test_a_compressed_log_that_is_broken_is_lines_missing_once(log: Path, content: bytes) -> None:
    watcher = Watcher(log)
    watcher.run()
    log.unlink()
    log.with_suffix(".log.1.gz").write_bytes(content)
    log.write_text("fine\n")
    result = watcher.run()
    assert result.status is Status.NODATA or result.summary.startswith("9")
    assert "may be missing" in result.summary
    assert watcher.run().status is Status.OK


def test_what_cannot_be_unpacked_is_lines_missing_only_if_it_was_written_to(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    for number, more in enumerate([False, True]):
        if more:
            append(log, "ERR\n")
        packed, times = log.with_suffix(f".log.{number}.zst"), log.stat()
        log.rename(packed)
        packed.write_bytes(b"packed")
        os.utime(packed, ns=(times.st_mtime_ns, times.st_mtime_ns + more * 1000))
        log.touch()
        result = watcher.run()
        assert ("may be missing" in result.summary) == more


@pytest.mark.parametrize(
    "names",
    [
        ("app.log.25Nov2026", "app.log.26Nov2026"),
        ("app.log.Wed", "app.log.Thursday"),
        ("app.log.bak", "app.log.prev"),
        ("old/app.log.2", "old/app.log.1"),
        ("archive/app.log-20261125", "archive/app.log-20261126"),
        ("@4000000065f1b2c30b2a1f2c.s", "@4000000065f1b2c30b2a1f2d.s"),
        ("of-2026-11-25", "of-2026-11-26"),
    ],
)
@pytest.mark.parametrize("packs", [False, True])
def test_however_rotations_are_named_and_where_they_lie_no_line_is_lost(
    log: Path, names: tuple[str, ...], packs: bool
) -> None:
    watcher = Watcher(log)
    log.write_text("so many lines that it is known again\n" * 20)
    watcher.run()
    for number, name in enumerate(names):
        append(log, f"ERR {number}\n")
        moved = log.parent / name
        moved.parent.mkdir(exist_ok=True)
        log.rename(moved)
        if packs and "app.log" in name:
            subprocess.run(["gzip", moved], check=True)
        log.write_text("")
    append(log, "ERR last\n")
    said = watcher.run()
    assert (said.status, said.details) == (Status.WARNING, "ERR 0\nERR 1\nERR last"), said.summary
    assert watcher.run().summary.startswith("0 lines")


def test_rotations_of_the_log_s_own_time_that_were_there_first_are_never_read(log: Path) -> None:
    log.with_name("app.log.1").write_text("ERR long ago\n")
    log.with_name("app.log.2.gz").write_bytes(gzip.compress(b"ERR longer ago\n"))

    def at_one_time() -> None:
        for file in log.parent.iterdir():
            os.utime(file, (0, 1_700_000_000))

    at_one_time()
    watcher = Watcher(log)
    watcher.run()
    for old, new in (("app.log.2.gz", "app.log.3.gz"), ("app.log.1", "app.log.2"), ("app.log", "app.log.1")):
        log.with_name(old).rename(log.with_name(new))
    log.write_text("ERR now\n")
    at_one_time()
    assert [watcher.count(), watcher.count()] == [1, 0]


def test_a_time_that_compressing_rounded_down_is_compared_as_exactly_as_it_is(log: Path) -> None:
    watcher = Watcher(log)
    os.utime(log, ns=(0, 1_700_000_000_300_000_001))
    watcher.run()
    log.rename(log.with_name("app.log.2"))
    log.with_name("app.log.1.bz2").write_bytes(bz2.compress(b"ERR between\n"))
    os.utime(log.with_name("app.log.1.bz2"), (0, 1_700_000_000))
    log.write_text("")
    assert [watcher.count(), watcher.count()] == [1, 0]


@pytest.mark.parametrize("exactly", [1, 1000, 10**9])
def test_a_log_is_found_in_its_packed_rotation_however_exactly_that_keeps_its_time(log: Path, exactly: int) -> None:
    watcher, time_of = Watcher(log), 1_700_000_000_300_000_001
    os.utime(log, ns=(0, time_of))
    watcher.run()
    append(log, "ERR\n")
    log.with_name("app.log.1.bz2").write_bytes(bz2.compress(log.read_bytes()))
    log.write_text("")
    os.utime(log.with_name("app.log.1.bz2"), ns=(0, (time_of + 1) // exactly * exactly))
    result = watcher.run()
    assert result.summary == "1 line matches 'ERR' (warning from 1)"
    assert watcher.count() == 0
