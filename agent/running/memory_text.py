"""What a check remembers, as text: names of files may be bytes that are no text, and are written another way."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

MARK = "\0bytes:"
_HALVES = re.compile("[\ud800-\udfff]")


def as_json(memory: Any) -> tuple[bytes, Any]:
    """Return a memory as JSON, and as it can be written anywhere; what JSON cannot hold raises as msgspec does."""
    try:
        return msgspec.json.encode(memory), memory
    except UnicodeEncodeError:
        plain = storable(memory)
        return msgspec.json.encode(plain), plain


def from_json(text: bytes) -> Any:
    memory = msgspec.json.decode(text)
    return restore(memory) if b"\\u0000bytes:" in text else memory


def storable(memory: Any) -> Any:
    """Return it with each string that is no text as the mark and the hexadecimal digits of its bytes."""
    return _map(memory, lambda text: f"{MARK}{_bytes(text).hex()}" if _HALVES.search(text) else text)


def restore(memory: Any) -> Any:
    return _map(memory, _decode)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decode(text: str) -> str:
    if not text.startswith(MARK):
        return text
    try:
        return bytes.fromhex(text.removeprefix(MARK)).decode("utf-8", "surrogatepass")
    except ValueError:  # a check's own text that begins so
        return text


def _map(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_map(key, change): _map(one, change) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_map(one, change) for one in value]
    return value
