"""The head of an answer: what is odd in it costs that line, not the rest of the answer.

`http.client` takes one odd line for the end of all headers, a hundred headers for too many, and an informational answer
for the final one. What a service had taken would be told to it again, with every try.
"""

from __future__ import annotations

import re
from http.client import HTTPException, RemoteDisconnected
from typing import BinaryIO

HEADER_LIMIT = 512 * 1024
"""Bytes of an answer's heads, those of informational answers included."""
INFORMATIONAL_LIMIT = 100
"""Answers 1xx before the one that counts: who sends more may never come to it."""
WITHOUT_BODY = (204, 304)
"""Whatever they announce: who waits for it, waits until the time-out."""
USEFUL = frozenset(
    b"connection content-encoding content-length content-type date location retry-after transfer-encoding "
    b"x-request-id".split()
)
CODINGS = (b"content-encoding", b"transfer-encoding")
_STATUS_LINE = re.compile(rb"HTTP/\d{1,3}(\.\d{1,3})?[ \t]+([1-9]\d\d)(?!\d)", re.IGNORECASE)


def read_head(answer: BinaryIO) -> bytes:
    """Read up to the end of the final answer's head; return what matters of it, well formed."""
    remaining = HEADER_LIMIT
    for _ in range(INFORMATIONAL_LIMIT):
        lines = _read_lines(answer, remaining)
        remaining -= sum(map(len, lines))
        status = _status(lines[0])
        if status == 101 or not 100 <= status < 200:
            headers = [b"content-length: 0"] if status in WITHOUT_BODY else _useful(lines[1:])
            return b"\r\n".join([b"HTTP/1.1 %d -" % status, *headers, b"", b""])
    raise HTTPException(f"more than {INFORMATIONAL_LIMIT} informational answers")


def _read_lines(answer: BinaryIO, limit: int) -> list[bytes]:
    """Read status line and header lines; where the server closes within them, those that came."""
    lines: list[bytes] = []
    while line := answer.readline(limit + 1):
        limit -= len(line)
        if limit < 0:
            raise HTTPException(f"headers of more than {HEADER_LIMIT // 1024} KiB")
        if not lines and not line.strip():
            continue  # left over from an answer before, some servers think
        if not lines:
            _status(line)  # at once: what is no HTTP may never end
        if not (text := line.rstrip(b"\r\n")):
            break
        lines.append(text)
    if not lines:
        raise RemoteDisconnected("the server closed the connection without an answer")
    return lines


def _status(line: bytes) -> int:
    if match := _STATUS_LINE.match(line):
        return int(match[2])
    if line[:1] in (b"\x15", b"\x16") and line[1:2] == b"\x03":
        raise HTTPException("what answers speaks TLS: write https://")
    raise HTTPException("what answers does not speak HTTP/1.1")  # its words may be an echo of ours, with the key


def _useful(lines: list[bytes]) -> list[bytes]:
    """Return the headers that anybody here asks for; of several of one name the first, where it belongs to no list."""
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon and (plain := name.rstrip().lower()) in USEFUL:  # a folded line begins with a blank
            before = headers.get(plain)
            if before is None or plain in CODINGS:
                headers[plain] = b", ".join(filter(None, (before, value.strip())))
    return [b": ".join(header) for header in _unify_codings(headers).items()]


def _unify_codings(headers: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Say chunks as http.client knows them: alone; what was packed before it was cut is packed all the same."""
    codings = [coding.strip() for coding in headers.get(b"transfer-encoding", b"").lower().split(b",")]
    if codings[-1] != b"chunked":
        return headers
    packed = [headers.get(b"content-encoding", b""), *codings[:-1]]
    return {**headers, b"transfer-encoding": b"chunked", b"content-encoding": b", ".join(filter(None, packed))}
