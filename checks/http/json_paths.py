"""Pure: where a path leads in a JSON document, and whether what is there is what is wanted."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from checks.http.expectations import JsonCondition

WHOLE = "."
NOTHING = object()
LACKING = "JSON has no"


def json_fault(document: Any, path: str, condition: JsonCondition) -> str:
    """Say what does not hold at a path, in words without the document's texts; nothing where all does.

    `a.b.0`: keys of objects, places in lists; `\\.` is a dot within a key, `.` alone the whole document. In a list,
    `all` and `any` stand for its values, `length` for their number.
    """
    steps = [] if path == WHOLE else [step.replace(r"\.", ".") for step in re.split(r"(?<!\\)\.", path)]
    fault = _fault(document, steps, condition, "")
    ours = _as_ours(path)
    return f"{fault}, write {ours}" if fault.startswith(LACKING) and ours != path else fault


def _as_ours(path: str) -> str:
    """Write a path of JSONPath or jq (`$.list[0].id`, `.db.state`) as it is written here."""
    plain = re.sub(r"\[['\"]?([^\]'\"]+)['\"]?\]", r".\1", path.removeprefix("$")).replace(".*", ".all")
    return plain.lstrip(".") or WHOLE


def _fault(value: Any, steps: list[str], condition: JsonCondition, at: str) -> str:
    if not steps:
        return "" if condition.holds(value) else _unfit(value, condition, at)
    step, rest = steps[0], steps[1:]
    if isinstance(value, list) and step == "all":
        faults = (_fault(one, rest, condition, _join(at, str(place))) for place, one in enumerate(value))
        return next((fault for fault in faults if fault), "")
    if isinstance(value, list) and step == "any":
        if any(not _fault(one, rest, condition, at) for one in value):
            return ""
        return f"JSON {_join(at, '.'.join(steps))} is {condition} for none of {len(value)}"
    inner = _step(value, step)
    if inner is NOTHING:
        return f"{LACKING} {_join(at, '.'.join(steps))}"
    return _fault(inner, rest, condition, _join(at, step))


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
