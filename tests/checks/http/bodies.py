"""A body of a type, and what is asked of it."""

from __future__ import annotations

from typing import Any

from agent.api import Result
from tests.stand_ins.http_servers import http, look, serving


def asked(body: bytes, *headers: str, **settings: Any) -> Result:
    lines = "".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", *headers, f"Content-Length: {len(body)}", ""))
    with serving(lines.encode() + body) as server:
        return look(http(server.url, **settings))
