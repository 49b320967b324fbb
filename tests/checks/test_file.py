"""The file check: on real files, folders, links and pipes."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import CheckError, Context, DurationAbove, NumberAbove, Result, SizeAbove, Status
from agent.plugin.context import SharedWork
from agent.plugin.results import gather
from agent.testing import ran
from checks.file import File
from checks.file.search import FileStatus, Findings, find
from tests.host.closed import closed


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


def test_a_link_that_leads_nowhere_is_there_where_nothing_may_be(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to("host:4711")
    for path in ("lock", "loc*"):
        assert look(tmp_path / path, expect="absent").status is Status.CRITICAL
    assert look(tmp_path / "lock", expect="any").status is Status.OK


@pytest.mark.parametrize("name", ["[x]/a", "report[1].txt", "a?b", "*", "[", "x[a-"])
def test_a_name_with_marks_of_a_wildcard_is_that_file_where_nothing_else_fits(name: str, tmp_path: Path) -> None:
    assert look(tmp_path / name, expect="absent").status is Status.OK
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    assert look(tmp_path / name, expect="absent").status is Status.CRITICAL
    assert look(tmp_path / name).status is Status.OK


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
    counts = {pattern: find(f"{tmp_path}/{pattern}").count for pattern in ("*", "*/*.log", "a/.*", "**/*.log", "**")}
    # Like a shell's globstar, but `**` goes into hidden folders too: what grows there fills the disk as well.
    assert counts == {"*": 1, "*/*.log": 2, "a/.*": 1, "**/*.log": 5, "**": 6}
    assert find(f"{tmp_path}/**/deep/4.log").count == 1
    assert find(f"{tmp_path}/[ab]/?.log").count == 2


def test_a_link_in_a_circle_ends(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.log")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert find(f"{tmp_path}/**/*.log").count == 1


def test_of_too_many_names_the_first_are_known(tmp_path: Path) -> None:
    for number in range(20):
        write(tmp_path / str(number))
    assert (find(f"{tmp_path}/*", limit=20).count, find(f"{tmp_path}/*", limit=20).looked_at) == (20, 0)
    assert (find(f"{tmp_path}/*", limit=19).count, find(f"{tmp_path}/*", limit=19).looked_at) == (19, 19)


def partial(folder: Path, **settings: Any) -> Result:
    """Judge a folder of 20 files, one a minute older and a byte bigger than the other, of which 10 names are seen."""
    if not list(folder.iterdir()):
        for number in range(20):
            write(folder / str(number), number + 1, 60.0 * number)
    check = File(path=f"{folder}/*", **settings)
    (result,) = gather(check.assess(find(check.path, limit=10), time.time()))
    return result


def test_what_is_known_of_too_many_names_is_told_whatever_the_rest_is(tmp_path: Path) -> None:
    crowd = partial(tmp_path, count_critical=NumberAbove.parse("5"))
    assert crowd.status is Status.CRITICAL
    assert "/* at least 10 files (critical from 5)" in crowd.summary
    assert partial(tmp_path, count_critical=NumberAbove.parse("3:")).status is Status.OK
    assert partial(tmp_path).status is Status.OK
    assert partial(tmp_path, expect="absent").status is Status.CRITICAL
    old = {"of": "oldest", "age_warning": DurationAbove.parse("1s")}
    assert partial(tmp_path, **old).status is Status.WARNING
    big = {"of": "largest", "size_critical": SizeAbove.parse("2B")}
    assert partial(tmp_path, **big).status is Status.CRITICAL


@pytest.mark.parametrize(
    "settings",
    [
        {"count_critical": NumberAbove.parse("10")},
        {"count_critical": NumberAbove.parse("15")},
        {"count_critical": NumberAbove.parse("12:")},
        {"count_warning": NumberAbove.parse("@5:12")},
        {"age_warning": DurationAbove.parse("1s")},
        {"of": "oldest", "age_warning": DurationAbove.parse("1h")},
        {"of": "largest", "size_critical": SizeAbove.parse("100B:")},
        {"size_critical": SizeAbove.parse("100B")},
    ],
)
def test_what_the_other_names_may_change_is_nodata(settings: dict[str, Any], tmp_path: Path) -> None:
    result = partial(tmp_path, **settings)
    sure = settings.get("count_critical") == NumberAbove.parse("10")
    assert result.status is (Status.CRITICAL if sure else Status.NODATA)
    if not sure:
        assert "more than 10 names: " in result.summary


def test_names_of_which_none_fits_so_far_are_no_proof_that_there_is_none(tmp_path: Path) -> None:
    for expect in ("present", "absent", "any"):
        check = File(path=f"{tmp_path}/*.dump", expect=expect)
        (result,) = gather(check.assess(Findings(looked_at=10), 0.0))
        assert result.status is Status.NODATA


@given(
    st.sampled_from(["count", "age", "size"]),
    st.sampled_from(["5", "15", "5:", "15:", "5:15", "@5:15", "~:12", "@~:12"]),
    st.sampled_from(["newest", "oldest", "largest"]),
    st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=20),
    st.integers(1, 20),
)
def test_a_part_never_says_ok_or_bad_where_the_whole_says_otherwise(
    what: str, text: str, of: Literal["newest", "oldest", "largest"], files: list[tuple[int, int]], limit: int
) -> None:
    """Each file is (age, size)."""
    kind = {"count": NumberAbove, "age": DurationAbove, "size": SizeAbove}[what]
    unit = {"count": "", "age": "s", "size": "B"}[what]
    level = kind.parse(re.sub(r"\d+", lambda number: number[0] + unit, text))
    levels: dict[str, Any] = {f"{what}_critical": level}
    check = File(path="/x/*", of=of, **levels)

    def assess(names: list[tuple[int, int]], looked_at: int) -> Status:
        seen = Findings()
        for age, size in names:
            seen = seen.with_file(FileStatus("/x/a", 1000.0 - age, size))
        (result,) = gather(check.assess(msgspec.structs.replace(seen, looked_at=looked_at), 1000.0))
        return result.status

    part = assess(files[:limit], limit)
    assert part in (Status.NODATA, assess(files, 0))


def bound(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


KINDS: dict[str, Callable[[Path], object]] = {
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "socket": bound,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_path_that_is_something_else_than_a_file_says_so(kind: str, tmp_path: Path) -> None:
    KINDS[kind](tmp_path / "x")
    assert look(tmp_path / "x").summary == f"{tmp_path}/x (a {kind})"
    assert look(tmp_path / "x").status is Status.OK
    assert look(tmp_path / "x", size_critical=SizeAbove.parse("1MiB:")).status is Status.NODATA
    assert look(tmp_path / "x", expect="absent").status is Status.CRITICAL
    aged = look(tmp_path / "x", age_warning=DurationAbove.parse("1ms:"))
    assert (aged.status, f"the {kind} itself " in aged.summary) == (Status.OK, True)


def test_a_folder_s_size_and_count_are_never_taken_for_those_of_its_files(tmp_path: Path) -> None:
    for settings in ({"count_critical": NumberAbove.parse("1000")}, {"size_warning": SizeAbove.parse("1MiB")}):
        result = look(tmp_path, **settings)
        assert (result.status, "it is a folder" in result.summary) == (Status.NODATA, True)
    assert "size" not in {metric.name for metric in look(tmp_path).metrics}


def test_a_pipe_without_a_writer_is_looked_at_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert look(tmp_path / "pipe").status is Status.OK


def test_a_name_that_is_no_text_can_be_told(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.dump")).write_bytes(b"")
    result = look(tmp_path / "*", age_warning=DurationAbove.parse("1h"))
    assert "newest \\udcff\\n.dump" in result.summary


@pytest.mark.parametrize("pattern", ["*/x", "**/x", "*/*"])
def test_a_folder_that_may_not_be_read_hides_only_what_is_in_it(pattern: str, open_folder: Path) -> None:
    for name in ("closed", "open", "zz"):
        (open_folder / name).mkdir()
    path, said = str(open_folder / pattern), "closed: permission denied, so that whether there is one is not known"
    with closed(open_folder / "closed"):
        for expect in ("present", "absent"):
            unsure = look(path, expect=expect)
            assert (unsure.status, said in unsure.summary.replace("/x:", ":")) == (Status.NODATA, True), unsure.summary
    (open_folder / "zz" / "x").touch()
    with closed(open_folder / "closed"):
        assert look(path, expect="absent").status is Status.CRITICAL
        assert look(path).summary.endswith("at least 1 file")
        assert look(path, count_warning=NumberAbove.parse("5")).status is Status.NODATA, "there may be more"
        assert look(path, count_warning=NumberAbove.parse("1")).status is Status.WARNING
    assert look(path).summary.endswith(f"{pattern} 1 file")


@pytest.mark.parametrize("name", ["x", "deep/er/x", "*"])
@pytest.mark.parametrize("expect", ["present", "absent"])
def test_what_a_sandbox_hides_also_from_root_is_not_known(name: str, expect: str, tmp_path: Path) -> None:
    """systemd lays an empty folder that nobody may enter over /home (ProtectHome) and what else is inaccessible."""
    (tmp_path / "home").mkdir(mode=0)
    try:
        result = look(tmp_path / "home" / name, expect=expect)
        assert (result.status, "permission denied" in result.summary) == (Status.NODATA, True), result.summary
    except CheckError as error:
        assert "permission denied" in str(error)
    (tmp_path / "home").chmod(0o700)
    assert look(tmp_path / "home" / name, expect=expect).status in (Status.CRITICAL, Status.OK)


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
    assert problems(path="/a/{x,y}.dump") == ["path"]
    assert problems(path="/a/{x}.dump") == problems(path="/a/[{]x,y}.dump") == []
    assert problems(path="/a", expect="absent", size_warning=SizeAbove.parse("1B")) == ["expect"]
    assert problems(path="/a/**/b", expect="any", size_warning=SizeAbove.parse("1B")) == []
