"""Lines in any encoding, with any end and of any bytes are found, however the writer is interrupted."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.log.text import detect_encoding
from tests.checks.log.logs import Watcher, append


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


def test_bytes_that_are_no_text_are_searched_and_shown(log: Path) -> None:
    watcher = Watcher(log)
    watcher.run()
    append(log, b"\xff\x00 ERR \x1b[31mred\r\n" + bytes(range(256)) + b"\n")
    result = watcher.run()
    assert result.summary.startswith("1 line matches")
    assert result.details == "ÿ\ufffd ERR \ufffd[31mred"
