"""What is said over the connection: one exchange, or several steps."""

from __future__ import annotations

import socket
import ssl
import time
from functools import partial

from checks._network.connection import receive, send
from checks._network.network import Network
from checks._network.payload import Exchange, excerpt
from checks._network.progress import NoAnswer, Progress
from checks._network.waiting import retry

BANNER_LIMIT = 64 * 1024
"""Bytes in which an answer is searched."""
QUIET_SECONDS = 0.2
"""After which a line without an end, such as a prompt, is all there is."""


async def exchange(step: Exchange, connection: socket.socket, network: Network) -> None:
    """Send, and read until the answer is found; NoAnswer where the server ends, or says too much, before that."""
    progress = network.progress
    progress.enter("answer", "sending")
    await _say(step, connection, progress)
    if not step.expectation:
        return
    progress.doing = f"waiting for {step.expectation}"
    received = b""
    while len(received) < BANNER_LIMIT:
        piece, quiet = await _more(received, step, connection, progress)
        received += piece
        if await network.ctx.compute(partial(step.fits, received)):
            progress.leave_out(quiet)
            return
        if not piece:
            raise _end_of_connection(received)
    raise NoAnswer(f"said {excerpt(received)} and more")


async def converse(steps: tuple[Exchange, ...], connection: socket.socket, network: Network) -> None:
    """Go through the steps, one after the other; NoAnswer where an answer does not come."""
    progress = network.progress
    progress.enter("answer", "")
    buffer = AnswerBuffer()
    for number, step in enumerate(steps, 1):
        progress.doing = f"step {number}: sending"
        await _say(step, connection, progress)
        if step.expectation:
            progress.doing = f"step {number}: waiting for {step.expectation}"
            await _await(step, buffer, connection, network)


async def _await(step: Exchange, buffer: AnswerBuffer, connection: socket.socket, network: Network) -> None:
    if step.hangs_on_more and buffer.ends_within_line:  # its beginning came with the answer before
        rest, quiet = await _rest_of_line(buffer.pending, connection, network.progress)
        buffer.pending += rest
    else:
        quiet = 0.0
    received = buffer.pending
    while not await network.ctx.compute(partial(buffer.has, step)):
        if len(received) >= BANNER_LIMIT:
            raise NoAnswer(f"said {excerpt(received)} and more")
        piece, quiet = await _more(received, step, connection, network.progress)
        if not piece:
            raise _end_of_connection(received)
        received += piece
        buffer.pending += piece
    network.progress.leave_out(quiet)


class AnswerBuffer:
    """What the server said in a conversation, and was not taken as an answer yet. Pure.

    Text is searched line by line, and what was an answer to one step is none to the next.
    """

    def __init__(self) -> None:
        self.pending = b""
        self._used = 0
        """How much of `pending` was an answer already: the beginning of a line whose end had not come."""

    @property
    def ends_within_line(self) -> bool:
        return len(self.pending) > self._used and not self.pending.endswith(b"\n")

    def has(self, step: Exchange) -> bool:
        """Take the answer to this step, if it is there."""
        if len(self.pending) == self._used:
            return False
        return self._has_bytes(step.expect_hex.content) if step.expect_hex else self._has_line(step)

    def _has_bytes(self, expected: bytes) -> bool:
        start = self.pending.find(expected, self._used)
        if start >= 0:
            self.pending, self._used = self.pending[start + len(expected) :], 0
        return start >= 0

    def _has_line(self, step: Exchange) -> bool:
        while self.pending:
            line, end, rest = self.pending.partition(b"\n")
            fits = step.fits(line.removesuffix(b"\r"))
            if not end:
                self._used = len(line) if fits else self._used
                return fits
            self.pending, self._used = rest, 0
            if fits:
                return True
        return False


async def _say(step: Exchange, connection: socket.socket, progress: Progress) -> None:
    """Send; what a server said before it left, and would not hear us, is there to be read where we expect something."""
    try:
        await send(connection, step.question, progress)
    except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
        if not step.expectation:
            raise


async def _more(received: bytes, step: Exchange, connection: socket.socket, progress: Progress) -> tuple[bytes, float]:
    """Return what comes next, empty at the end, and for how many seconds it was quiet behind it.

    It has the rest of its line, where that may undo that it fits.
    """
    try:
        piece = await receive(connection, progress)
        if not (piece and step.hangs_on_more):
            return piece, 0.0
        rest, quiet = await _rest_of_line(piece, connection, progress)
        return piece + rest, quiet
    except TimeoutError:
        if not received:
            raise
        raise NoAnswer(f"said only {excerpt(received)}") from None
    except ConnectionResetError:
        if not received:
            raise
        raise _end_of_connection(received) from None


async def _rest_of_line(begin: bytes, connection: socket.socket, progress: Progress) -> tuple[bytes, float]:
    """Return what comes up to the end of a line, or until it is quiet for a moment, and that moment's seconds."""
    rest, last = b"", time.monotonic()
    until = last + min(QUIET_SECONDS, progress.remaining_seconds() / 2)
    while not (begin + rest).endswith(b"\n") and last < until:
        try:
            piece = await retry(connection, lambda: connection.recv(BANNER_LIMIT), until)
        except TimeoutError:
            return rest, time.monotonic() - last
        except OSError:  # who reads on hears it again
            break
        if not piece:
            break
        rest, last = rest + piece, time.monotonic()
    return rest, 0.0


def _end_of_connection(received: bytes) -> NoAnswer:
    return NoAnswer(f"said {excerpt(received)} and closed" if received else "the server closed the connection")
