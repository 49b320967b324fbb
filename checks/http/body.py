"""Pure: from the bytes of a body to what they mean: unpacked, as text, as JSON."""

from __future__ import annotations

import codecs
import encodings
import encodings.aliases
import functools
import pkgutil
import re
import zlib
from typing import Any

import msgspec

from checks.http.head import Headers, transfer_codings

CODINGS_LIMIT = 5
INNER_SLACK = 64 * 1024
"""Bytes that what is packed twice may be longer between than in the end."""
PIECE = 4096
"""Bytes unpacked at a time: zlib copies the rest of them for each gzip member, and there may be thousands."""
NO_CHARSETS = frozenset(("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"))
"""Codecs of Python for text that are no charsets of documents."""
WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs"}
"""What browsers read instead: many pages hold more letters than the charset they name."""
_CHARSET = re.compile(r"(?:^|[;,\s])charset\s*=\s*[\"']?([^\s;,\"']+)", re.IGNORECASE)
CONTENT_TYPE_LIMIT = 1000
"""Letters of a Content-Type that are looked at."""
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",  # before that of UTF-16, with which it begins
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


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
    codings = [word for word in headers.words("content-encoding") if word != "identity"]
    codings += [word for word in transfer_codings(headers) if word != "chunked"]
    if len(codings) > CODINGS_LIMIT:
        raise Unreadable(f"the body is encoded {len(codings)} times, which is not read here")
    for left, coding in reversed(list(enumerate(codings))):
        if coding not in ("gzip", "x-gzip", "deflate"):
            raise Unreadable(f"the body is encoded as {coding[:20]!a}, which cannot be read here")
        body, cut = _inflate(body, coding, limit + (INNER_SLACK if left else 0), cut)
    return body, cut


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
    unpacking, found, at = zlib.decompressobj(window), bytearray(), 0
    while at < len(body):
        piece = body[at : at + PIECE]
        found += unpacking.decompress(piece, limit + 1 - len(found))
        if len(found) > limit:
            return bytes(found[:limit]), True
        at += len(piece) - len(unpacking.unused_data)
        if unpacking.eof:
            if not body.startswith(b"\x1f\x8b", at):
                return bytes(found), False
            unpacking = zlib.decompressobj(window)
    if not cut:
        raise BrokenBody("the compressed body ends too early")
    return bytes(found), True


def text_of(body: bytes, headers: Headers, cut: bool = False) -> str:
    """Read a body as its byte order mark or Content-Type says; without both as UTF-8, else as Latin-1."""
    for mark, charset in _MARKS.items():
        if body.startswith(mark):
            return body[len(mark) :].decode(charset, "replace")
    if charset := charset_of(headers):
        return _decode(body, charset)
    try:
        # What was cut may end within a letter.
        return codecs.getincrementaldecoder("utf-8")().decode(body, final=not cut)
    except UnicodeDecodeError:
        return body.decode("latin-1")  # never fails, and ASCII survives


def _decode(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset)
    except UnicodeError:
        return body.decode(WIDER.get(codecs.lookup(charset).name, charset), "replace")


def charset_of(headers: Headers) -> str:
    """Return the charset that Content-Type names, where Python knows it; else nothing."""
    found = _CHARSET.search(headers.get("content-type")[:CONTENT_TYPE_LIMIT])
    name = _plain(found[1]) if found else ""
    known = _codecs().get(name) or _codecs().get(name.removeprefix("x_"))
    return known if known and _is_charset(known) else ""


@functools.cache
def _codecs() -> dict[str, str]:
    # Names are looked up here first: codecs.lookup remembers for ever each name that any server made up.
    names = {module.name for module in pkgutil.iter_modules(encodings.__path__)} | set(encodings.aliases.aliases)
    return {_plain(name): name for name in names if name != "aliases"}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _is_charset(name: str) -> bool:
    try:
        b"a".decode(name)  # LookupError for what is no encoding of text, as rot13 and zlib
    except UnicodeError:
        pass
    except (LookupError, ImportError):
        return False
    return _plain(codecs.lookup(name).name) not in NO_CHARSETS


def json_of(body: bytes, headers: Headers) -> Any:
    """Read JSON as widely as it is written in practice; ValueError where it is none.

    Beyond RFC 8259: UTF-16 and UTF-32, charsets that Content-Type names, bytes that are no UTF-8 within a text,
    escapes of half a letter, NaN and Infinity.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    import json  # rarely needed

    charset = json.detect_encoding(body)
    try:
        plain = text_of(body, headers) if charset.startswith("utf-8") else body.decode(charset, "replace")
        return json.loads(plain.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
