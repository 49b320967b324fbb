"""What the log check says of the lines that came since the last run, and of what is no log."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from agent.api import CheckError, NumberAbove, Regex, Status
from agent.testing import ran
from checks.log import Log
from checks.log.position import PIECE
from tests.checks.log.logs import Blocks, Watcher, append


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


def test_a_line_that_the_pattern_is_too_slow_for_is_passed_over_and_said(log: Path) -> None:
    watcher = Watcher(log, r"(a|aa)+$", timeout=20)
    watcher.run()
    append(log, "aa\n" + "a" * 3000 + "!\naa\n")
    result = watcher.run()
    assert result.status is Status.NODATA or result.status is Status.WARNING
    assert "passed over a line of up to 3001 characters: the pattern takes too long on them" in result.summary
    assert "2 lines match" in result.summary
    assert watcher.run().status is Status.OK


def test_where_every_line_is_too_slow_each_run_goes_on_behind_the_last(log: Path) -> None:
    watcher = Watcher(log, r"(a|aa)+$", timeout=0.9)
    watcher.run()
    append(log, ("a" * 3000 + "!\n") * 6)
    left = [next(metric.value for metric in watcher.run().metrics if metric.name == "unread") for _ in range(6)]
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
    assert watcher.run().status is Status.OK


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


@pytest.mark.parametrize(
    "path", ["/proc/kmsg", "/proc/meminfo", "/sys/kernel/uevent_seqnum", "/var/log/journal/x.journal"]
)
def test_what_looks_empty_for_ever_or_is_no_text_is_no_log(path: str, tmp_path: Path) -> None:
    assert [name for name, _ in Log(path=path, pattern=Regex("x")).problems()] == ["path"]
    link = tmp_path / "kern.log"
    link.symlink_to(path)
    if Path(path).exists():
        ran(Log(path=str(link), pattern=Regex("x"))).is_nodata("made by the kernel")


@pytest.mark.parametrize("text", [r"foo\nbar", r"ERR\r$", r"\d+\r", r"\nrest of", r"a\.b\n"])
def test_a_pattern_that_needs_the_end_of_a_line_is_refused(text: str) -> None:
    assert [name for name, _ in Log(path="/x", pattern=Regex(text)).problems()] == ["pattern"]
    assert [name for name, _ in Log(path="/x", pattern=Regex("x"), exclude=Regex(text)).problems()] == ["exclude"]


@pytest.mark.parametrize("text", [r"ERR\r?$", r"a|b\n", r"[\n]x", r"a(\n|$)", r"\\n", r"C:\\new", r"x\n*", "error$"])
def test_a_pattern_that_fits_without_the_end_of_a_line_is_not(text: str) -> None:
    assert not list(Log(path="/x", pattern=Regex(text)).problems())


def test_a_hole_of_a_writer_that_does_not_append_takes_no_time(log: Path) -> None:
    watcher = Watcher(log, timeout=2)
    watcher.run()
    with log.open("r+b") as file:
        file.truncate(0)
        file.seek(50 << 30)
        file.write(b"ERR behind the hole\n")
        file.flush()
        said = watcher.run()
        assert (said.status, said.details) == (Status.WARNING, "ERR behind the hole")
        assert "to be read" not in said.summary
        file.seek(20 << 30, os.SEEK_CUR)
        file.flush()
        file.write(b"\nERR behind the next\n")
    assert [watcher.count(), watcher.count()] == [1, 0]


def test_another_path_in_the_configuration_starts_anew(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    other = Watcher(log.with_name("other.log"))
    other.memory = watcher.memory
    append(log.with_name("other.log"), "ERR\n")
    assert "from its end on" in other.run().summary


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
    blocks = Blocks()
    first = blocks.follow(log, None)
    append(log, ("x" * 99 + "\n") * 30_000)
    blocks.until = time.monotonic() + 5
    read = blocks.follow(log, first.files, time.monotonic() + 4.9)
    blocks.until = 0
    assert 0 < len(b"".join(blocks.taken)) < PIECE
    assert read.unread == 3_000_000 - len(b"".join(blocks.taken))
    read = blocks.follow(log, read.files)
    assert (b"".join(blocks.taken).count(b"\n"), read.unread) == (30_000, 0)


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


def test_settings_that_cannot_be_meant_are_problems() -> None:
    def problems(path: str) -> list[str]:
        return [setting for setting, _ in Log(path=path, pattern=Regex("x")).problems()]

    assert problems("log/syslog") == problems("") == problems("/a\0b") == problems("/a/**/*.log") == ["path"]
    assert problems("/var/log/syslog") == problems("/var/log/*.log") == []
    odd = [*Log(path="/a", pattern=Regex("x"), encoding="klingon").problems()]
    assert odd == [
        ("encoding", "'klingon' is no encoding of a text that Python knows, write for example latin-1 or utf-16")
    ]
    for name in ["base64", "rot13", "zlib", "undefined", "hex", "\0", "a" * 1000]:
        assert [*Log(path="/a", pattern=Regex("x"), encoding=name).problems()], name
    for name in ["utf-8", "UTF16", "latin1", "cp1252", "gbk", "koi8-r", "utf_32", "iso2022_jp", "cp500"]:
        assert not [*Log(path="/a", pattern=Regex("x"), encoding=name).problems()], name
