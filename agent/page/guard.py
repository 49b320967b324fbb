"""Pure: who may ask the page, and what each answer says to the browser about itself."""

from __future__ import annotations

from agent.config.page_address import PageAddress

OWN_NAMES = frozenset(("localhost", "127.0.0.1", "[::1]"))

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action {forms}; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY.format(forms="'none'"),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Nothing from elsewhere, nothing inline, in no frame, kept by nobody."""


def headers(acts: bool) -> dict[str, str]:
    """Return what each answer says; `acts`: the page has forms, which go to nobody but this host."""
    return {**HEADERS, "Content-Security-Policy": POLICY.format(forms="'self'")} if acts else HEADERS


def is_own_page(site: str) -> bool:
    """Tell by Sec-Fetch-Site, which a page cannot set, whether a form is ours; what is no browser does not say it.

    Not by Origin: with our Referrer-Policy browsers send `null`, and a proxy has a name that we do not know.
    """
    return site in ("", "same-origin")


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
    own_address = f"[{address.host}]" if ":" in address.host else address.host
    return name.lower() in OWN_NAMES | {own_address}
