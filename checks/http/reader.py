"""Pure: reads one answer of HTTP/1.x: bytes go in, as they come; status, headers and body come out.

It knows no socket and no clock: whoever drives it, a thread or an event loop, gives it what it received, in whatever
pieces, and asks for more until it is `complete`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from agent.api import size_text
from checks.http.head import BEGIN, BrokenAnswer, Head, check_begin, framing, head_of

HEADER_LIMIT = 512 * 1024
"""Bytes of an answer's headers, those of informational answers included. Browsers stop at 256 KiB or more."""
INFORMATIONAL_LIMIT = 100
"""Answers of the statuses 100 to 199 before the final one."""
LINE_LIMIT = 64 * 1024
"""Bytes of the line that says how long a chunk is."""
FRAMING_SLACK = 64 * 1024
_EMPTY_LINE = re.compile(rb"\n\r{0,2}\n")
"""Two carriage returns are what a server writes that adds one to each line end that is whole already."""
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,32})[ \t\r]*(?:;|$)")


class AnswerReader:
    """One answer to a request of this `method`. Owned by whoever drives it.

    `limit` is how many bytes of the body are read: with 0, the headers are the whole answer. `keep` says whether
    anybody wants to see them. Raises BrokenAnswer, and nothing else, for whatever bytes come.
    """

    def __init__(self, method: str = "GET", limit: int = 0, keep: bool = False) -> None:
        self.head: Head | None = None
        self.complete = False
        self.size = 0
        """Bytes of the body as sent, up to the limit."""
        self.cut = False
        """The body went on beyond the limit."""
        self._method, self._limit, self._keep = method, limit, keep
        self._buffer = bytearray()
        self._step: Callable[[], bool] = self._read_head
        """Reads on in the buffer; False when it needs more bytes for that."""
        self._searched = 0
        self._informational = 0
        self._head_left = HEADER_LIMIT
        # Beyond this, a chunked body is mostly framing and there to keep us busy.
        self._body_left = limit + limit // 4 + FRAMING_SLACK
        self._left = 0
        self.until_closed = False
        """The body ends only where the server closes: perhaps never."""
        self._body = bytearray()

    @property
    def body(self) -> bytes:
        return bytes(self._body[: self._limit])

    def receive(self, data: bytes) -> None:
        """Take the next bytes; none say that the server has closed."""
        if self.complete:
            return
        if not data:
            self._closed()
        elif self.head is None:
            self._buffer += data
            self._read_on()
            if self.head is not None and not self.complete:  # what came with the head is of the body
                rest = bytes(self._buffer)
                self._buffer.clear()
                self._receive_body(rest)
        else:
            self._receive_body(data)

    def _receive_body(self, data: bytes) -> None:
        self._buffer += data[: self._body_left]
        self._body_left -= min(len(data), self._body_left)
        self._read_on()
        if not self.complete and self._body_left == 0:
            self._finish(cut=True)

    def _read_on(self) -> None:
        while not self.complete and self._step():
            pass

    def _closed(self) -> None:
        if self.head is None:
            self._check_begin(closed=True)
        if not self.until_closed:
            raise BrokenAnswer("the server closed the connection")
        self._finish()

    def _finish(self, cut: bool = False) -> None:
        self.cut = cut or self.size > self._limit
        self.size = min(self.size, self._limit)
        self.complete = True
        self._buffer.clear()

    # The head

    def _read_head(self) -> bool:
        if self._buffer.startswith((b"\r", b"\n")):  # left over from an answer before, some servers think
            self._spend_on_head(len(self._buffer) - len(self._buffer.lstrip(b"\r\n")))
        self._check_begin()
        end = self._head_end()
        if end < 0:
            if len(self._buffer) > self._head_left:
                raise BrokenAnswer(f"headers of more than {size_text(HEADER_LIMIT)}")
            return False
        said = bytes(self._buffer[:end])
        self._spend_on_head(end)
        head = head_of(said)
        if 100 <= head.status < 200 and head.status != 101:
            self._informational += 1
            if self._informational > INFORMATIONAL_LIMIT:
                raise BrokenAnswer(f"broken HTTP answer, more than {INFORMATIONAL_LIMIT} informational ones before it")
            return True
        self._begin_body(head)
        return False

    def _spend_on_head(self, count: int) -> None:
        self._head_left -= count
        if self._head_left < 0:
            raise BrokenAnswer(f"headers of more than {size_text(HEADER_LIMIT)}")
        del self._buffer[:count]
        self._searched = 0

    def _check_begin(self, closed: bool = False) -> None:
        check_begin(bytes(self._buffer[:BEGIN]), closed or len(self._buffer) >= BEGIN)

    def _head_end(self) -> int:
        """Return where the head ends, behind its empty line; -1 where that has not come."""
        at = max(0, self._searched - 3)
        found = _EMPTY_LINE.search(self._buffer, at)
        self._searched = len(self._buffer)
        return found.end() if found else -1

    def _begin_body(self, head: Head) -> None:
        found = framing(self._method, head)
        self.head = head
        self._left = found.length or 0
        self.until_closed = found.length is None and not found.chunked
        self._step = self._read_chunk_size if found.chunked else self._read_plain
        if found.length == 0 or self._limit == 0:
            self._finish()

    # The body

    def _read_plain(self) -> bool:
        self._take(len(self._buffer) if self.until_closed else min(len(self._buffer), self._left))
        if not (self.complete or self.until_closed or self._left):
            self._finish()
        return False

    def _take(self, count: int) -> None:
        """Take the next bytes for the body, and end it where that is beyond the limit."""
        if self._keep:
            self._body += self._buffer[:count]
        del self._buffer[:count]
        self._left -= count
        self.size += count
        if self.size > self._limit:
            self._finish()

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

    def _read_chunk_size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        found = _CHUNK_SIZE.match(line)
        if not found:
            raise BrokenAnswer(f"broken HTTP answer, a chunk's size is {line[:BEGIN].decode('latin-1').strip()!a}")
        self._left = int(found[1], 16)
        self._step = self._read_chunk if self._left else self._read_trailer
        return True

    def _read_chunk(self) -> bool:
        if not self._buffer:
            return False
        self._take(min(len(self._buffer), self._left))
        if self._left == 0:
            self._step = self._read_chunk_end
        return True

    def _read_chunk_end(self) -> bool:
        end = b"\n" if self._buffer[:1] == b"\n" else b"\r\n"
        if not end.startswith(bytes(self._buffer[: len(end)])):
            raise BrokenAnswer("broken HTTP answer, a chunk does not end where its size says")
        if len(self._buffer) < len(end):
            return False
        del self._buffer[: len(end)]
        self._step = self._read_chunk_size
        return True

    def _read_trailer(self) -> bool:
        line = self._line()
        if line is not None and not line.strip(b"\r"):
            self._finish()
        return line is not None
