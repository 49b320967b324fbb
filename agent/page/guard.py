"""Pure: who may ask the page, and what each answer says to the browser about itself."""

from __future__ import annotations

from agent.config.page_address import PageAddress

OWN_NAMES = frozenset(("localhost", "127.0.0.1", "[::1]"))

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Nothing from elsewhere, nothing inline, in no frame, kept by nobody."""


def is_own_host(host: str, address: PageAddress) -> bool:
    """Tell whether a Host header names this host's loopback.

    A page elsewhere can have its name lead to 127.0.0.1 and read on; its requests still say its name. Behind a unix
    socket is a proxy, which knows its names itself.
    """
    if address.path:
        return True
    name, colon, port = host.rpartition(":")
    if not colon or not port.isdigit():
        name = host
    bound = f"[{address.host}]" if ":" in address.host else address.host
    return name.lower() in OWN_NAMES | {bound}
