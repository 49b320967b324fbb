"""Pure: whether an answer is what the settings want. Texts name the condition, never the content."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from agent.api import Result, critical
from checks.http.exchange import Answer
from checks.http.expectations import JsonCondition

if TYPE_CHECKING:
    from checks.http.check import Http

NOTHING = object()


def broken(check: Http, answer: Answer) -> Iterator[Result]:
    """Yield one critical result for each condition that does not hold."""
    for name, wanted in check.response_headers.items():
        values = answer.headers.get_all(name)
        if values is None:
            yield critical(f"no header {name}")
        elif not wanted.search(", ".join(str(value) for value in values)):
            yield critical(f"header {name} does not match {wanted.pattern_text!r}")
    if check.sees_body:
        yield from _broken_body(check, answer)


def _broken_body(check: Http, answer: Answer) -> Iterator[Result]:
    body, why_not = _decoded(answer, int(check.body_limit))
    if why_not:
        yield critical(why_not)
        return
    text = _text(body)
    part = f"the first {check.body_limit} of the body" if answer.cut else "the body"
    if check.contains and check.contains not in text:
        yield critical(f"{part} does not contain {check.contains!r}")
    if check.matches and not check.matches.search(text):
        yield critical(f"{part} does not match {check.matches.pattern_text!r}")
    if check.not_matches and check.not_matches.search(text):
        yield critical(f"the body matches {check.not_matches.pattern_text!r}")
    if check.json:
        yield from _broken_json(check.json, body, part)


def _broken_json(conditions: dict[str, JsonCondition], body: bytes, part: str) -> Iterator[Result]:
    try:
        document = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError, ValueError):
        yield critical(f"{part} is not JSON")
        return
    for path, wanted in conditions.items():
        value = json_value(document, path)
        if value is NOTHING:
            yield critical(f"JSON has no {path}")
        elif not wanted.holds(value):
            # Numbers, true, false and null tell no secrets; text may.
            shown = "" if isinstance(value, (str, list, dict)) else f" {msgspec.json.encode(value).decode()}"
            yield critical(f"JSON {path}{shown} is not {wanted}")


def json_value(document: Any, path: str) -> Any:
    """Follow `a.b.0`: keys of objects, places in lists; `\\.` is a dot within a key. NOTHING where it leads nowhere."""
    for key in re.split(r"(?<!\\)\.", path):
        if isinstance(document, dict):
            document = document.get(key.replace(r"\.", "."), NOTHING)
        elif isinstance(document, list) and key.isdecimal() and int(key) < len(document):
            document = document[int(key)]
        else:
            return NOTHING
    return document


def _decoded(answer: Answer, limit: int) -> tuple[bytes, str]:
    """Return the body unpacked up to the limit, or why it cannot be read. We asked for it unpacked."""
    encoding = ", ".join(str(one) for one in answer.headers.get_all("Content-Encoding", [])).strip().lower()
    if encoding in ("", "identity"):
        return answer.body, ""
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return b"", f"the body is encoded as {encoding[:20]!a}, which cannot be read"
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(answer.body, limit), ""
    except zlib.error:
        return b"", f"the body is not {encoding}, as its header says"


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1")  # never fails, and ASCII survives
