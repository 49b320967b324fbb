"""The log check: on real files that grow, are renamed, copied and truncated, compressed, and lied about."""

from __future__ import annotations

import gzip
import os
import re
import threading
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import CheckError, Context, NumberAbove, Regex, Result, Status
from agent.plugin.results import gathered
from checks.log import Log
from checks.log.following import PIECE, Position, follow

NEVER = float("inf")


class Watcher:
    """A log check with its memory between runs, as the runner keeps it."""

    def __init__(self, path: Path, pattern: str = "ERR", timeout: float = 5.0, **settings: Any) -> None:
        self.check = Log(path=str(path), pattern=Regex(pattern), **settings)
        self.timeout = timeout
        self.memory: dict[str, Any] = {}

    def run(self) -> Result:
        context = Context(timeout=self.timeout, memory=dict(self.memory))
        (result,) = gathered(self.check.run(context))
        self.memory = context.memory
        return result

    def count(self) -> float:
        """Run; a log that is not there at this moment counts no lines."""
        return next((metric.value for metric in self.run().metrics if metric.name == "lines"), 0)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text("old ERR\n")
    return path


def append(path: Path, text: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(text.encode() if isinstance(text, str) else text)


def test_the_first_run_starts_at_the_end(log: Path) -> None:
    watcher = Watcher(log)
    assert watcher.run().summary == f"{log} is followed from its end on"
    assert watcher.count() == 0


def test_a_line_since_the_last_run_is_a_warning_once(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    append(log, "ERR disk\nfine\n")
    result = watcher.run()
    assert (result.status, result.summary) == (Status.WARNING, "1 line matches 'ERR' (warning from 1)")
    assert result.details == "ERR disk"
    assert watcher.run().status is Status.OK


def test_levels_count_the_lines_of_one_run(log: Path) -> None:
    watcher = Watcher(log, exclude=Regex("ERR 3$"), warning=NumberAbove.parse(2), critical=NumberAbove.parse(12))
    watcher.run()
    append(log, "".join(f"ERR {number}\n" for number in range(12)))
    result = watcher.run()
    assert (result.status, result.summary) == (Status.WARNING, "11 lines match 'ERR' (warning from 2)")
    assert result.details.splitlines()[:2] == ["the last 10:", "ERR 1"]
    append(log, "ERR\n" * 12)
    assert watcher.run().status is Status.CRITICAL


def test_a_line_that_did_not_come_can_be_bad(log: Path) -> None:
    watcher = Watcher(log, "finished", warning=None, critical=NumberAbove.parse("1:"))
    watcher.run()
    assert watcher.run().status is Status.CRITICAL


def test_half_a_line_waits_for_its_other_half(log: Path) -> None:
    watcher = Watcher(log, "ERR disk")
    watcher.run()
    append(log, "ERR d")
    assert [watcher.count(), watcher.count()] == [0, 0]
    append(log, "isk full\n")
    assert [watcher.count(), watcher.count()] == [1, 0]


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


def test_a_truncated_log_is_read_from_its_beginning(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    log.write_text("ERR\n")
    result = watcher.run()
    assert result.status is Status.WARNING
    lost = "the log was truncated, or what it was rotated to is compressed or gone"
    assert f"{lost}: lines written since the last run may be missing here" in result.details


def test_a_log_compressed_at_once_says_that_lines_may_be_missing(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    append(log, "ERR 1\n")
    log.with_suffix(".log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()
    log.with_suffix(".new").write_text("ERR 2\n")
    log.with_suffix(".new").rename(log)
    result = watcher.run()
    assert result.summary.startswith("1 line matches")
    assert "is compressed or gone" in result.details
    assert "missing" not in watcher.run().details


def test_a_log_written_anew_by_an_editor_goes_on_where_it_was(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    new = log.with_suffix(".swp")
    new.write_text(log.read_text() + "ERR 1\n")
    log.unlink()
    new.rename(log)
    assert [watcher.count(), watcher.count()] == [1, 0]


def test_a_log_that_is_missing_is_nodata_and_read_from_its_beginning_when_it_comes(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path / "app.log")
    assert [watcher.run().status, watcher.run().status] == [Status.NODATA, Status.NODATA]
    append(tmp_path / "app.log", "ERR\n")
    assert watcher.count() == 1


def test_a_log_between_two_files_is_still_read(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    append(log, "ERR 1\n")
    log.rename(log.with_suffix(".log.1"))
    assert watcher.run().status is Status.WARNING
    assert watcher.run().summary == f"{log} is not there"
    append(log, "ERR 2\n")
    assert [watcher.count(), watcher.count()] == [1, 0]


def test_a_link_to_the_log_of_the_day_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "current"
    (tmp_path / "app-01.log").write_text("x\n")
    link.symlink_to("app-01.log")
    watcher = Watcher(link)
    watcher.run()
    append(tmp_path / "app-01.log", "ERR 1\n")
    append(tmp_path / "app-02.log", "ERR 2\n")
    link.unlink()
    link.symlink_to("app-02.log")
    assert [watcher.count(), watcher.count()] == [2, 0]


def test_another_path_in_the_configuration_starts_anew(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    other = Watcher(log.with_name("other.log"))
    other.memory = watcher.memory
    append(log.with_name("other.log"), "ERR\n")
    assert "from its end on" in other.run().summary


def test_bytes_that_are_no_text_are_searched_and_shown(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    append(log, b"\xff\x00 ERR \x1b[31mred\r\n" + bytes(range(256)) + b"\n")
    result = watcher.run()
    assert result.summary.startswith("1 line matches")
    assert result.details == "\ufffd\ufffd ERR \ufffd[31mred"


def test_a_line_without_end_is_bounded(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    append(log, b"ERR" + b"x" * (2 * PIECE) + b"\nERR\n")
    result = watcher.run()
    assert result.summary.startswith("2 lines match")
    assert len(result.details) < 400


def test_a_hundred_thousand_lines_are_quick_work(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    append(
        log,
        "".join(f"2026-11-23 04:54:46 host app[{n}]: {'ERR' if n % 100 == 0 else 'INFO'} x\n" for n in range(100_000)),
    )
    began = time.process_time()
    assert watcher.count() == 1000
    assert time.process_time() - began < 1


def test_more_than_there_is_time_for_is_read_on_next_time(log: Path) -> None:
    take: list[bytes] = []
    first = follow(str(log), None, take.append, NEVER)
    append(log, ("x" * 99 + "\n") * 30_000)
    read = follow(str(log), first.files, take.append, time.monotonic())
    assert 0 < len(b"\n".join(take)) < PIECE
    assert read.unread == 3_000_000 - len(b"\n".join(take)) - 1
    read = follow(str(log), read.files, take.append, NEVER)
    assert (len(b"\n".join(take).split(b"\n")), read.unread) == (30_000, 0)


def test_what_is_no_file_or_may_not_be_read_is_nodata_and_does_not_wait(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    log.unlink()
    os.mkfifo(log)
    with pytest.raises(CheckError, match="is not a regular file"):
        watcher.run()
    log.unlink()
    log.mkdir()
    with pytest.raises(CheckError, match="is not a regular file"):
        watcher.run()
    with pytest.raises(CheckError, match="not a directory"):
        Watcher(Path("/etc/passwd/app.log")).run()


def test_a_writer_that_rotates_all_the_time_loses_no_line(log: Path) -> None:
    """A real race: runs at any moment of writing, renaming and reopening."""
    watcher, written, counted = Watcher(log), 3000, 0.0
    watcher.run()
    runs, ran = 0, threading.Condition()

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
                    begun = runs
                    ran.wait_for(lambda begun=begun: runs >= begun + 2, timeout=10)
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


class Host:
    """A folder with a log, its writer, and a reader; lines are numbered."""

    def __init__(self, folder: str) -> None:
        self.log = Path(folder) / "app.log"
        self.log.write_bytes(b"before the first run\n")
        self.writer: BinaryIO = self.log.open("ab", buffering=0)
        self.seen: Counter[int] = Counter()
        self.written = 0
        self.half = False
        self.files: list[Position] | None = None
        self.run()

    def append(self) -> None:
        self.half = False
        self.writer.write(b"<%d>\n" % self.written)
        self.written += 1

    def append_half(self) -> None:
        if not self.half:
            self.writer.write(b"begun, ")
        self.half = True

    def run(self) -> None:
        def take(block: bytes) -> None:
            self.seen.update(int(number) for number in re.findall(rb"<(\d+)>", block))

        self.files = follow(str(self.log), self.files, take, NEVER).files
        self.rotated = False
        self.told = self.files[-1].offset > 0

    def _shift(self) -> None:
        for number in range(8, 0, -1):
            if (old := self.log.with_name(f"app.log.{number}")).exists():
                old.rename(self.log.with_name(f"app.log.{number + 1}"))

    def rename(self) -> None:
        if self.log.exists():
            self._shift()
            self.log.rename(self.log.with_name("app.log.1"))
            self.rotated = True

    def reopen(self) -> None:
        self.writer.close()
        self.writer = self.log.open("ab", buffering=0)

    def copytruncate(self) -> None:
        if self.log.exists():
            self._shift()
            self.log.with_name("app.log.1").write_bytes(self.log.read_bytes())
            os.truncate(self.log, 0)
            self.rotated = True

    def compress(self) -> None:
        for old in self.log.parent.glob("app.log.[0-9]"):
            old.with_name(f"{old.name}.gz").write_bytes(gzip.compress(old.read_bytes()))
            old.unlink()

    def carefully(self, step: str) -> None:
        """Do what loses nothing: one rotation between two runs, and no copy of what no run has seen yet."""
        if step == "rename" and (self.rotated or not self.log.exists() or self.writing_to_old()):
            return
        if step == "copytruncate" and (self.rotated or self.half or not self.told or self.writing_to_old()):
            return
        if step == "append_half" and self.writing_to_old():
            return
        getattr(self, step)()

    def writing_to_old(self) -> bool:
        return not self.log.exists() or os.fstat(self.writer.fileno()).st_ino != self.log.stat().st_ino


STEPS = ["append", "append_half", "run", "rename", "reopen", "copytruncate"]


@given(st.lists(st.sampled_from([*STEPS, "compress"]), max_size=40))
def test_no_line_is_told_twice_whatever_is_rotated_when(steps: list[str]) -> None:
    with TemporaryDirectory() as folder:
        host = Host(folder)
        for step in [*steps, "run", "run"]:
            getattr(host, step)()
        host.writer.close()
    assert set(host.seen.values()) <= {1}
    assert set(host.seen) <= set(range(host.written))


@given(st.lists(st.sampled_from(STEPS), max_size=40))
def test_no_line_is_lost_unless_the_log_is_rotated_twice_between_runs(steps: list[str]) -> None:
    with TemporaryDirectory() as folder:
        host = Host(folder)
        for step in [*steps, "run", "run"]:
            host.carefully(step)
        host.writer.close()
    assert host.seen == Counter(range(host.written))


def test_settings_that_cannot_be_meant_are_problems() -> None:
    def problems(path: str) -> list[str]:
        return [setting for setting, _ in Log(path=path, pattern=Regex("x")).problems()]

    assert problems("log/syslog") == problems("/var/log/*.log") == ["path"]
    assert problems("/var/log/syslog") == []
