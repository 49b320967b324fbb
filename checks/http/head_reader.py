"""Pure: finds the head of the final answer in the bytes that come, behind those of informational answers."""

from __future__ import annotations

import re

from agent.api import size_text
from checks.http.head import BEGIN, BrokenAnswer, Head, check_begin, head_of

HEADER_LIMIT = 512 * 1024
"""Bytes of an answer's headers, those of informational answers included. Browsers stop at 256 KiB or more."""
INFORMATIONAL_LIMIT = 100
"""Answers of the statuses 100 to 199 before the final one."""
_EMPTY_LINE = re.compile(rb"\n\r{0,2}\n")
"""Two carriage returns are what a server writes that adds one to each line end that is whole already."""


class HeadReader:
    """The heads of one answer. Owned by its reader; raises BrokenAnswer, and nothing else, for whatever bytes come."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._remaining = HEADER_LIMIT
        self._informational = 0

    @property
    def rest(self) -> bytes:
        """What came behind the head."""
        return bytes(self._buffer)

    def receive(self, data: bytes) -> Head | None:
        """Take the next bytes; return the head of the final answer, None where its end has not come."""
        self._buffer += data
        while head := self._next():
            if not 100 <= head.status < 200 or head.status == 101:
                return head
            self._informational += 1
            if self._informational > INFORMATIONAL_LIMIT:
                raise BrokenAnswer(f"broken HTTP answer, more than {INFORMATIONAL_LIMIT} informational ones before it")
        return None

    def check_begin(self, closed: bool = False) -> None:
        check_begin(bytes(self._buffer[:BEGIN]), closed or len(self._buffer) >= BEGIN)

    def _next(self) -> Head | None:
        if self._buffer.startswith((b"\r", b"\n")):  # left over from an answer before, some servers think
            self._take(len(self._buffer) - len(self._buffer.lstrip(b"\r\n")))
        self.check_begin()
        if end := self._end():
            return head_of(self._take(end))
        if len(self._buffer) > self._remaining:
            raise _too_long()
        return None

    def _end(self) -> int:
        """Return where the head ends, behind its empty line; 0 where that has not come."""
        match = _EMPTY_LINE.search(self._buffer, max(0, self._searched - 3))
        self._searched = len(self._buffer)
        return match.end() if match else 0

    def _take(self, count: int) -> bytes:
        self._remaining -= count
        if self._remaining < 0:
            raise _too_long()
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._searched = 0
        return data


def _too_long() -> BrokenAnswer:
    return BrokenAnswer(f"headers of more than {size_text(HEADER_LIMIT)}")
