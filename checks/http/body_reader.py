"""Pure: reads a body up to its end: after so many bytes, where the server closes, or with its last chunk."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

from checks.http.head import BEGIN, BrokenAnswer

LINE_LIMIT = 64 * 1024
"""Bytes of the line that says how long a chunk is."""
FRAMING_SLACK = 64 * 1024
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,32})[ \t\r]*(?:;|$)")


class Body:
    """What is read of a body: `limit` bytes at most, seen afterwards where `keep` says so."""

    def __init__(self, limit: int, keep: bool) -> None:
        self.limit = limit
        self.size = 0
        """Bytes as sent, up to the limit."""
        self.cut = False
        """It went on beyond the limit: no more of it is read."""
        self._keep = keep
        self._content = io.BytesIO()

    @property
    def content(self) -> bytes:
        return self._content.getvalue()

    def add(self, data: bytes | bytearray) -> None:
        room = self.limit - self.size
        if self._keep:
            self._content.write(data[:room])
        self.cut = len(data) > room
        self.size += min(len(data), room)


class PlainReader:
    """A body of `length` bytes; None: it ends where the server closes. Owned by the reader of the answer."""

    def __init__(self, body: Body, length: int | None) -> None:
        self._body, self._remaining = body, length

    def receive(self, data: bytes) -> bool:
        """Take the next bytes; True where the body is complete, or longer than its limit."""
        if self._remaining is not None:
            data = data[: self._remaining]
            self._remaining -= len(data)
        self._body.add(data)
        return self._body.cut or self._remaining == 0


class ChunkedReader:
    """A body in chunks. Owned by the reader of the answer; raises BrokenAnswer where the chunks are none."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._buffer = bytearray()
        self._step: Callable[[], bool] = self._read_size
        """Reads on in the buffer; False when it needs more bytes for that, or none."""
        self._searched = 0
        self._chunk_remaining = 0
        # Beyond this, it is mostly framing and there to keep us busy.
        self._remaining = body.limit + body.limit // 4 + FRAMING_SLACK
        self._complete = False

    def receive(self, data: bytes) -> bool:
        """Take the next bytes; True where the body is complete, or longer than its limit."""
        data = data[: self._remaining]
        self._buffer += data
        self._remaining -= len(data)
        while self._step():
            pass
        if self._remaining == 0 and not self._complete:
            self._body.cut = True
        return self._complete or self._body.cut

    def _read_size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        match = _CHUNK_SIZE.match(line)
        if not match:
            raise BrokenAnswer(f"broken HTTP answer, a chunk's size is {line[:BEGIN].decode('latin-1').strip()!a}")
        self._chunk_remaining = int(match[1], 16)
        self._step = self._read_chunk if self._chunk_remaining else self._read_trailer
        return True

    def _read_chunk(self) -> bool:
        if not self._buffer:
            return False
        count = min(len(self._buffer), self._chunk_remaining)
        self._body.add(self._buffer[:count])
        del self._buffer[:count]
        self._chunk_remaining -= count
        if self._chunk_remaining == 0:
            self._step = self._read_chunk_end
        return not self._body.cut

    def _read_chunk_end(self) -> bool:
        end = b"\n" if self._buffer[:1] == b"\n" else b"\r\n"
        if not end.startswith(bytes(self._buffer[: len(end)])):
            raise BrokenAnswer("broken HTTP answer, a chunk does not end where its size says")
        if len(self._buffer) < len(end):
            return False
        del self._buffer[: len(end)]
        self._step = self._read_size
        return True

    def _read_trailer(self) -> bool:
        line = self._line()
        self._complete = line is not None and not line.strip(b"\r")
        return line is not None and not self._complete

    def _line(self) -> bytes | None:
        """Take the next line without its end; None where it has not come."""
        end = self._buffer.find(b"\n", self._searched)
        if (end if end >= 0 else len(self._buffer)) > LINE_LIMIT:
            raise BrokenAnswer("broken HTTP answer, a line between its chunks has no end")
        self._searched = len(self._buffer) if end < 0 else 0
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line
