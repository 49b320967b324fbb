"""Pure: user and password in the address of a destination or a proxy, as they are sent."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

if TYPE_CHECKING:
    from agent.delivery.sinks.requests_parts import requests

    Sign = Callable[[requests.PreparedRequest], requests.PreparedRequest]


def authorization(url: str) -> str:
    """Return the header's value, as curl makes it; '' where the URL names nobody.

    requests sends Latin-1, and nobody at all where there is no password: many tokens are written as a user alone.
    """
    named, at, _ = urlsplit(url).netloc.rpartition("@")
    if not at:
        return ""
    user, _, password = named.partition(":")
    return f"Basic {base64.b64encode(unquote_to_bytes(user) + b':' + unquote_to_bytes(password)).decode()}"


def signing(url: str) -> Sign | None:
    """Return what has a request say who asks, in requests' place."""
    if not (value := authorization(url)):
        return None

    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = value
        return request

    return sign
