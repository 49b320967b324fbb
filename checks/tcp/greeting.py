"""How servers that speak first begin, for `hostvigil discover`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from agent.api import Context, Host, Suggestion
from checks._network.addresses import Address
from checks._network.connection import connect, receive
from checks._network.network import FAMILIES, Network
from checks._network.progress import NoAnswer, Progress

GREETINGS = {b"SSH-2.0-": r"^SSH-2\.0-", b"220": "^220[ -]", b"* OK": r"^\* OK", b"+OK": r"^\+OK"}
"""How SSH, SMTP and FTP, IMAP, and POP3 begin, and what to expect of them."""
GREETING_SECONDS = 1.0


def suggestions(host: Host) -> Iterator[Suggestion]:
    """Suggest a check for each port of this host that something listens on, web servers aside."""
    from checks._network.listening import listeners

    not_web = [one for one in listeners(host) if not one.web]
    greetings = Context("discover", 2 * GREETING_SECONDS).calls(
        {one.address: _greeting(one.address) for one in not_web}
    )
    for one in not_web:
        settings = {"address": one.address, **_expectation(greetings[one.address])}
        yield Suggestion(name=one.name, settings=settings, why=f"{one.words}.", about=("address",), off=one.off)


def _greeting(address: str) -> Callable[[], bytes]:
    """Return how to hear what a server says by itself; to those that wait for a question, nothing is sent."""

    async def hear() -> bytes:
        context = Context("discover", GREETING_SECONDS)
        progress = Progress(context.deadline)
        try:
            with await connect(Address.parse(address), FAMILIES[None], Network(context, progress)) as connection:
                return await receive(connection, progress)
        except (OSError, NoAnswer):
            return b""

    return lambda: asyncio.run(hear())


def _expectation(greeting: bytes | Exception) -> dict[str, str]:
    if isinstance(greeting, Exception):
        return {}
    return next(({"expect": GREETINGS[text]} for text in GREETINGS if greeting.startswith(text)), {})
