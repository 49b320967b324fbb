"""Pure: templates with {title}, {status} ...: what is wrong with one, and how it is filled."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from urllib.parse import quote

NAMES = (
    *("title", "message", "summary", "status", "previous", "host", "check", "type", "subject", "event_id"),
    *("incident_id", "date", "date_ms", "since"),
)
NUMBERS = ("date_ms",)
"""Those that may stand outside quotes in JSON."""
_PLACE = re.compile(rf"\{{({'|'.join(NAMES)}|(?:tag|word)\.[a-z][a-z0-9_]*)\}}")


def is_json(template: str) -> bool:
    """Tell whether the template as a whole is JSON, whatever is put in."""
    return _loads(_PLACE.sub(lambda place: "0" if place[1] in NUMBERS else "x", template))


def unknown_words(template: str, words: Collection[str]) -> list[str]:
    """Return the names of the {word.NAME} that there are no words for."""
    names = [place[1].removeprefix("word.") for place in _PLACE.finditer(template) if place[1].startswith("word.")]
    return [name for name in names if name not in words]


def problem(template: str, words: Collection[str] = ()) -> str:
    """Say what is wrong with a template; empty when it can be used. `words`: the names of the service's own words."""
    if unknown := unknown_words(template, words):
        return f"{{word.{unknown[0]}}} is not among the `words`"
    if template.strip()[:1] in ("{", "[") and not _PLACE.match(template.strip()) and not is_json(template):
        if fault := _fault(_PLACE.sub("0", template)):
            return f"begins like JSON and is none: {fault}"
        return 'each {...} but {date_ms} must stand inside quotes, such as "{title}"'
    return "" if template.strip() else "is empty, write for example {title}"


def _loads(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _fault(text: str) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"{error.msg.lower()} at its line {error.lineno}, column {error.colno}"
    return ""


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put the values in, escaped where the template is JSON; a tag that there is not is empty."""
    escape: Callable[[str], str] = _escape if is_json(template) else str
    return _PLACE.sub(lambda place: escape(values.get(place[1], "")), template)


def fill_url(template: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: quote(values.get(place[1], ""), safe=""), template)


def _escape(text: str) -> str:
    return json.dumps(text)[1:-1]


def put_in(template: str, values: Mapping[str, str]) -> str:
    """Put the values in as they are."""
    return _PLACE.sub(lambda place: values.get(place[1], ""), template)
