"""Logs that are not there at one look, and were rotated already at the next one."""

from __future__ import annotations

import gzip
import os
import shutil
import time
from pathlib import Path
from typing import Any

from agent.api import Regex
from agent.testing import Ran, ran
from checks.log import Log

DAY = 86_400.0


class Watch:
    """The log check with its memory."""

    def __init__(self, path: Path | str) -> None:
        self.check = Log(path=str(path), pattern=Regex("ERROR"))
        self.memory: dict[str, Any] | None = None

    def run(self, now: float | None = None) -> Ran:
        run = ran(self.check, memory=self.memory, now=now)
        self.memory = run.memory
        return run

    def count(self, now: float | None = None) -> float:
        return next((metric.value for metric in self.run(now).result.metrics if metric.name == "lines"), 0)


def rotate(log: Path) -> None:
    """Write to a log, rotate it, write to it, rotate it, and write to it; the first one is compressed."""
    log.parent.mkdir(exist_ok=True)
    for name in (".2", ".1", ""):
        Path(f"{log}{name}").write_text(f"ERROR in what became {log}{name}\n")
    old = Path(f"{log}.2")
    Path(f"{old}.gz").write_bytes(gzip.compress(old.read_bytes()))
    os.utime(f"{old}.gz", ns=(old.stat().st_mtime_ns,) * 2)
    old.unlink()


def test_a_new_log_begins_with_what_was_rotated_away_of_it(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "*" / "app.log")
    watch.run().is_nodata("is not there")
    rotate(tmp_path / "one" / "app.log")
    assert watch.count() == 3
    rotate(tmp_path / "two" / "app.log")
    assert [watch.count(), watch.count()] == [3, 0]


def test_what_was_rotated_away_before_the_last_look_is_not_read(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "*" / "app.log")
    rotate(tmp_path / "one" / "app.log")
    (tmp_path / "one" / "app.log").unlink()
    watch.run(time.time() + 60).is_nodata("is not there")
    (tmp_path / "one" / "app.log").write_text("ERROR\n")
    assert [watch.count(time.time() + 61), watch.count(time.time() + 62)] == [1, 0]


def test_after_a_day_nobody_knows_what_of_a_new_log_is_new(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "*" / "app.log")
    watch.run(time.time() - DAY)
    rotate(tmp_path / "one" / "app.log")
    assert watch.count() == 1


def test_a_log_that_is_called_like_a_rotation_of_a_new_one_is_read_once(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "app*.log")
    (tmp_path / "app-1.log").write_text("ERROR before\n")
    watch.run().is_ok("is followed from its end on")
    with (tmp_path / "app-1.log").open("a") as file:
        file.write("ERROR\n")
    (tmp_path / "app.log").write_text("ERROR\n")
    assert [watch.count(), watch.count()] == [2, 0]


def test_what_cannot_be_unpacked_of_a_new_log_is_said(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "*" / "app.log")
    watch.run()
    rotate(tmp_path / "one" / "app.log")
    (tmp_path / "one" / "app.log.2.gz").rename(tmp_path / "one" / "app.log.2.zst")
    watch.run().is_warning("app.log.2.zst cannot be unpacked here: lines written since the last run may be missing")


def test_a_log_on_a_disk_that_is_mounted_later_is_read_without_its_old_rotations(tmp_path: Path) -> None:
    for path in (tmp_path / "*" / "app.log", tmp_path / "disk" / "app.log"):
        shutil.rmtree(tmp_path / "disk", ignore_errors=True)
        (tmp_path / "disk").mkdir()
        watch = Watch(path)
        watch.run().is_nodata("is not there")
        rotate(tmp_path / "disk" / "app.log")
        for old in (tmp_path / "disk").iterdir():
            os.utime(old, (time.time() - 100, time.time() - 100))
        assert [watch.count(), watch.count()] == [1, 0]


def test_one_log_that_is_not_there_yet_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    watch = Watch(log)
    (tmp_path / "app.log.1").write_text("ERROR of yesterday\n")
    watch.run().is_nodata("is not there")
    with (tmp_path / "app.log.1").open("a") as file:
        file.write("ERROR, from a writer that has not noticed\n")
    assert watch.count() == 1
    (tmp_path / "app.log.1").rename(tmp_path / "app.log.3")
    rotate(log)
    assert [watch.count(), watch.count()] == [3, 0]
