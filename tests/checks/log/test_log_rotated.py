"""A log that is renamed, copied and truncated or replaced is read on, and what is lost is said."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from agent.api import NumberAbove, Status
from checks.log.beside import is_rotation
from tests.checks.log.logs import Watcher, append


def test_a_renamed_log_is_read_to_its_end_and_beyond(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    with log.open("ab", buffering=0) as writer:
        writer.write(b"ERR 1\n")
        log.rename(log.with_suffix(".log.1"))
        log.write_text("ERR 2\n")
        assert watcher.count() == 2
        writer.write(b"ERR 3\n")  # the writer has not been told of the rotation yet
    log.with_suffix(".log.1").rename(log.with_suffix(".log.2"))
    assert [watcher.count(), watcher.count()] == [1, 0]


def test_the_last_words_of_a_rotated_log_count_without_an_end_of_line(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    append(log, "ERR panic")
    log.rename(log.with_suffix(".log.1"))
    log.write_text("")
    assert [watcher.count(), watcher.count(), watcher.count()] == [0, 1, 0]


def test_a_log_copied_and_truncated_loses_and_repeats_nothing(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    append(log, "ERR 1\n")
    log.with_suffix(".log.1").write_bytes(log.read_bytes())
    os.truncate(log, 0)
    append(log, "a line longer than all that was there before\nERR 2\n")
    assert [watcher.count(), watcher.count()] == [2, 0]


def test_a_truncated_log_is_read_from_its_beginning_and_says_that_lines_may_be_missing(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    log.write_text("ERR\n")
    result = watcher.run()
    lost = "the log was truncated, or what it was rotated to is gone: lines written since the last run may be missing"
    assert (result.status, result.summary) == (Status.WARNING, f"1 line matches 'ERR' (warning from 1), {lost}")
    assert watcher.run().status is Status.OK


@pytest.mark.parametrize("status", ["ok", "warning", "critical", "nodata"])
def test_what_it_means_that_lines_may_be_missing_can_be_set(log: Path, status: Any) -> None:
    watcher = Watcher(log, lost=status)
    watcher.run()
    log.write_text("fine\n")
    assert watcher.run().status is Status(status)


def test_a_line_that_must_come_is_not_known_to_be_missing_where_lines_may_be(log: Path) -> None:
    watcher = Watcher(log, "finished", warning=NumberAbove.parse("1:"))
    watcher.run()
    log.write_text("x")
    assert watcher.run().status is Status.NODATA
    assert watcher.run().status is Status.WARNING


def test_what_an_older_version_remembered_is_read_on_from(log: Path) -> None:
    log.with_name("app.log.1").write_text("ERR long ago\n")
    watcher = Watcher(log)
    watcher.run()
    for position in watcher.memory["files"]:
        for name in ("tail", "counted", "changed", "marked"):
            del position[name]
    log.rename(log.with_name("app.log.2"))
    log.write_text("ERR\n")
    assert [watcher.count(), watcher.count()] == [1, 0]


def test_another_log_beside_this_one_is_no_rotation_of_it(log: Path) -> None:
    assert [name for name in ROTATIONS if not is_rotation("app.log", name)] == []
    assert [name for name in OTHERS if is_rotation("app.log", name)] == []
    watcher = Watcher(log)
    watcher.run()
    log.rename(log.with_name("app.log.1"))
    log.write_text("")
    for other in OTHERS:
        log.with_name(other).write_text("ERR\n")
    assert watcher.count() == 0


ROTATIONS = ["app.log.1", "app.log.12.gz", "app.log-20261123", "app.log-2026-11-23.xz", "app.log.old", "app.2.log.gz"]


OTHERS = ["app-debug.log", "app.log.offset", "app.logger", "application.log", "app.log.1.tmp", "app2x.log"]


def test_a_log_between_two_files_is_still_read(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    append(log, "ERR 1\n")
    log.rename(log.with_suffix(".log.1"))
    assert watcher.run().status is Status.WARNING
    assert watcher.run().summary == f"{log} is not there"
    append(log, "ERR 2\n")
    assert [watcher.count(), watcher.count()] == [1, 0]


def test_a_log_that_was_only_moved_to_a_folder_beside_it_is_no_loss(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    (log.parent / "old").mkdir()
    log.rename(log.parent / "old" / "app.log.1")
    log.write_text("x\n")
    assert watcher.run().status is Status.OK


def test_the_log_of_another_host_in_a_folder_beside_this_one_is_not_read(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    (log.parent / "host-2").mkdir()
    for name in ("app.log", "app.log.1"):
        (log.parent / "host-2" / name).write_text("old ERR\nERR of another\n")
    append(log, "x\n")
    log.rename(log.with_name("app.log.1"))
    log.write_text("")
    assert watcher.count() == 0


def test_a_name_that_begins_with_a_word_is_a_log_of_its_own() -> None:
    for name in ("web-sun.log", "websat.log", "web-december.log", "web.mon", "web.log.sunny", "web.logmarch"):
        assert not is_rotation("web.log", name), name
    for name in ("web.log.Sun", "web-25dec.log", "web.log-Dec-25-2026.gz", "web.2026-11-26T10:00:00Z.log"):
        assert is_rotation("web.log", name), name


def test_a_writer_that_rotates_all_the_time_loses_no_line(log: Path) -> None:
    """A real race: runs at any moment of writing, renaming and reopening."""
    watcher, written, counted = Watcher(log), 3000, 0.0
    watcher.run()
    runs, ran = 0, threading.Condition()

    def wait_for_runs(wanted: int) -> None:
        ran.wait_for(lambda: runs >= wanted, timeout=10)

    def write() -> None:
        file = log.open("ab", buffering=0)
        for number in range(written):
            file.write(b"ERR %d\n" % number)
            if number % 100 == 50:
                log.rename(log.with_name(f"app.log.{number}"))
            if number % 100 == 60:
                file.close()
                file = log.open("ab", buffering=0)
            if number % 100 == 70:  # not rotated twice between two runs
                with ran:
                    wait_for_runs(runs + 2)
        file.close()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    while writer.is_alive():
        counted += watcher.count()
        with ran:
            runs += 1
            ran.notify()
    writer.join()
    assert counted + watcher.count() + watcher.count() == written


def test_an_empty_log_that_was_moved_away_is_lines_missing_though_another_was_rotated_since(log: Path) -> None:
    watcher = Watcher(log)
    log.write_text("")
    watcher.run()
    append(log, "ERR gone\n")
    (log.parent / "else" / "where").mkdir(parents=True)
    log.rename(log.parent / "else" / "where" / "app.log")
    log.with_name("app.log.1").write_text("ERR\n")
    log.write_text("")
    assert "may be missing" in watcher.run().summary


@pytest.mark.parametrize("shifted", [False, True])
def test_an_empty_log_that_is_written_to_copied_and_emptied_between_two_runs_loses_nothing(
    shifted: bool, tmp_path: Path
) -> None:
    log = tmp_path / "app.log"
    log.write_text("before\n")
    watcher = Watcher(log)
    watcher.run()
    if shifted:
        log.rename(tmp_path / "app.log.1")
    log.write_text("")
    os.utime(log, ns=(0, log.stat().st_mtime_ns + 10**9))
    watcher.run()
    if shifted:
        (tmp_path / "app.log.1").rename(tmp_path / "app.log.2")
    (tmp_path / "app.log.1").write_text("ERR one\nERR two\n")
    os.utime(tmp_path / "app.log.1", ns=(0, log.stat().st_mtime_ns + 10**9))
    found = watcher.run()
    assert [metric.value for metric in found.metrics if metric.name == "lines"] == [2]
    assert [metric.value for metric in watcher.run().metrics if metric.name == "lines"] == [0]
