"""Values -> what SQLite takes, and back: neither an odd file name nor a flipped bit may stop the agent."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

log = logging.getLogger("hostvigil.store")

T = TypeVar("T")


def as_json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        # Half a character (a file name that is not UTF-8): msgspec refuses it, and so would SQLite.
        return as_text(json.dumps(msgspec.to_builtins(value), ensure_ascii=False))


def as_text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def decode_rows(rows: Iterable[Sequence[str]], row_type: type[T]) -> Iterator[T]:
    """Yield what the rows, of a check and a JSON text each, say; what says nothing is left out and logged."""
    for check, text in rows:
        try:
            yield msgspec.json.decode(text, type=row_type)
        except (msgspec.MsgspecError, ValueError) as error:
            log.error("%s: what was stored of it cannot be read and is forgotten: %s", check, error)
