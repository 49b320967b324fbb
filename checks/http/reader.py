"""Pure: reads one answer of HTTP/1.x: bytes go in, as they come; status, headers and body come out.

It knows no socket and no clock: whoever drives it, a thread or an event loop, gives it what it received, in whatever
pieces, and asks for more until it is `complete`.
"""

from __future__ import annotations

from checks.http.body_reader import Body, ChunkedReader, PlainReader
from checks.http.head import BrokenAnswer, Head, framing
from checks.http.head_reader import HeadReader


class AnswerReader:
    """One answer to a request of this `method`. Owned by whoever drives it.

    `limit` is how many bytes of the body are read: with 0, the headers are the whole answer. `keep` says whether
    anybody wants to see them. Raises BrokenAnswer, and nothing else, for whatever bytes come.
    """

    def __init__(self, method: str = "GET", limit: int = 0, keep: bool = False) -> None:
        self.head: Head | None = None
        self.complete = False
        self.until_closed = False
        """The body ends only where the server closes: perhaps never."""
        self._method = method
        self._body = Body(limit, keep)
        self._heads = HeadReader()
        self._rest: PlainReader | ChunkedReader | None = None
        """Reads what comes after the head."""

    @property
    def body(self) -> bytes:
        return self._body.content

    @property
    def size(self) -> int:
        """Bytes of the body as sent, up to the limit."""
        return self._body.size

    @property
    def cut(self) -> bool:
        """The body went on beyond the limit."""
        return self._body.cut

    def receive(self, data: bytes) -> None:
        """Take the next bytes; none say that the server has closed."""
        if self.complete:
            return
        if not data:
            self._finish()
        elif self._rest:
            self.complete = self._rest.receive(data)
        elif head := self._heads.receive(data):
            self._begin_body(head)

    def _begin_body(self, head: Head) -> None:
        frame = framing(self._method, head)
        self.head, self.until_closed = head, frame.until_closed
        if frame.length == 0 or self._body.limit == 0:
            self.complete = True
            return
        self._rest = ChunkedReader(self._body) if frame.chunked else PlainReader(self._body, frame.length)
        self.complete = self._rest.receive(self._heads.rest)

    def _finish(self) -> None:
        if self.head is None:
            self._heads.check_begin(closed=True)
        if not self.until_closed:
            raise BrokenAnswer("the server closed the connection")
        self.complete = True
