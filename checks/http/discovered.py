"""Which URLs of this host are worth a check: web servers, asked once in both ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from agent.api import CheckError, Context, Host, Suggestion
from checks._network.addresses import Address, is_host, is_ip
from checks._network.listening import Listener, listeners
from checks._network.network import Network
from checks._network.progress import NoAnswer, Progress
from checks.http.addresses import HttpUrl
from checks.http.check import Http
from checks.http.exchange import Answer, exchange
from checks.http.expectations import StatusSet

SECONDS = 4.0

Ask = Callable[[dict[str, Any]], Answer | None]


def suggestions(host: Host) -> Iterator[Suggestion]:
    """Suggest a check for each web server that listens here, by what it answers now."""
    servers = [one for one in listeners(host) if one.web]
    answers = Context("discover", 3 * SECONDS).calls({one.address: _call_for(one) for one in servers})
    for one in servers:
        answer = answers[one.address]
        # What does not answer is written all the same: the trial says what is wrong with it.
        settings, words = ({"url": f"http://{one.address}/"}, "") if isinstance(answer, Exception) else answer
        why = f"{one.words}{words}."
        yield Suggestion(name=one.name, settings=settings, why=why, about=("url",), off=one.off)


def _call_for(listener: Listener) -> Any:
    return lambda: find_settings(listener)


def find_settings(listener: Listener, ask: Ask | None = None) -> tuple[dict[str, Any], str]:
    """Return what finds the server well, and what it said."""
    ask = ask or _answer
    plain = {"url": f"http://{listener.address}/"}
    secure = {"url": f"https://{listener.address}/", "verify": False}
    for settings in (plain, secure) if listener.port == 80 else (secure, plain):
        answer = ask(settings)
        # Web servers tell by 400 that they wanted TLS.
        if answer and (answer.status != 400 or settings is secure):
            trusted = _by_name(listener, answer, ask)
            words = f", and answers {answer.status}"
            if answer.certificate and not trusted:
                words += "; its certificate is not one that this host trusts, so it is not verified"
            return {**(trusted or settings), **_expectation(answer.status)}, words
    return plain, ""


def _by_name(listener: Listener, answer: Answer, ask: Ask) -> dict[str, Any]:
    """Return how to reach it by the name of its certificate, where that is trusted; else nothing."""
    name = answer.certificate.name if answer.certificate else ""
    if not is_host(name) or is_ip(name) or "." not in name:
        return {}
    settings = {
        "url": f"https://{Address(name, listener.port if listener.port != 443 else 0)}/",
        "connect_to": listener.address,
    }
    answer_by_name = ask(settings)
    return settings if answer_by_name and answer_by_name.status == answer.status else {}


def _answer(settings: dict[str, Any]) -> Answer | None:
    """Ask without following redirects, which lead elsewhere."""
    check = Http(
        url=HttpUrl.parse(settings["url"]),
        connect_to=Address.parse(settings["connect_to"]) if "connect_to" in settings else None,
        verify=settings.get("verify", True),
        expect_status=StatusSet(((100, 599),)),
    )
    context = Context("discover", SECONDS)
    try:
        return asyncio.run(exchange(check, Network(context, Progress(context.deadline))))
    except (OSError, CheckError, NoAnswer):
        return None


def _expectation(status: int) -> dict[str, Any]:
    """What it says now is right, unless it says that itself is broken."""
    return {"expect_status": status} if 300 <= status < 500 else {}
