"""Pure: from the bytes of a body to what they hold: unpacked, as JSON."""

from __future__ import annotations

import contextlib
import zlib
from typing import Any

import msgspec

from checks.http.charsets import is_charset, text_of
from checks.http.head import Headers, transfer_codings

CODINGS_LIMIT = 5
INNER_SLACK = 64 * 1024
"""Bytes that what is packed twice may be longer between than in the end."""
PIECE = 4096
"""Bytes unpacked at a time: zlib copies the rest of them for each gzip member, and there may be thousands."""
NO_CODINGS = frozenset(("identity", "none", "7bit", "8bit", "binary"))
"""Values of Content-Encoding after which the body is as it is; names of charsets are others."""
NUMBER_DIGITS = 4000
"""Python reads no whole number of more digits."""


class Unreadable(Exception):
    """The body is in a form that is not read here: no fault of the server's."""


class BrokenBody(Exception):
    """The body is not what its headers say it is."""


def unpack(body: bytes, headers: Headers, limit: int, cut: bool) -> tuple[bytes, bool]:
    """Undo the codings of a body, up to the limit; return also whether it goes on beyond what is returned.

    We ask for none, but some servers do as they like. Unreadable or BrokenBody where it cannot be.
    """
    if not body:  # it is whole, however it is called
        return b"", cut
    codings = _content_codings(headers) + _transfer_codings(headers)
    if len(codings) > CODINGS_LIMIT:
        raise Unreadable(f"the body is encoded {len(codings)} times, which is not read here")
    for position, coding in reversed(list(enumerate(codings))):
        if coding not in ("gzip", "x-gzip", "deflate"):
            raise Unreadable(f"the body is encoded as {coding[:20]!a}, which cannot be read here{_HINT}")
        body, cut = _inflate(body, coding, limit + (INNER_SLACK if position else 0), cut)
    return body, cut


_HINT = "; headers: {Accept-Encoding: gzip} may bring another"


def _content_codings(headers: Headers) -> list[str]:
    """Return what was done to the body, in this order. Some servers name there what is no compression at all."""
    words = [word.partition(";")[0].strip() for word in headers.words("content-encoding")]
    return [word for word in words if word not in NO_CODINGS and not is_charset(word)]


def _transfer_codings(headers: Headers) -> list[str]:
    codings = transfer_codings(headers)
    if "chunked" in codings and codings[-1] != "chunked":
        raise Unreadable("the body was packed after it was cut into chunks, which is not read here")
    return [coding for coding in codings if coding != "chunked"]


def _inflate(body: bytes, coding: str, limit: int, cut: bool) -> tuple[bytes, bool]:
    try:
        return _members(body, limit, cut, zlib.MAX_WBITS | 32)  # RFC 1950 or 1952, whichever it is
    except zlib.error:
        pass
    try:
        if coding == "deflate":
            return _members(body, limit, cut, -zlib.MAX_WBITS)  # RFC 1951, as old servers do
    except zlib.error:
        pass
    raise BrokenBody(f"the body is not {coding}, as its header says")


def _members(body: bytes, limit: int, cut: bool, window: int) -> tuple[bytes, bool]:
    """Unpack all members: RFC 1952 lets gzip have several. What follows them and is none is padding."""
    unpacking, content, at = zlib.decompressobj(window), bytearray(), 0
    while at < len(body):
        piece = body[at : at + PIECE]
        content += unpacking.decompress(piece, limit + 1 - len(content))
        if len(content) > limit:
            return bytes(content[:limit]), True
        at += len(piece) - len(unpacking.unused_data)
        if unpacking.eof:
            if not body.startswith(b"\x1f\x8b", at):
                return bytes(content), False
            unpacking = zlib.decompressobj(window)
    if not cut:
        raise BrokenBody("the compressed body ends too early")
    return bytes(content), True


def json_of(body: bytes, headers: Headers) -> Any:
    """Read JSON as widely as it is written in practice; ValueError where it is none, Unreadable where it is too deep.

    Beyond RFC 8259: UTF-16 and UTF-32, charsets that Content-Type names, bytes that are no UTF-8 within a text,
    escapes of half a letter, line ends and tabs within a text, NaN and Infinity, numbers without end.
    """
    with contextlib.suppress(msgspec.DecodeError, ValueError, RecursionError):
        return msgspec.json.decode(body)
    import json  # rarely needed

    charset = json.detect_encoding(body)
    plain = text_of(body, headers) if charset.startswith("utf-8") else body.decode(charset, "replace")
    try:
        return json.loads(plain.removeprefix("\ufeff"), strict=False, parse_int=_whole_number)
    except ValueError:
        raise ValueError(f"not JSON{_instead(plain)}") from None
    except RecursionError:
        raise Unreadable("the JSON is nested too deeply to be read here") from None


def _instead(text: str) -> str:
    """Say what a text is that is no JSON, where that can be told without quoting it."""
    import json

    plain = text.strip().lstrip("\ufeff")
    if not plain:
        return ": it is empty"
    if plain[0] == "<":
        return " but HTML or XML"
    try:
        json.JSONDecoder(strict=False, parse_int=_whole_number).raw_decode(plain)
    except (ValueError, RecursionError):
        return ""
    return ": more follows behind its first value"


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) <= NUMBER_DIGITS else float(digits)
