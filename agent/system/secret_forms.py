"""The forms in which a secret turns up in what programs show: quoted, encoded, for a shell. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

SHORT = 4
"""A secret of fewer characters is hidden only where it stands alone: it would tear words apart."""


def forms(secret: str) -> set[str]:
    """Return a secret as programs write it that quote or encode what they show."""
    if secret.isascii() and secret.isalnum():
        return {secret, *_in_hexadecimal(secret)}
    return {secret, *_in_urls(secret), *_in_quotes(secret), *_in_shells(secret), *_in_hexadecimal(secret)}


# Imported late: an agent without secrets needs none of these.
def _in_urls(secret: str) -> Iterator[str]:
    from urllib.parse import quote, quote_plus

    # As Python does, JavaScript's encodeURIComponent and encodeURI, and once more of what is encoded already.
    encoded = {quote(secret, safe, errors="replace") for safe in ("/", "", "!~*'()", ";,/?:@&=+$!~*'()#")}
    encoded |= {quote_plus(secret, errors="replace"), quote(quote(secret, "", errors="replace"), "")}
    for form in encoded:
        yield from (form, re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), form))


def _in_quotes(secret: str) -> Iterator[str]:
    from html import escape
    from json import dumps

    yield from (repr(secret)[1:-1], ascii(secret)[1:-1], repr(secret.encode(errors="replace"))[2:-1])
    for json in (dumps(secret)[1:-1], dumps(secret, ensure_ascii=False)[1:-1]):
        for_html = re.sub("[<>&]", lambda match: f"\\u{ord(match[0]):04x}", json)  # as Go does
        yield from (json, for_html, json.replace("/", r"\/"))  # the last as PHP does
    html = escape(secret)
    yield from (html, escape(secret, quote=False), html.replace("&#x27;", "&#39;").replace("&quot;", "&#34;"))
    yield from (secret.replace("'", "''"), secret.replace('"', '""'))  # YAML and SQL, CSV


def _in_shells(secret: str) -> Iterator[str]:
    """Yield what `set -x`, `printf %q` and their like show."""
    yield from (secret.replace("'", part) for part in (r"'\''", "'\"'\"'"))
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", secret)
    yield re.sub(r'([\\"$`])', r"\\\1", secret)


def _in_hexadecimal(secret: str) -> Iterator[str]:
    if len(secret) > SHORT:
        digits = secret.encode(errors="replace").hex()
        yield from (digits, digits.upper())


def in_base64(secret: str) -> Iterator[str]:
    """Yield what base64 of any text has in it that has the secret in it: `Basic` with whichever user.

    It depends on how many bytes stand before, modulo three. Its first and last letters depend on the neighbours.
    """
    from base64 import b64encode

    data = secret.encode(errors="replace")
    if len(data) <= SHORT:
        return
    for before in range(3):
        letters = b64encode(b"\0" * before + data).decode().rstrip("=")
        core = letters[(8 * before + 5) // 6 : 8 * (before + len(data)) // 6]
        yield from {core, core.replace("+", "-").replace("/", "_")}
