"""How faults are worded: what a type wants, what stands there instead; the content of secrets never shows."""

from __future__ import annotations

import re
import types
import typing
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec

from agent.config.located_yaml.tree import UNSAID, Node
from agent.config.words import foreign
from agent.config.words.names import FEW, compact, nearest
from agent.config.words.quoting import quote
from agent.plugin.units import SettingValue


def members_of(expected: Any) -> tuple[Any, ...]:
    """Return the types of a union, or the one type, without their annotations."""
    try:
        return _members_of(expected)
    except TypeError:  # somebody's own annotation that cannot be hashed
        return _members_of.__wrapped__(expected)


@lru_cache(500)  # bounded: own types change while the agent runs
def _members_of(expected: Any) -> tuple[Any, ...]:
    if typing.get_origin(expected) is Annotated:
        return members_of(typing.get_args(expected)[0])
    if typing.get_origin(expected) in (typing.Union, types.UnionType):
        return tuple(member for part in typing.get_args(expected) for member in members_of(part))
    return (expected,)


def words(expected: Any) -> str:
    """Say what a type wants: `a whole number`, `text or a list`, `one of 'a' or 'b'`."""
    names = dict.fromkeys(_word(member) for member in members_of(expected) if member is not type(None))
    return " or ".join(names)


def _word(member: Any) -> str:
    if typing.get_origin(member) is Literal:
        choices = [repr(choice) for choice in typing.get_args(member)]
        return f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0]
    if isinstance(member, type) and issubclass(member, SettingValue):
        return member.words
    if isinstance(member, type) and issubclass(member, msgspec.Struct):
        return "a mapping of settings"
    simple = {str: "text", int: "a whole number", float: "a number", bool: "true or false", dict: "a mapping"}
    return simple.get(typing.get_origin(member) or member, "a list")


_BOUND = re.compile(r"(of length )?(>=|<=|>|<) (\S+)$")
_COMPARISONS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


def explain(error: str, node: Node, expected: Any) -> str:
    """Say msgspec's complaint for people; it names types and bounds only, never the value."""
    members = members_of(expected)
    complaint = error.partition(" - at ")[0]
    if match := _BOUND.search(complaint):
        bound = f"{_COMPARISONS[match[2]]} {match[3]}"
        if match[1]:
            one, many = ("character", "characters") if isinstance(node.value, str) else ("entry", "entries")
            return f"must have {bound} {one if match[3] == '1' else many}"
        return f"must be {bound}, not {quote(node)}"
    if "matching regex" in complaint:
        example = own_example(expected)
        form = f"is not written so, write for example {example}" if example else "does not have the form "
        return f"{quote(node)} {form}{'' if example else complaint.partition('matching regex ')[2]}"
    if isinstance(node.value, str) and bool in members and not _choices(members):
        return f"{quote(node)} is text here, write true or false"
    text = "text " if isinstance(node.value, str) and not node.source else ""
    instead = "" if node.source == UNSAID else f", not {text}{quote(node)}"
    return f"must be {words(expected)}{instead}{_hint(node, members, own_example(expected))}"


def own_example(expected: Any) -> str:
    """Return the example that a setting has of its own; '' where it has none."""
    metas = [one for one in typing.get_args(expected)[1:] if isinstance(one, msgspec.Meta)]
    return next((str(meta.examples[0]) for meta in metas if meta.examples), "")


def without_colon(text: str) -> str:
    """Ask after what is missing in `type:load` or `type=load`, where a mapping belongs; '' for any other text."""
    if re.match(r"[A-Za-z_][\w-]*:(?!//)\S", text):
        return " (is a space missing after the colon?)"
    return " (`name: value` is meant, not `name=value`?)" if re.match(r"[A-Za-z_][\w-]*\s*=\s*\S", text) else ""


_YES_OR_NO = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_LARGEST = 2**63 - 1


def _hint(node: Node, members: tuple[Any, ...], example: str) -> str:
    scalar = node.value
    if not isinstance(scalar, dict) and any(typing.get_origin(member) is dict for member in members):
        return ": write `name: value` lines under it"
    if str in members and isinstance(scalar, (int, float)):
        return f": write for example {example}" if example else ": put quotes around it"
    if str in members and isinstance(scalar, list) and len(scalar) > 1:
        return ": only one is taken here; text that begins with [ needs quotes"
    if str in members and isinstance(scalar, (list, dict)):
        return ": text that begins with [ or { needs quotes"
    if isinstance(scalar, bool) and (ours := foreign.choice(str(scalar), _choices(members))):
        return f": write {ours}"
    if isinstance(scalar, float) and int in members and scalar.is_integer() and not node.source:
        return f": write {int(scalar)}"
    if not isinstance(scalar, str):
        return ""
    if node.source:
        return ", which is always text" if node.source != UNSAID else ""
    hint = _hint_for_text(scalar, members)
    if not hint and str not in members and any(map(_is_list, members)) and re.fullmatch(r"[\w./*-]+", scalar):
        return f": write [{scalar}]"
    return hint


def _is_list(member: Any) -> bool:
    return typing.get_origin(member) in (list, tuple, set, frozenset)


def _hint_for_text(text: str, members: tuple[Any, ...]) -> str:
    """Say what to write instead of a text where something else belongs; '' where that does not show."""
    choices = [choice for choice in _choices(members) if isinstance(choice, str)]
    if ours := foreign.choice(text, choices):
        return f": write {ours}"
    if close := nearest(text, choices):
        return f", did you mean '{close}'?"
    if bool in members and text.lower() in _YES_OR_NO:
        return f": write {_YES_OR_NO[text.lower()]}"
    if int in members or float in members:
        return _hint_for_number(text)
    if struct := next((one for one in members if isinstance(one, type) and issubclass(one, msgspec.Struct)), None):
        names = compact([field.encode_name for field in msgspec.structs.fields(struct)])
        return f": its settings are {', '.join(names[:FEW])}"
    return without_colon(text)


def _hint_for_number(text: str) -> str:
    number = text.replace("_", "").lstrip("+-0") if text.isascii() else ""
    if not number.isdigit():
        return ""
    return f": at most {_LARGEST} can be counted" if int(number[:30]) > _LARGEST else f": write {number}"


def _choices(members: tuple[Any, ...]) -> list[Any]:
    return [choice for member in members if typing.get_origin(member) is Literal for choice in typing.get_args(member)]


def example_of(expected: type[SettingValue]) -> str:
    example = getattr(expected, "example", "")
    return f", write for example {example}" if example else ""
