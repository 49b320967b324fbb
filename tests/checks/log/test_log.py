"""The log check: on real files that grow, are renamed, copied and truncated, compressed, and lied about."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.api import CheckError, Context, NumberAbove, Regex, Result, Status
from agent.plugin.results import gather
from agent.testing import ran
from checks.log import Log
from checks.log.beside import is_rotation
from checks.log.following import Block, Progress, drive, follow
from checks.log.position import PIECE, Position
from checks.log.text import detect_encoding
from tests import needs
from tests.closed import closed
from tests.examples import examples
from tests.kernel import mount, own_mounts

NEVER = float("inf")


class Blocks:
    """Takes what is read as it is; a line without end is counted if it has what is looked for."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.until = 0.0
        """Each block takes until then."""

    def judge(self, block: Block) -> int:
        time.sleep(max(0.0, self.until - time.monotonic()))
        if not block.unfinished:
            self.taken.append(block.content.partition(b"\n")[2] if block.counted else block.content)
            return len(block.content)
        if b"<" in block.content:
            self.taken.append(block.content)
        return b"<" in block.content

    def follow(self, log: Path, last: list[Position] | None, until: float = NEVER) -> Progress:
        return drive(follow(str(log), last, until), self.judge, lambda step: step())


class Watcher:
    """A log check with its memory between runs, as the runner keeps it."""

    def __init__(self, path: Path, pattern: str = "ERR", timeout: float = 5.0, **settings: Any) -> None:
        self.check = Log(path=str(path), pattern=Regex(pattern), **settings)
        self.timeout = timeout
        self.memory: dict[str, Any] = {}

    def run(self) -> Result:
        context = Context(timeout=self.timeout, memory=dict(self.memory))
        (result,) = gather(self.check.run(context))
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


@pytest.mark.parametrize(
    ("encoding", "raw", "pattern", "expected"),
    [
        ("", "Zugriff verweigert für root\n".encode("latin-1"), "für", 1),
        ("", "für\n".encode() + "für\n".encode("cp1252") + "für\n".encode(), "^für$", 3),
        ("", b"job failed\r\n", "failed$", 1),
        ("", b"10 %\r20 %\rERR\rfine\r\n", "^ERR$", 1),
        ("", b"a\rERR\rb\rERR\rc\n", "^ERR$", 2),
        ("", b"\0" * 5000 + b"ERR disk\n", "^ERR", 1),
        ("latin-1", "für\n".encode("latin-1"), "^für$", 1),
        ("utf-16-le", "für\r\nĊ ਊ\nfür\n".encode("utf-16-le"), "^für$", 2),
        ("utf-16-be", "für\nĊ\n".encode("utf-16-be"), "^Ċ$", 1),
        ("shift_jis", "エラー\n".encode("shift_jis"), "^エラー$", 1),
        ("cp037", "ERR\nfine\n".encode("cp037"), "^ERR$", 1),
    ],
)
def test_lines_in_any_encoding_with_any_end_are_found(
    tmp_path: Path, encoding: str, raw: bytes, pattern: str, expected: int
) -> None:
    (tmp_path / "app.log").touch()
    watcher = Watcher(tmp_path / "app.log", pattern, encoding=encoding)
    watcher.run()
    append(tmp_path / "app.log", raw)
    assert [watcher.count(), watcher.count()] == [expected, 0]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_the_first_bytes_of_a_log_tell_its_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "app.log").write_bytes("ERR für\n".encode(encoding))
    old, new = Watcher(tmp_path / "app.log", "^ERR für$"), Watcher(tmp_path / "none.log", "^ERR für$")
    old.run()
    new.run()
    append(tmp_path / "app.log", "ERR für\n".encode(encoding)[len("".encode(encoding)) :])
    (tmp_path / "none.log").write_bytes((tmp_path / "app.log").read_bytes())
    assert [old.count(), new.count()] == [1, 2]


@given(st.lists(st.sampled_from(["ERR", "x", "ü", "\n", "\r\n", "\r", "\0ERR"]), max_size=30), st.data())
def test_the_same_lines_are_counted_however_the_writer_is_interrupted(pieces: list[str], data: st.DataObject) -> None:
    raw = "".join(pieces).encode()
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=4).map(sorted))
    with TemporaryDirectory() as folder:
        log = Path(folder) / "app.log"
        log.touch()
        watcher = Watcher(log, "ERR")
        watcher.run()
        counted = 0.0
        for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
            append(log, raw[start:end])
            counted += watcher.count()
        counted += watcher.count() + watcher.count()
    assert counted == sum("ERR" in line for line in re.split("[\r\n]", "".join(pieces)))


def test_what_follows_last_words_that_were_counted_is_counted_too(log: Path) -> None:
    for end, more in (("\r", 1), ("", 0)):
        watcher = Watcher(log, "ERR")
        watcher.run()
        counts = []
        for text in ("ERR 1", "", f"{end}ERR 2\n", ""):
            append(log, text.encode())
            counts.append(watcher.count())
        assert counts == [0, 1, more, 0], repr(end)


def test_last_words_without_an_end_count_once_they_have_not_grown_for_a_run(log: Path) -> None:
    watcher = Watcher(log, "FATAL")
    watcher.run()
    append(log, "FATAL: cannot go on")
    assert [watcher.count() for _ in range(4)] == [0, 1, 0, 0]
    append(log, ", really\nFATAL\n")
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


def test_all_logs_that_match_are_followed_each_day_s_too(tmp_path: Path) -> None:
    append(tmp_path / "app-2026-11-25.log", "ERR old\n")
    watcher = Watcher(tmp_path / "app-*.log")
    assert "is followed from its end on" in watcher.run().summary
    append(tmp_path / "app-2026-11-25.log", "ERR 1\n")
    append(tmp_path / "app-2026-11-26.log", "ERR 2\n")
    result = watcher.run()
    assert result.summary == "2 lines match 'ERR' (warning from 1)"
    assert result.details == "app-2026-11-25.log: ERR 1\napp-2026-11-26.log: ERR 2"
    append(tmp_path / "app-2026-11-25.log", "ERR 3\n")
    packed = tmp_path / "app-2026-11-25.log.gz"
    packed.write_bytes(gzip.compress((tmp_path / "app-2026-11-25.log").read_bytes()))
    (tmp_path / "app-2026-11-25.log").unlink()
    assert [watcher.run().summary, watcher.count()] == ["1 line matches 'ERR' (warning from 1)", 0]
    assert list(watcher.memory["logs"]) == [str(tmp_path / "app-2026-11-26.log")]


def test_a_removed_log_is_lines_missing_only_if_it_was_just_written_to(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path / "*.log")
    for name, age in [("a.log", 0), ("b.log", 7200), ("c.log", 0)]:
        append(tmp_path / name, "x\n")
        os.utime(tmp_path / name, (time.time() - age, time.time() - age))
    watcher.run()
    (tmp_path / "b.log").unlink()
    assert watcher.run().status is Status.OK
    (tmp_path / "a.log").unlink()
    result = watcher.run()
    assert (result.status, "a.log: the log was truncated" in result.summary) == (Status.NODATA, True)
    assert watcher.run().status is Status.OK
    (tmp_path / "c.log").unlink()
    watcher.run()
    assert watcher.run().summary == f"{tmp_path}/*.log is not there"


def test_one_log_that_cannot_be_read_keeps_nobody_from_the_others(tmp_path: Path) -> None:
    needs.root()
    append(tmp_path / "a.log", "x\n")
    append(tmp_path / "b.txt", "x\n")
    (tmp_path / "c.log").symlink_to("b.txt")
    os.lchown(tmp_path / "c.log", 5, 5)
    watcher = Watcher(tmp_path / "*.log")
    watcher.run()
    append(tmp_path / "a.log", "ERR\n")
    result = watcher.run()
    assert result.status is Status.WARNING
    assert f"{tmp_path}/c.log: is led to by a link of user 5" in result.summary
    assert "1 line matches" in result.summary


def test_a_folder_that_may_not_be_read_is_said_and_hides_no_other_log(open_folder: Path) -> None:
    for name in ("closed", "open"):
        (open_folder / name).mkdir()
        (open_folder / name / "a.log").write_text("x\n")
    watcher = Watcher(open_folder / "*" / "a.log")
    with closed(open_folder / "closed"):
        assert "closed/a.log: permission denied" in watcher.run().summary
    append(open_folder / "open" / "a.log", "ERR\n")
    with closed(open_folder / "closed"):
        said = watcher.run()
    assert (said.status, "closed/a.log: permission denied" in said.summary) == (Status.WARNING, True)


def test_more_logs_than_can_be_followed_is_nodata(tmp_path: Path) -> None:
    for number in range(201):
        (tmp_path / f"{number}x.log").touch()
    watcher = Watcher(tmp_path / "*.log")
    said = watcher.run()
    assert (said.status, "201 logs match" in said.summary) == (Status.NODATA, True)
    (tmp_path / "0.log").touch()
    append(tmp_path / "100x.log", "ERR\n")
    said = watcher.run()
    assert (said.status, "202 logs match" in said.summary) == (Status.WARNING, True), "the known ones are still judged"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "rename a", "rename b", "pack", "run"]), max_size=25))
def test_of_several_logs_each_line_is_counted_once_whatever_is_rotated(steps: list[str]) -> None:
    with TemporaryDirectory() as folder:
        watcher, clock, written, counted = Watcher(Path(folder) / "*"), 1_700_000_000, 0, 0.0
        for name in "ab":
            (Path(folder) / f"{name}.log").touch()
            os.utime(Path(folder) / f"{name}.log", (clock, clock))
        watcher.run()
        for number, step in enumerate([*steps, "run", "run"]):
            clock += 1
            log = Path(folder) / f"{step[-1]}.log"
            if step in ("a", "b"):
                append(log, f"ERR {number}\n")
                written += 1
            elif step.startswith("rename"):
                log.rename(log.with_name(f"{log.name}-{clock}"))
                log.touch()
            elif step == "pack":
                for old in Path(folder).glob("*.log-*[0-9]"):
                    time_of = old.stat().st_mtime_ns
                    old.with_name(f"{old.name}.gz").write_bytes(gzip.compress(old.read_bytes()))
                    os.utime(old.with_name(f"{old.name}.gz"), ns=(time_of, time_of))
                    old.unlink()
            else:
                result = watcher.run()
                assert "missing" not in result.summary
                counted += next((metric.value for metric in result.metrics if metric.name == "lines"), 0)
            if log.exists() and step != "pack":
                os.utime(log, (clock, clock))
    assert counted == written


def test_only_links_of_root_of_us_and_of_the_log_s_owner_are_followed(tmp_path: Path) -> None:
    needs.root()
    tmp_path.chmod(0o755)
    secret = tmp_path / "secret.log"
    secret.write_text("ERR\n")
    (tmp_path / "games").mkdir()
    for place, owner, follows in [("app.log", 5, False), ("root.log", 0, True), ("folder", 5, False)]:
        link = tmp_path / "games" / place
        link.symlink_to(tmp_path if place == "folder" else secret)
        os.lchown(link, owner, owner)
        watcher = Watcher(link / "secret.log" if place == "folder" else link)
        if follows:
            assert watcher.run().status is Status.OK
        else:
            with pytest.raises(CheckError, match=f"is led to by a link of user 5, who does not own {secret}"):
                watcher.run()
    os.chown(secret, 5, 5)
    assert Watcher(tmp_path / "games" / "app.log").run().status is Status.OK


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


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", "a>b", "b>c", "c>a", "b>a", "a<>b", "run"]), max_size=25))
@example(["a", "run", "a>b", "b", "run", "a", "run"])
@example(["a", "b", "run", "a<>b", "a", "b", "run", "a<>b", "a", "run"])
def test_a_log_that_gets_the_name_of_another_goes_on_there(steps: list[str]) -> None:
    with TemporaryDirectory() as folder:
        watcher, written, counted = Watcher(Path(folder) / "*.log"), 0, 0.0
        watcher.run()
        for number, step in enumerate([*steps, "run", "run"]):
            first, last = Path(folder) / f"{step[0]}.log", Path(folder) / f"{step[-1]}.log"
            if step == "run":
                counted += watcher.count()
            elif len(step) == 1:
                append(first, f"ERR {number}\n")
                written += 1
            elif first.exists() and not last.exists():
                first.rename(last)
            elif step == "a<>b" and first.exists():
                for old, new in ((first, "x"), (last, "a.log"), (Path(folder) / "x", "b.log")):
                    old.rename(Path(folder) / new)
    assert counted == written


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


def test_a_link_that_leads_back_to_a_log_goes_on_where_it_was_read(tmp_path: Path) -> None:
    link = tmp_path / "current"
    (tmp_path / "blue.log").write_text("ERR long ago\n" * 50)
    link.symlink_to("blue.log")
    watcher = Watcher(link)
    watcher.run()
    for number, name in enumerate(("green", "blue", "green", "green", "blue")):
        append(tmp_path / f"{name}.log", f"ERR {number}\n")
        link.unlink()
        link.symlink_to(f"{name}.log")
        assert (number, watcher.count()) == (number, 1)


def test_logs_of_one_inode_and_content_on_two_file_systems_stay_two(tmp_path: Path) -> None:
    needs.root()
    with own_mounts():
        for name in "ab":
            (mount("tmpfs", tmp_path / name, "tmpfs") / "app.log").write_text("ERR of the start\n" * 30)
        assert len({(tmp_path / name / "app.log").stat().st_ino for name in "ab"}) == 1
        watcher = Watcher(tmp_path / "*" / "app.log")
        watcher.run()
        for name in "ab":
            append(tmp_path / name / "app.log", "ERR\n")
            assert watcher.count() == 1


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


def test_logs_that_a_link_led_to_between_two_runs_are_read_in_their_order(tmp_path: Path) -> None:
    link = tmp_path / "current"
    for day in ("2026-11-09", "2026-11-13", "other-1"):
        (tmp_path / f"{day}.txt").write_text("ERR of another time\n")
    (tmp_path / "2026-11-10.txt").write_text("x\n")
    link.symlink_to("2026-11-10.txt")
    watcher = Watcher(link)
    watcher.run()
    for day in ("12", "11"):
        append(tmp_path / f"2026-11-{day}.txt", f"ERR {day}\n")
    link.unlink()
    link.symlink_to("2026-11-12.txt")
    assert watcher.run().details == "ERR 11\nERR 12"
    assert watcher.count() == 0


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


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_told_by_its_zeros(tmp_path: Path, encoding: str) -> None:
    log = tmp_path / "app.log"
    for begun in ("", "begin of it\n"):
        log.write_text(begun, encoding=encoding)
        watcher = Watcher(log, "ERR ü")
        watcher.run()
        append(log, "a line\nERR ü\n".encode(encoding))
        assert watcher.count() == 1
    for other in (b"\0" * 64, b"ERR\0ERR\n", b"a\0b\0", "日本語の行です\n".encode(encoding)):
        assert detect_encoding(other) == ""


def test_a_log_of_several_names_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    (tmp_path / "current").symlink_to("v1")
    day = tmp_path / "v1" / "2026-11-25.log"
    day.write_text("x\n")
    (tmp_path / "v1" / "today.log").symlink_to(day.name)
    (tmp_path / "v1" / "zz.log").hardlink_to(day)
    watcher = Watcher(tmp_path / "*" / "*.log")
    watcher.run()
    append(day, "ERR\n")
    assert [watcher.count(), watcher.count()] == [1, 0]
    tomorrow = day.with_name("2026-11-26.log")
    append(tomorrow, "ERR\n")
    (tmp_path / "v1" / "today.log").unlink()
    (tmp_path / "v1" / "today.log").symlink_to(tomorrow.name)
    (tmp_path / "v1" / "00.log").hardlink_to(day)
    assert [watcher.count(), watcher.count()] == [1, 0]
    append(tomorrow, "ERR\n")
    append(day, "ERR\n")
    assert watcher.count() == 2


def test_names_that_are_no_text_are_remembered(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(b"app-\xff.log"))
    log, other = tmp_path / odd, tmp_path / "app.log"
    log.write_text("x\n"), other.write_text("many letters\n" * 30)
    pattern = Regex("ERR")
    several, one = Log(path=str(tmp_path / "*.log"), pattern=pattern), Log(path=str(other), pattern=pattern)
    first = [ran(check).is_ok() for check in (several, one)]
    append(log, "ERR\n"), append(other, "ERR\n")
    other.rename(tmp_path / os.fsdecode(b"\xfe.1"))
    other.write_text("")
    found = [ran(check, memory=before.memory) for check, before in zip((several, one), first, strict=True)]
    assert [seen.result.metrics[0].value for seen in found] == [2, 1]
    for check, seen in zip((several, one), found, strict=True):
        ran(check, memory=seen.memory).is_ok("0 lines")


def test_a_log_whose_name_has_marks_of_a_wildcard_is_found_where_nothing_else_fits(tmp_path: Path) -> None:
    log = tmp_path / "app[1].log"
    log.write_text("x\n")
    watcher = Watcher(log)
    watcher.run()
    append(log, "ERR\n")
    assert watcher.count() == 1


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
    assert result.details == "ÿ\ufffd ERR \ufffd[31mred"


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


class Host:
    """A folder with a log, its writer, and a reader; lines are numbered. Files have the times of a clock of its own,

    which may stand still: file systems know some milliseconds, or two seconds, and no more.
    """

    def __init__(self, folder: str) -> None:
        self.log = Path(folder) / "app.log"
        self.log.write_bytes(b"before the first run\n")
        self.writer: BinaryIO = self.log.open("ab", buffering=0)
        self.seen: Counter[int] = Counter()
        self.lost = ""
        self.written = 0
        self.half = False
        self.files: list[Position] | None = None
        self.clock, self.still = 1_700_000_000, False
        self.tick(self.log)
        self.run()

    def tick(self, file: Path | int) -> None:
        self.clock += not self.still
        os.utime(file, (self.clock, self.clock))

    def stop_or_go(self) -> None:
        self.still = not self.still

    def append(self) -> None:
        self.half = False
        self.writer.write(b"<%d>\n" % self.written)
        self.tick(self.writer.fileno())
        self.written += 1

    def append_half(self) -> None:
        if not self.half:
            self.writer.write(b"begun, ")
            self.tick(self.writer.fileno())
        self.half = True

    def run(self) -> None:
        blocks = Blocks()
        found = blocks.follow(self.log, self.files)
        self.files, self.lost = found.files, self.lost or found.lost
        self.seen.update(int(number) for number in re.findall(rb"<(\d+)>", b"".join(blocks.taken)))
        self.told = self.files[-1].offset > 0

    def _shift(self) -> None:
        for number in range(50, 0, -1):
            for end in ("", ".gz"):
                if (old := self.log.with_name(f"app.log.{number}{end}")).exists():
                    old.rename(self.log.with_name(f"app.log.{number + 1}{end}"))

    def rename(self) -> None:
        if self.log.exists():
            self._shift()
            self.log.rename(self.log.with_name("app.log.1"))

    def reopen(self) -> None:
        self.writer.close()
        fresh = not self.log.exists()
        self.writer = self.log.open("ab", buffering=0)
        if fresh:
            self.half = False
            self.tick(self.log)

    def copytruncate(self) -> None:
        if self.log.exists():
            self._shift()
            self.log.with_name("app.log.1").write_bytes(self.log.read_bytes())
            self.tick(self.log.with_name("app.log.1"))
            os.truncate(self.log, 0)
            self.tick(self.log)
            self.told = False

    def compress(self) -> None:
        for old in self.log.parent.glob("app.log.*[0-9]"):
            packed = old.with_name(f"{old.name}.gz")
            packed.write_bytes(gzip.compress(old.read_bytes()))
            os.utime(packed, ns=(old.stat().st_mtime_ns, old.stat().st_mtime_ns))
            old.unlink()

    def carefully(self, step: str) -> None:
        """Do what loses nothing: no copy of what no run has seen yet, and no packing of what is still written to."""
        if step == "rename" and (not self.log.exists() or self.writing_to_old()):
            return
        if step == "copytruncate" and (self.half or not self.told or self.writing_to_old()):
            return
        if step in ("append_half", "compress") and self.writing_to_old():
            return
        getattr(self, step)()

    def writing_to_old(self) -> bool:
        return not self.log.exists() or os.fstat(self.writer.fileno()).st_ino != self.log.stat().st_ino


STEPS = st.lists(
    st.sampled_from(["append", "append_half", "run", "rename", "reopen", "copytruncate", "compress", "stop_or_go"]),
    max_size=40,
)


@given(STEPS)
def test_no_line_is_told_twice_whatever_is_rotated_when(steps: list[str]) -> None:
    with TemporaryDirectory() as folder:
        host = Host(folder)
        for step in [*steps, "run", "run"]:
            getattr(host, step)()
        host.writer.close()
    assert set(host.seen.values()) <= {1}
    assert set(host.seen) <= set(range(host.written))


@examples(50)
@given(STEPS)
def test_no_line_is_lost_however_often_the_log_is_rotated_and_compressed_between_runs(steps: list[str]) -> None:
    with TemporaryDirectory() as folder:
        host = Host(folder)
        for step in [*steps, "run", "run"]:
            host.carefully(step)
        host.writer.close()
    assert host.seen == Counter(range(host.written))
    assert not host.lost, "and nothing is said where nothing is lost"


EQUAL_TIMES = (
    ["append", "run", "rename", "reopen", "append", "rename", "reopen"],
    ["rename", "reopen", "append", "rename", "reopen"],
    ["rename", "reopen", "append", "rename", "reopen", "compress"],
    ["append", "rename", "reopen", "compress", "run", "append", "rename", "reopen", "compress", "run"],
    ["append", "copytruncate", "run", "append", "run", "copytruncate", "append", "rename", "reopen"],
    ["append", "rename", "reopen", "run"] * 12,
)


@pytest.mark.parametrize("steps", EQUAL_TIMES)
def test_files_that_all_have_the_same_time_are_read_once(steps: list[str], tmp_path: Path) -> None:
    host = Host(str(tmp_path))
    host.still = True
    for step in [*steps, "run", "run"]:
        host.carefully(step)
    host.writer.close()
    assert host.seen == Counter(range(host.written))
    assert not host.lost


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
