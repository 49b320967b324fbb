"""Lines longer than a piece that is read at once, in plain and compressed logs."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import time
import zlib
from pathlib import Path
from typing import Any

import pytest

from agent.api import Regex
from agent.testing import ran
from checks.log import Log
from checks.log.following import drive, follow
from checks.log.position import AGAIN, MARK, PIECE, Position


def counts(log: Path, *written: bytes, pattern: str = "ERROR", start: bytes = b"") -> list[float]:
    """Write to a log that is followed, and return how many lines each run found, and one more run."""
    check = Log(path=str(log), pattern=Regex(pattern))
    log.write_bytes(start)
    memory = ran(check).memory
    found = []
    for more in (*written, b""):
        with log.open("ab") as file:
            file.write(more)
        run = ran(check, memory=memory)
        memory = run.memory
        found.append(run.metrics["lines"].value)
    return found


@pytest.mark.parametrize("place", [PIECE - 6, PIECE - 4, PIECE - 1, PIECE, PIECE - AGAIN - 5, PIECE - AGAIN - 2])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b" and more\n"], ids=repr)
def test_what_stands_across_two_pieces_of_a_line_is_found_once(tmp_path: Path, place: int, end: bytes) -> None:
    assert counts(tmp_path / "log", b"x" * place + b"ERROR" + end) == [1, 0]


def test_a_piece_ends_where_a_letter_ends_in_each_encoding(tmp_path: Path) -> None:
    line, cases = "ü ERROR " + "x" * (PIECE - 20) + "üüüüüüüüüüüüüüüüüüüüüüüü", {}
    cases["utf-8"] = counts(tmp_path / "1", f"{line}\n".encode(), pattern="^ü ERROR")
    cases["odd utf-8"] = counts(tmp_path / "2", f"ü{line}\n".encode(), pattern="^üü ERROR")
    mark = "\ufeff".encode("utf-16-le")
    wide = "x" * (PIECE // 2 - 8) + "\N{PILE OF POO}" * 12 + "ERROR\n"
    cases["utf-16"] = counts(tmp_path / "3", wide.encode("utf-16-le"), pattern="x\N{PILE OF POO}{12}ERROR", start=mark)
    odd = f"y{wide}".encode("utf-16-le")
    cases["odd utf-16"] = counts(tmp_path / "4", odd, pattern="x\N{PILE OF POO}{12}ERROR", start=mark)
    assert {name: found for name, found in cases.items() if found != [1, 0]} == {}


def test_a_long_line_without_an_end_is_judged_to_its_last_letter_once(tmp_path: Path) -> None:
    assert counts(tmp_path / "log", b"x" * (PIECE - 2) + b"ERROR", b"", b" and its end\n") == [0, 1, 0, 0]


@pytest.mark.parametrize(("module", "ending"), [(gzip, "gz"), (bz2, "bz2"), (lzma, "xz")], ids=["gz", "bz2", "xz"])
def test_of_a_compressed_log_of_several_pieces_no_line_is_lost(tmp_path: Path, module: Any, ending: str) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"before\n")
    check = Log(path=str(log), pattern=Regex("ERROR"))
    memory = ran(check).memory
    number = 3 * PIECE // 1000
    text = b"".join(b"ERROR %d %s\n" % (at, b"x" * (900 + at % 97)) for at in range(number))
    text += b"x" * (PIECE + 1000) + b"ERROR" + b"\n"
    with log.open("ab") as file:
        file.write(text)
    changed = log.stat().st_mtime_ns
    packed = tmp_path / f"log.1.{ending}"
    packed.write_bytes(module.compress(log.read_bytes()))
    os.utime(packed, ns=(changed, changed))
    log.unlink()
    log.touch()
    run = ran(check, memory=memory)
    assert run.metrics["lines"].value == number + 1
    assert ran(check, memory=run.memory).metrics["lines"].value == 0


def test_a_compressed_log_that_takes_too_long_is_given_up_in_time_and_said(tmp_path: Path) -> None:
    log, packed = tmp_path / "log", tmp_path / "log.1.gz"
    log.touch()
    member, members = 64 * PIECE, 100  # as large as ten seconds of unpacking
    packed.write_bytes(gzip.compress(bytes(member), 1) * members)
    state = packed.stat()
    offset = (members - 1) * member
    mark = zlib.crc32(bytes(MARK))
    places = [
        Position(str(packed), state.st_ino, offset, mark, offset + 1, changed=state.st_mtime_ns + other_time)
        for other_time in (0, 1)
    ]
    for place in places:
        began = time.monotonic()
        steps = follow(str(log), [place, Position(str(log), log.stat().st_ino, changed=1)], began + 0.2)
        progress = drive(steps, lambda block: len(block.content), lambda step: step())
        assert time.monotonic() - began < 4
        assert progress.lost
        assert [Path(one.path).name for one in progress.files] == ["log"]
