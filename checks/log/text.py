"""From the bytes of a log to its lines, whichever way it is encoded and its lines are ended. Pure."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

BOMS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
BEGINNING = 64
"""So many bytes at the beginning of a log tell its encoding."""
WITHOUT_MARK = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}


def encoding_problem(name: str) -> str:
    """Say what is wrong with the name of an encoding, or nothing."""
    try:
        if Lines(_codec_name(name)).split(_encode("x\n", _codec_name(name))) == ["x"]:
            return ""
    except (LookupError, ValueError, TypeError, AssertionError):
        pass
    return f"{name!r} is no encoding of a text that Python knows, write for example latin-1 or utf-16"


def detect_encoding(beginning: bytes) -> str:
    """Return the encoding that the first bytes of a file tell, if they tell one: by a mark, or by their zeros."""
    return next((name for mark, name in BOMS.items() if beginning.startswith(mark)), _by_zeros(beginning[:BEGINNING]))


def _by_zeros(beginning: bytes) -> str:
    """Tell UTF-16 without a mark by Latin letters, each of which is half a zero."""
    first, second = beginning[0::2], beginning[1::2]
    if len(second) > 3 and all(first) and not any(second):
        return "utf-16-le"
    return "utf-16-be" if len(second) > 3 and all(second) and not any(first) else ""


def choose_encoding(marked: str, configured: str) -> str:
    """Return the encoding to read with; "" is UTF-8, and Windows-1252 for lines that are not."""
    configured = _codec_name(configured) if configured else ""
    if marked not in ("", "utf-8") and marked.startswith(configured):
        return marked
    return WITHOUT_MARK.get(configured, configured)


def _codec_name(name: str) -> str:
    return codecs.lookup(name).name


class Lines:
    """How the lines of one file are ended and written."""

    def __init__(self, encoding: str = "") -> None:
        self._encoding = encoding
        self._end = _encode("\n", encoding or "utf-8")
        self._back = _encode("\r", encoding or "utf-8")
        self.width = len(self._end)
        """Bytes that a character has at least."""

    def whole(self, piece: bytes) -> int:
        """Return how many bytes the whole lines at the beginning of the piece have, with their ends.

        A carriage return alone ends a line as well, but at the very end of the piece a line feed may still follow it.
        """
        end = self._after_last(piece, self._end, len(piece))
        return max(end, self._after_last(piece, self._back, len(piece) - self.width))

    def _after_last(self, piece: bytes, mark: bytes, stop: int) -> int:
        at = piece.rfind(mark, 0, max(0, stop))
        while at % self.width and at >= 0:
            at = piece.rfind(mark, 0, at + self.width - 1)
        return at + self.width if at >= 0 else 0

    def whole_letters(self, piece: bytes, most: int) -> int:
        """Return how many bytes, at most so many, end where a letter ends; of UTF-8 and UTF-16, others have no sign."""
        at = most - 4
        if self._encoding in ("", "utf-8"):
            return next((place for place in range(at, at - 4, -1) if piece[place] & 0xC0 != 0x80), at)
        if self._encoding.startswith("utf-16"):
            high = piece[at + 1 if self._encoding.endswith("le") else at]
            return at - 2 if 0xDC <= high <= 0xDF else at
        return at

    def split(self, block: bytes) -> list[str]:
        """Return the lines of a block, each up to its line feed; carriage returns are still in them."""
        lines = self._decode(block).split("\n")
        if not lines[-1]:
            lines.pop()
        return lines

    def size(self, block: bytes, count: int) -> int:
        """Return how many bytes the first `count` lines of the block have."""
        if self.width > 1:
            lines = self.split(block)[:count]
            return min(len(block), sum(len(_encode(line, self._encoding)) + self.width for line in lines))
        at = 0
        for _ in range(count):
            at = block.find(self._end, at) + 1 or len(block)
        return at

    def _decode(self, block: bytes) -> str:
        if self._encoding:
            return block.decode(self._encoding, "replace")
        try:
            return block.decode()
        except UnicodeDecodeError:
            return "\n".join(map(decode_line, block.split(b"\n")))


def decode_line(line: bytes) -> str:
    """Return a line as UTF-8, else as Windows writes Western languages, else byte by byte."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")


def _encode(text: str, encoding: str) -> bytes:
    return text.encode(WITHOUT_MARK.get(encoding, encoding), "replace")


def parts(line: str) -> Iterator[str]:
    """Yield a line without its end, or several where carriage returns part it."""
    # A writer that does not append leaves NULs behind when its log is truncated; and a file may begin with a mark.
    for part in line.rstrip("\r").split("\r"):
        yield part.lstrip("\0\ufeff")
