"""What is said over the connection: one exchange, or several steps."""

from __future__ import annotations

import socket
from functools import partial

from checks._network.connection import Network, receive, send
from checks._network.payload import Exchange, shown
from checks._network.progress import NoAnswer, Progress

BANNER_LIMIT = 64 * 1024
"""Bytes in which an answer is searched."""


async def exchange(wanted: Exchange, connection: socket.socket, network: Network) -> None:
    """Send, and read until the answer is found; NoAnswer where the server ends, or says too much, before that."""
    progress = network.progress
    progress.enter("answer", "sending")
    await send(connection, wanted.question, progress)
    if not wanted.wish:
        return
    progress.doing = f"waiting for {wanted.wish}"
    said = b""
    while len(said) < BANNER_LIMIT:
        piece = await _more(said, connection, progress)
        said += piece
        if await network.ctx.compute(partial(wanted.fits, said)):
            return
        if not piece:
            raise _closed(said)
    raise NoAnswer(f"said {shown(said)} and more")


async def converse(steps: tuple[Exchange, ...], connection: socket.socket, network: Network) -> None:
    """Go through the steps, one after the other; NoAnswer where an answer does not come."""
    progress = network.progress
    progress.enter("answer", "")
    heard = Heard()
    for number, step in enumerate(steps, 1):
        progress.doing = f"step {number}: sending"
        await send(connection, step.question, progress)
        if step.wish:
            progress.doing = f"step {number}: waiting for {step.wish}"
            await _await(step, heard, connection, network)


async def _await(step: Exchange, heard: Heard, connection: socket.socket, network: Network) -> None:
    said = heard.pending
    while not await network.ctx.compute(partial(heard.has, step)):
        if len(said) >= BANNER_LIMIT:
            raise NoAnswer(f"said {shown(said)} and more")
        piece = await _more(said, connection, network.progress)
        if not piece:
            raise _closed(said)
        said += piece
        heard.pending += piece


class Heard:
    """What the server said in a conversation, and was not taken as an answer yet. Pure.

    Text is searched line by line, and what was an answer to one step is none to the next.
    """

    def __init__(self) -> None:
        self.pending = b""
        self._used = 0
        """How much of `pending` was an answer already: the beginning of a line whose end had not come."""

    def has(self, step: Exchange) -> bool:
        """Take the answer to this step, if it is there."""
        if len(self.pending) == self._used:
            return False
        return self._has_bytes(step.expect_hex.content) if step.expect_hex else self._has_line(step)

    def _has_bytes(self, wanted: bytes) -> bool:
        start = self.pending.find(wanted, self._used)
        if start >= 0:
            self.pending, self._used = self.pending[start + len(wanted) :], 0
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


async def _more(said: bytes, connection: socket.socket, progress: Progress) -> bytes:
    """Return what comes next, empty at the end."""
    try:
        return await receive(connection, progress)
    except TimeoutError:
        if not said:
            raise
        raise NoAnswer(f"said only {shown(said)}") from None


def _closed(said: bytes) -> NoAnswer:
    return NoAnswer(f"said {shown(said)} and closed" if said else "the server closed the connection")
