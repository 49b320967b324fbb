"""Several logs of one check, by wildcards and links: each line is counted once."""

from __future__ import annotations

import gzip
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.api import CheckError, Regex, Status
from agent.testing import ran
from checks.log import Log
from tests.checks.log.logs import Watcher, append
from tests.host import needs
from tests.host.closed import closed
from tests.host.kernel import mount, own_mounts


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
