"""Pure: an answer that came packed, though nobody asked for it, as some gateways do it."""

from __future__ import annotations

import zlib

LIMIT = 64 * 1024
"""Bytes of an answer, as it comes and unpacked."""


def unpack(body: bytes, codings: str) -> bytes:
    """Undo what Content-Encoding names, up to the bound; what cannot be undone stays as it is."""
    for coding in reversed(codings.lower().split(",")):
        if coding.strip() in ("gzip", "x-gzip", "deflate"):
            body = _inflate(body, raw=coding.strip() == "deflate")
    return body


def _inflate(body: bytes, raw: bool) -> bytes:
    """`raw`: it may be RFC 1951 without a head, which old servers call deflate."""
    if body.lstrip().startswith(b"{"):
        return body  # called packed, and is not: no text that is packed begins so
    # 32: gzip or zlib, as its first bytes say.
    for window in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS)[: 2 if raw else 1]:
        try:
            return _members(body, window)
        except zlib.error:
            continue
    return body


def _members(body: bytes, window: int) -> bytes:
    """Unpack one after the other; what is behind them and no member is padding."""
    content = b""
    while body and len(content) < LIMIT:
        member = zlib.decompressobj(window)
        try:
            content += member.decompress(body, LIMIT - len(content))
        except zlib.error:
            if not content:
                raise
            break
        body = member.unused_data
    return content
