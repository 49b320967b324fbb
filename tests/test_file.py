"""The file check: on real files, folders, links and pipes."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from agent.api import CheckError, Context, DurationAbove, NumberAbove, Result, SizeAbove, Status
from agent.plugin.context import SharedWork
from agent.testing import ran
from checks.file import File, found


def look(path: Path | str, **settings: Any) -> Result:
    return ran(File(path=str(path), **settings), timeout=5).result


def write(path: Path, size: int = 1, age: float = 0.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_a_file_that_is_there_is_ok_and_measured(tmp_path: Path) -> None:
    result = look(write(tmp_path / "dump", 2048, 3600))
    assert (result.status, result.summary) == (Status.OK, str(tmp_path / "dump"))
    measured = {metric.name: metric.value for metric in result.metrics}
    assert measured == {"count": 1, "age": pytest.approx(3600, abs=60), "size": 2048}


def test_a_file_that_is_not_there_is_critical(tmp_path: Path) -> None:
    assert look(tmp_path / "dump").status is Status.CRITICAL
    assert look(tmp_path / "*.dump").summary == f"{tmp_path}/*.dump is not there"
    assert look(tmp_path / "no folder" / "dump").status is Status.CRITICAL
    assert look(write(tmp_path / "file") / "below").status is Status.CRITICAL


def test_a_link_that_leads_nowhere_is_said_to(tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(tmp_path / "gone")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert look(tmp_path / "current").summary.endswith("is not there, its link leads nowhere")
    assert look(tmp_path / "*", count_critical=NumberAbove.parse("2:2")).status is Status.OK


def test_a_file_that_must_not_be_there_is_critical_while_it_is(tmp_path: Path) -> None:
    assert look(tmp_path / "core*", expect="absent").status is Status.OK
    write(tmp_path / "core.1")
    result = look(tmp_path / "core*", expect="absent")
    assert (result.status, result.details) == (Status.CRITICAL, str(tmp_path / "core.1"))


def test_without_any_file_nothing_is_old_where_none_is_expected(tmp_path: Path) -> None:
    levels = {"age_critical": DurationAbove.parse("1h"), "count_critical": NumberAbove.parse("10")}
    assert look(tmp_path / "*", expect="any", **levels).status is Status.OK
    assert look(tmp_path / "*", expect="any", count_critical=NumberAbove.parse("3:")).status is Status.CRITICAL


@pytest.mark.parametrize(
    ("of", "said"), [("newest", "newest b 1h old"), ("oldest", "oldest a 2d 1h old"), ("largest", "largest c 1d old")]
)
def test_the_levels_are_for_the_file_that_of_names(of: str, said: str, tmp_path: Path) -> None:
    write(tmp_path / "a", 1, 49 * 3600 + 5)
    write(tmp_path / "b", 5, 3605)
    write(tmp_path / "c", 9, 86405)
    result = look(tmp_path / "*", of=of, age_warning=DurationAbove.parse("26h"))
    assert said in result.summary
    assert result.status is (Status.WARNING if of == "oldest" else Status.OK)


def test_too_small_too_old_and_too_few_are_all_said(tmp_path: Path) -> None:
    write(tmp_path / "a.dump", 100, 7200)
    result = look(
        tmp_path / "*.dump",
        age_warning=DurationAbove.parse("1h"),
        size_critical=SizeAbove.parse("1MiB:"),
        count_warning=NumberAbove.parse("7:"),
    )
    assert result.status is Status.CRITICAL
    assert result.summary == (
        "newest a.dump 100 B (critical range 1MiB:), "
        f"{tmp_path}/*.dump 1 file (warning range 7:), newest a.dump 2h old (warning from 1h)"
    )


def test_a_file_from_the_future_has_no_age(tmp_path: Path) -> None:
    write(tmp_path / "dump", age=-7200)
    assert look(tmp_path / "dump", age_warning=DurationAbove.parse("1h")).status is Status.NODATA
    assert look(tmp_path / "dump").status is Status.OK
    write(tmp_path / "dump", age=-5)
    assert look(tmp_path / "dump", age_warning=DurationAbove.parse("1h")).status is Status.OK


def test_wildcards_mean_files_not_folders_and_no_hidden_ones(tmp_path: Path) -> None:
    for name in ("a/1.log", "a/.2.log", "b/3.log", "a/deep/4.log", ".hidden/5.log", "6.log", "7.log/8"):
        write(tmp_path / name)
    counts = {pattern: found(f"{tmp_path}/{pattern}").count for pattern in ("*", "*/*.log", "a/.*", "**/*.log", "**")}
    # Like a shell's globstar, but `**` goes into hidden folders too: what grows there fills the disk as well.
    assert counts == {"*": 1, "*/*.log": 2, "a/.*": 1, "**/*.log": 5, "**": 6}
    assert found(f"{tmp_path}/**/deep/4.log").count == 1
    assert found(f"{tmp_path}/[ab]/?.log").count == 2


def test_a_link_in_a_circle_ends(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.log")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert found(f"{tmp_path}/**/*.log").count == 1


def test_too_many_names_are_no_answer(tmp_path: Path) -> None:
    for number in range(20):
        write(tmp_path / str(number))
    assert found(f"{tmp_path}/*", limit=20).count == 20
    with pytest.raises(CheckError, match="more than 19 names"):
        found(f"{tmp_path}/*", limit=19)


def test_a_pipe_without_a_writer_is_looked_at_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert look(tmp_path / "pipe").status is Status.OK


def test_a_name_that_is_no_text_can_be_told(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.dump")).write_bytes(b"")
    result = look(tmp_path / "*", age_warning=DurationAbove.parse("1h"))
    assert "newest \\udcff\\n.dump" in result.summary


def test_a_hung_mount_says_not_answering_and_is_not_asked_twice(tmp_path: Path) -> None:
    hang, shared = threading.Event(), SharedWork()
    stuck = shared.call(f"file {tmp_path}", hang.wait)
    with pytest.raises(CheckError, match="not answering"):
        list(File(path=str(tmp_path)).run(Context(timeout=0.1, shared=shared)))
    assert shared.call(f"file {tmp_path}", hang.wait) is stuck
    hang.set()


def test_settings_that_cannot_be_meant_are_problems() -> None:
    def problems(**settings: Any) -> list[str]:
        return [setting for setting, _ in File(**settings).problems()]

    assert problems(path="backup/*.dump") == ["path"]
    assert problems(path="/a/**/b/**") == ["path"]
    assert problems(path="/a", expect="absent", size_warning=SizeAbove.parse("1B")) == ["expect"]
    assert problems(path="/a/**/b", expect="any", size_warning=SizeAbove.parse("1B")) == []
