"""Pure: the head of an HTTP/1.x answer (status line and header lines), and where its body ends."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from checks._network.progress import NoAnswer

_STATUS_LINE = re.compile(r"HTTP/(\d{1,3})(?:\.\d{1,3})?[ \t]+([1-9]\d\d)(?!\d)", re.IGNORECASE)
_BLANK = " \t\r"
SPEAKS_TLS = "what answers speaks TLS"
BEGIN = 16
"""Bytes that are shown of what is no HTTP answer."""
LENGTH_DIGITS = 18
"""A body of more digits has no end that anybody will see."""


class BrokenAnswer(NoAnswer):
    """What came is no HTTP answer, or one that contradicts itself; the text says how."""


def as_text(value: str) -> str:
    """Read a header's value, which came as Latin-1, for people: beyond ASCII it is UTF-8 in practice."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


class Headers(msgspec.Struct, frozen=True):
    """Header lines in their order, names in lower case."""

    lines: tuple[tuple[str, str], ...] = ()

    def all(self, name: str) -> list[str]:
        lower_name = name.lower()
        return [value for key, value in self.lines if key == lower_name]

    def get(self, name: str) -> str:
        """Return the first value, empty where there is none."""
        return next(iter(self.all(name)), "")

    def words(self, name: str) -> list[str]:
        """Return the parts of a value that is a list, over all its lines, in lower case."""
        return [word for value in self.all(name) for part in value.split(",") if (word := part.strip(_BLANK).lower())]


class Head(msgspec.Struct, frozen=True):
    """The beginning of an answer: its status and its headers."""

    status: int
    headers: Headers


class Framing(msgspec.Struct, frozen=True):
    """Where the body ends: after `length` bytes, with its last chunk, or, with neither, where the server closes."""

    length: int | None = None
    chunked: bool = False

    @property
    def until_closed(self) -> bool:
        return self.length is None and not self.chunked


def head_of(data: bytes) -> Head:
    """Read a whole head. A header line that is not well formed costs that line, not those after it."""
    first, *lines = data.decode("latin-1").split("\n")
    return Head(status_of(first), Headers(tuple(_headers(lines))))


def status_of(line: str) -> int:
    """Read the status line; BrokenAnswer where it is none."""
    match = _STATUS_LINE.match(line)
    if not match:
        raise BrokenAnswer(f"not an HTTP answer, it begins with {line[:BEGIN].rstrip(_BLANK)!a}")
    # `HTTP/2 200` in plain text is what some gateways write; its rest is HTTP/1.1.
    if int(match[1]) > 2:
        raise BrokenAnswer(f"broken HTTP answer, its version is {line.split(maxsplit=1)[0][:BEGIN]!a}")
    return int(match[2])


def _headers(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield names and values; a line that begins with a blank goes on the one before, whether that is one or not."""
    headers: list[tuple[str, list[str]]] = [("", [])]
    for line in lines:
        if line[:1] in (" ", "\t"):
            headers[-1][1].append(line.strip(_BLANK))
        else:
            name, colon, value = line.partition(":")
            headers.append((name.rstrip(_BLANK).lower() if colon else "", [value.strip(_BLANK)]))
    for name, parts in headers:
        if name:
            yield name, " ".join(part for part in parts if part) if len(parts) > 1 else parts[0]


def framing(method: str, head: Head) -> Framing:
    """Tell where the body ends (RFC 9112, 6.3); BrokenAnswer where the lengths contradict each other."""
    status = head.status
    if method == "HEAD" or status < 200 or status in (204, 304) or (method == "CONNECT" and status < 300):
        return Framing(length=0)
    codings = transfer_codings(head.headers)
    if codings:
        return Framing(chunked=codings[-1] == "chunked")
    lengths = {_length(word) for word in head.headers.words("content-length")}
    if len(lengths) > 1:
        raise BrokenAnswer("broken HTTP answer, several values of Content-Length contradict each other")
    return Framing(length=next(iter(lengths), None))


def transfer_codings(headers: Headers) -> list[str]:
    """Return what Transfer-Encoding says was done to the body, in this order; `identity` is nothing."""
    codings = [word.partition(";")[0].strip(_BLANK) for word in headers.words("transfer-encoding")]
    return [coding for coding in codings if coding != "identity"]


def _length(word: str) -> int:
    if not (word.isascii() and word.isdecimal()):
        raise BrokenAnswer(f"broken HTTP answer, its Content-Length is {word[:BEGIN]!a}")
    digits = word.lstrip("0")
    return int(digits or "0") if len(digits) <= LENGTH_DIGITS else 10**LENGTH_DIGITS


def not_http(begin: bytes) -> str:
    """Say what speaks there that begins like this, when it is known and is not HTTP/1.x; else nothing."""
    if len(begin) >= 9 and begin[:2] == b"\0\0" and begin[3] in (4, 7) and begin[5:9] == b"\0\0\0\0":
        return "the server speaks HTTP/2 only, which is not spoken here"
    if len(begin) >= 3 and begin[0] in (0x15, 0x16) and begin[1] == 3:
        return SPEAKS_TLS
    return ""


def check_begin(begin: bytes, complete: bool) -> None:
    """Say early what is no HTTP answer (BrokenAnswer): some of that never ends, or waits for us.

    `begin` holds the first bytes, BEGIN of them at most; `complete` says that no more of them will come.
    """
    if other := not_http(begin):
        raise BrokenAnswer(other)
    if begin[:5].upper() == b"HTTP/" or (len(begin) < 5 and b"HTTP/".startswith(begin.upper())):
        return
    if complete or b"\n" in begin:
        status_of(begin.partition(b"\n")[0].decode("latin-1"))
