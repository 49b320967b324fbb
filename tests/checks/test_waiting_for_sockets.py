"""Waiting for a socket in a loop: who is near has answered before anybody waits, who is far is waited for."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time

import pytest

from checks._network.waiting import retry


def test_what_has_come_by_the_next_turn_of_the_loop_is_not_waited_for() -> None:
    """Its descriptor is closed, so it cannot be watched."""

    async def shake_hands() -> str:
        closed, turns = socket.socket(), 0
        closed.close()

        def act() -> str:
            nonlocal turns
            turns += 1
            if turns == 1:
                raise ssl.SSLWantReadError
            return "done"

        return await retry(closed, act, time.monotonic() + 10)

    assert asyncio.run(shake_hands()) == "done"


def test_what_comes_later_is_waited_for_and_no_longer_than_allowed() -> None:
    async def receive(after: float, within: float) -> bytes:
        here, there = socket.socketpair()
        here.setblocking(False)
        tries = 0

        def act() -> bytes:
            nonlocal tries
            tries += 1
            try:
                return here.recv(10)
            except BlockingIOError:
                raise ssl.SSLWantReadError from None

        with here, there:
            asyncio.get_running_loop().call_later(after, there.send, b"hello")
            received = await retry(here, act, time.monotonic() + within)
        assert tries == 3, "at once, in the next turn, and when it has come"
        return received

    assert asyncio.run(receive(0.05, 10)) == b"hello"
    with pytest.raises(TimeoutError):
        asyncio.run(receive(10, 0.05))
