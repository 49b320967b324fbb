"""Pure: where a path leads in a JSON document, and whether what is there is what is wanted."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import msgspec

from checks.http.expectations import JsonCondition

WHOLE = "."
NOTHING = object()
LACKING = "JSON has no"
LONGEST_KEY = 60
_PLAIN = re.compile(r"[^\s\[\]()?@|#:.]+(?:\.(?!-)[^\s\[\]()?@|#:.]+)*")
"""A path without what other tools write in theirs."""


class Step(NamedTuple):
    """One step of a path."""

    name: str
    length_path: str = ""
    """What a condition on the number of values is written as."""
    has_length: bool = False
    """There is one: it says whether there may be none."""


def json_fault(document: Any, path: str, condition: JsonCondition, paths: Collection[str] = ()) -> str:
    """Say what does not hold at a path, in words without the document's texts; nothing where all does.

    `a.b.0`: keys of objects, places in lists; `\\.` is a dot within a key, `.` alone the whole document. In a list,
    `all` and `any` stand for its values, `length` for their number; `*` for all values of a list or an object. Of an
    empty one only `!=` holds, or what a `length` among `paths`, those that have a condition, says.
    """
    fault = _fault(document, _steps(path, paths), condition, "")
    return f"{fault}{_advice(path)}" if fault.startswith(LACKING) else fault


def _steps(path: str, paths: Collection[str]) -> list[Step]:
    if path == WHOLE:
        return []
    names = re.split(r"(?<!\\)\.", path)
    lengths = [".".join([*names[:place], "length"]) for place in range(len(names))]
    return [
        Step(name.replace(r"\.", "."), length, length in paths) for name, length in zip(names, lengths, strict=True)
    ]


def _advice(path: str) -> str:
    """Say how a path of JSONPath, JSON Pointer, jq or Gatus is written here; nothing where it is of none of them."""
    ours = _as_ours(path)
    if ours == path:
        return ""
    is_plain = ours == WHOLE or (_PLAIN.fullmatch(ours) and ".." not in path)
    return f", write {ours}" if is_plain else ", a path is written as in nodes.0.id"


def _as_ours(path: str) -> str:
    plain = re.sub(r"^(?:len|length|count)\((.*)\)$|^(.*?)\s*\|\s*length$", r"\1\2.length", path)
    plain = re.sub(r"^(?:\$|\[BODY\])(?=$|[.\[])", "", plain)
    plain = re.sub(r"\[['\"]?([^\]'\"]+)['\"]?\]", r".\1", plain)
    plain = plain.replace("[]", ".*")
    plain = plain.replace("/", ".") if plain.startswith("/") else plain
    return plain.lstrip(".") or WHOLE


def _fault(value: Any, steps: list[Step], condition: JsonCondition, at: str) -> str:
    if not steps:
        return "" if condition.holds(value) else _unfit(value, condition, at)
    step, rest = steps[0], steps[1:]
    if (values := _all_of(value, step.name)) is not None:
        if not values and not step.has_length and condition.comparison != "!=":
            return _empty(value, step, condition, at)
        faults = (_fault(one, rest, condition, _join(at, place)) for place, one in values)
        return next((fault for fault in faults if fault), "")
    if isinstance(value, list) and step.name == "any":
        if any(not _fault(one, rest, condition, at) for one in value):
            return ""
        return f"JSON {_join(at, _text(steps))} is {condition} for none of {len(value)}"
    inner = _step(value, step.name)
    if inner is NOTHING and step.name == "all" and isinstance(value, dict):
        return f"JSON {at or 'as a whole'} is an object: its values are *, as in {_join(at, _text([Step('*'), *rest]))}"
    if inner is NOTHING:
        return f"{LACKING} {_join(at, _text(steps))}"
    return _fault(inner, rest, condition, _join(at, step.name))


def _all_of(value: Any, step: str) -> list[tuple[str, Any]] | None:
    """Return place and value of all that a step stands for; None where it stands for one alone."""
    if isinstance(value, list) and step in ("all", "*"):
        return [(str(place), one) for place, one in enumerate(value)]
    if isinstance(value, dict) and step == "*" and step not in value:
        return [(_short(key), one) for key, one in value.items()]
    return None


def _short(key: str) -> str:
    """Show a key that nobody has written: it is the server's word."""
    plain = key if key.isprintable() else ascii(key)
    return plain if len(plain) <= LONGEST_KEY else f"{plain[:LONGEST_KEY]}..."


def _empty(value: Any, step: Step, condition: JsonCondition, at: str) -> str:
    place = at or "as a whole"
    if isinstance(value, dict):
        return f"JSON {place} is an empty object: nothing in it is {condition}"
    way = f'where it may be empty, add {step.length_path}: ">=0"'
    return f"JSON {place} is an empty list: nothing in it is {condition}; {way}"


def _text(steps: Iterable[Step]) -> str:
    return ".".join(step.name for step in steps)


def _unfit(value: Any, condition: JsonCondition, at: str) -> str:
    if condition.comparison == "!=":
        return f"JSON {at or 'as a whole'} is {condition.operand_text}, which it must not be"
    return f"JSON {_describe(at, value)} is not {condition}{_why(value, condition)}"


def _step(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return value.get(step, NOTHING)
    if isinstance(value, list) and step == "length":
        return len(value)
    if isinstance(value, list) and step.isdecimal() and len(step) < 10 and int(step) < len(value):
        return value[int(step)]
    return NOTHING


def _join(at: str, step: str) -> str:
    return f"{at}.{step}" if at else step


def _describe(at: str, value: Any) -> str:
    """Numbers, true, false and null tell no secrets; text may."""
    place = at or "as a whole"
    return place if isinstance(value, (str, list, dict)) else f"{place} {_number(value)}"


def _number(value: Any) -> str:
    # NaN and Infinity are no JSON, but in some bodies all the same.
    return str(value) if isinstance(value, float) else msgspec.json.encode(value).decode()


def _why(value: Any, condition: JsonCondition) -> str:
    if isinstance(value, str) and not isinstance(condition.operand, str):
        return ": it is text" + (", which is written in quotes" if not condition.comparison else "")
    if isinstance(condition.operand, str) and not isinstance(value, (str, list, dict)):
        return ": it is no text, which is written without quotes"
    if isinstance(value, (list, dict)):
        return f": it is {'a list' if isinstance(value, list) else 'an object'}"
    return ""
