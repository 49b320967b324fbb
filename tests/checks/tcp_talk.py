"""One run of the tcp check, and one step of a conversation."""

from __future__ import annotations

from typing import Any

from agent.api import Context, Regex, Result
from agent.plugin.results import gather
from checks._network.addresses import Address
from checks._network.payload import Exchange
from checks.tcp import Tcp
from tests.checks.looks import found
from tests.stand_ins.http_servers import Server


def look(server: Server | int, timeout: float = 5.0, host: str = "127.0.0.1", **settings: Any) -> Result:
    port = server if isinstance(server, int) else server.port
    check = Tcp(address=Address(host, port), **settings)
    (result,) = gather(found(check.run(Context(timeout=timeout))))
    return result


def step(**settings: Any) -> Exchange:
    given: dict[str, Any] = {name: Regex(text) if name == "expect" else text for name, text in settings.items()}
    return Exchange(**given)
