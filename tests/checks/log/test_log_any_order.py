"""Whatever a writer does in any order between two runs: no line is told twice, and none is lost."""

from __future__ import annotations

import gzip
import os
import re
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.log.position import Position
from tests.checks.log.logs import Blocks
from tests.examples import examples


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
