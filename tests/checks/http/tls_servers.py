"""Certificates of some days, and a server that shows them."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trustme

from agent.api import Result
from tests.stand_ins.http_servers import Server, http, look, serving


def days(number: float) -> datetime.datetime:
    """From now, and a little more: tests may run long after they were loaded."""
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=number, minutes=5)


@contextmanager
def tls_serving(authority: trustme.CA, *names: str, **dates: Any) -> Iterator[Server]:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("127.0.0.1", "localhost")), **dates).configure_cert(made)
    with serving(tls=made) as server:
        yield server


def look_at(server: Server, ca_file: str, **settings: Any) -> Result:
    return look(http(f"https://127.0.0.1:{server.port}/", ca_file=ca_file, **settings))
