"""Pure: templates with {title}, {status} ...: what is wrong with one, and how it is filled."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from urllib.parse import quote

NAMES = (
    *("title", "message", "summary", "status", "previous", "host", "check", "type", "subject", "event_id"),
    *("incident_id", "date", "date_ms", "since"),
)
NUMBERS = ("date_ms",)
"""Those that may stand outside quotes in JSON."""
_PLACE = re.compile(rf"\{{({'|'.join(NAMES)}|(?:tag|word)\.[a-z][a-z0-9_]*)\}}")

_LIKE_A_PLACE = re.compile(r"\{\{(?=[\s.$])\s*[.$]?([A-Za-z_]{2,30})\s*\}\}|\{([A-Za-z_]{2,30})\}")
_OTHER_WORDS = {
    **dict.fromkeys(("severity", "level", "state"), "status"),
    **dict.fromkeys(("hostname", "server", "node"), "host"),
    **dict.fromkeys(("check_name", "service", "monitor"), "check"),
    **dict.fromkeys(("description", "text", "msg", "details", "output"), "message"),
    **dict.fromkeys(("time", "timestamp", "datetime"), "date"),
    **dict.fromkeys(("alert", "subject_line", "headline"), "title"),
}
"""What other tools call it."""

_MARK = re.compile("\ue000(\\d+)\ue001")
"""What stands for a place while it is looked for."""


def is_json(template: str) -> bool:
    """Tell whether the template as a whole is JSON, whatever is put in."""
    return _loads(_PLACE.sub(lambda place: "0" if place[1] in NUMBERS else "x", template))


def first_place(text: str) -> str:
    """Return the first {...} that stands for something, empty where there is none."""
    place = _PLACE.search(text)
    return place[0] if place else ""


def place_problem(template: str, words: Collection[str]) -> str:
    """Say which {...} of a body or URL stands for nothing; '' where each does."""
    unknown = _unknown_words(template, words)
    return f"{{word.{unknown[0]}}} is not among the `words`" if unknown else _misspelt_place(template)


def _unknown_words(template: str, words: Collection[str]) -> list[str]:
    """Return the names of the {word.NAME} that there are no words for."""
    names = [place[1].removeprefix("word.") for place in _PLACE.finditer(template) if place[1].startswith("word.")]
    return [name for name in names if name not in words]


def problem(template: str, words: Collection[str] = ()) -> str:
    """Say what is wrong with a template; empty when it can be used. `words`: the names of the service's own words."""
    if text := place_problem(template, words):
        return text
    if template.strip()[:1] in ("{", "[") and not _PLACE.match(template.strip()) and not is_json(template):
        if fault := _fault(_PLACE.sub("0", template)):
            return f"begins like JSON and is none: {fault}"
        return 'each {...} but {date_ms} must stand inside quotes, such as "{title}"'
    return "" if template.strip() else "is empty, write for example {title}"


def _misspelt_place(template: str) -> str:
    """Say what is meant by `{titel}`, `{severity}` and `{{ .Title }}`, which would be sent as they stand."""
    from agent.config.words.names import nearest

    for place in _LIKE_A_PLACE.finditer(template):
        word = (place[1] or place[2]).lower()
        name = word if word in NAMES else nearest(word, NAMES) or _OTHER_WORDS.get(word, "")
        if name and place[0] != f"{{{name}}}":
            return f"{place[0]} is nothing that is put in: write {{{name}}}"
    return ""


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


def fill(template: str, values: Mapping[str, str], content_type: str = "") -> str:
    """Put the values in, escaped for what the template is; a tag that there is not is empty.

    In JSON for that, and once more for each text that is JSON itself. Else in a form or XML, by the content type.
    """
    if not is_json(template):
        if "form-urlencoded" in content_type.lower():
            fields = (field.split("=", 1) for field in template.split("&"))
            return "&".join("=".join(_fill(part, values, _quote) for part in field) for field in fields)
        if re.search("xml|html", content_type, re.IGNORECASE):
            from html import escape  # half a megabyte: it brings the names of all characters

            return _fill(template, values, escape)
    return _fill(template, values, str)


def fill_url(template: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: _quote(values.get(place[1], "")), template)


def _fill(template: str, values: Mapping[str, str], finish: Callable[[str], str]) -> str:
    depths, numbers = _depths(template), itertools.count()

    def value_at(place: re.Match[str]) -> str:
        value = values.get(place[1], "")
        for _ in range(depths.get(next(numbers), 0)):
            value = json.dumps(value)[1:-1]
        return finish(value)

    return _PLACE.sub(value_at, template)


def _depths(template: str) -> dict[int, int]:
    """Return in how many texts of JSON, each within the one before, each place stands; nothing where it is none."""
    numbers = itertools.count()

    def mark(place: re.Match[str]) -> str:
        number = next(numbers)
        return "0" if place[1] in NUMBERS else f"\ue000{number}\ue001"

    return dict(_marks(_PLACE.sub(mark, template), 0)) if is_json(template) else {}


def _marks(text: str, depth: int) -> Iterator[tuple[int, int]]:
    """Yield the number and the depth of each mark."""
    if (depth == 0 or text.strip()[:1] in ("{", "[")) and _loads(text):
        for inner in _texts(json.loads(text)):
            yield from _marks(inner, depth + 1)
    else:
        yield from ((int(number), depth) for number in _MARK.findall(text))


def _texts(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        yield from document
        yield from itertools.chain.from_iterable(map(_texts, document.values()))
    elif isinstance(document, list):
        yield from itertools.chain.from_iterable(map(_texts, document))


def _quote(text: str) -> str:
    return quote(text, safe="", errors="replace")


def put_in(template: str, values: Mapping[str, str]) -> str:
    """Put the values in as they are."""
    return _PLACE.sub(lambda place: values.get(place[1], ""), template)
