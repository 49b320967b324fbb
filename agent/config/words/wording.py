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
from agent.plugin.units import SettingValue

FEW = 6
"""So many names can be listed in a message."""
MOST_TEXT = 600
"""Characters of a message."""


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


def quote(node: Node) -> str:
    """Show a value in a message, briefly; an expanded one only by its `${...}`."""
    if node.source:
        return f"the value of {node.source}"
    if isinstance(node.value, str):
        return short(node.value)
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, list):
        return "a list"
    if node.value is None or isinstance(node.value, bool):
        return str(msgspec.json.encode(node.value).decode())
    return f"the number {node.value}"


_USER = re.compile(r"(?<=://)[^/\s@]+(?=@)")


def without_user(text: str) -> str:
    """Hide user and password of addresses in a text."""
    return _USER.sub("***", text)


def short(text: str) -> str:
    text = without_user(text)
    return repr(text if len(text) <= 60 else text[:57] + "...")


def one_line(text: str) -> str:
    text = without_user(text)
    text = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 3] + "..."


def safe(text: str, node: Node) -> str:
    """A complaint about an expanded value may quote it, so only the fact remains."""
    return "does not fit here" if node.source else one_line(text)


def nearest(name: str, names: typing.Iterable[str]) -> str:
    """Return the known name that is meant by a slip of the hand, or ''. No hint is better than a wrong one."""
    from difflib import SequenceMatcher

    def likeness(other: str) -> float:
        one, two = name.lower(), other.lower()
        if abs(len(one) - len(two)) > 2:
            return 0.0
        if sorted(one) == sorted(two):
            return 0.99 if one != two else 1.0
        # Of two short words that differ in a letter, each is a word of its own: port and sort.
        enough = 0.75 if max(len(one), len(two)) > 4 else 0.8
        ratio = SequenceMatcher(None, one, two).ratio()
        return ratio if ratio >= enough else 0.0

    best = max(names, key=likeness, default="")
    return best if best and likeness(best) else ""


def missing_name(name: str, names: typing.Iterable[str], missing: typing.Collection[str]) -> str:
    """Return which of the missing names somebody meant who wrote one that is not known; '' for none.

    Where a name has to be, one letter that is wrong is enough of a hint; else it might be a word of its own.
    """
    names = list(names)
    if name_meant := nearest(name, names) or foreign.setting(name, names):
        return name_meant if name_meant in missing else ""
    return next((one for one in missing if _one_letter_off(name.lower(), one)), "")


def slip_text(setting: str, name: str, slip: str) -> str:
    """Say that a name is not known, and that the one that was meant is missing."""
    text = f"unknown setting {short(setting)}"
    if not nearest(name, [slip]) and foreign.setting(name, [slip]):
        note = f" ({foreign.note(slip)})" if foreign.note(slip) else ""
        return f"{text}, write '{slip}'{note}, which is missing"
    return f"{text}, did you mean '{slip}', which is missing?"


def _one_letter_off(first: str, second: str) -> bool:
    """Tell whether a letter is other, too much or missing, in words of three letters or more."""
    if min(len(first), len(second)) < 3 or abs(len(first) - len(second)) > 1:
        return False
    short_one, long_one = sorted((first, second), key=len)
    at = next((at for at, (a, b) in enumerate(zip(short_one, long_one, strict=False)) if a != b), len(short_one))
    return long_one[at + 1 :] == short_one[at + (len(first) == len(second)) :]


def unknown(
    setting: str, name: str, names: typing.Iterable[str], shown_names: typing.Iterable[str] | None = None
) -> str:
    """Say that a name is not known, and what to write: the word that is meant, else the names that there are."""
    names = list(names)
    text = f"unknown setting {short(setting)}"
    if spaceless := without_space(name, names):
        return f"{spaceless!r} needs a colon and a space before its value: write '{spaceless}: ...'"  # may be a secret
    if close := nearest(name, names):
        return f"{text}, did you mean '{close}'?"
    if ours := foreign.setting(name, names):
        note = f" ({foreign.note(ours)})" if foreign.note(ours) else ""
        return f"{text}, write '{ours}'{note}"
    choices = names if shown_names is None else list(shown_names)
    if pair := [one for one in names if one in (f"{name}_warning", f"{name}_critical")]:
        return f"{text}, write {' or '.join(map(repr, pair))}"
    if levels := _levels(name, choices):
        return f"{text}, write {levels}"
    if shown_names is None and len(choices) > FEW:
        return text
    return f"{text}, write one of {', '.join(compact(choices))}" if choices else text


def without_space(name: str, names: typing.Container[str]) -> str:
    """Return the setting that is meant by `type:load` or `type = load`; '' for none."""
    match = re.match(r"([\w-]+)\s*[:=]\s*\S", name)
    return match[1] if match and match[1] in names else ""


def _levels(name: str, names: list[str]) -> str:
    """Return the levels that a type has instead of one plain `warning`."""
    word = next(
        (word for word in ("warning", "critical") if name == word or (word.startswith(name) and len(name) > 3)), ""
    )
    levels = [one for one in names if word and one.endswith(f"_{word}")]
    return " or ".join((", ".join(levels[:-1]), levels[-1])) if len(levels) > 1 else "".join(levels)


def compact(names: list[str]) -> list[str]:
    """Return names for a list, each pair of levels as one: `age_warning/critical`."""
    pairs = {name.removesuffix("_warning") for name in names if name.endswith("_warning")}
    pairs &= {name.removesuffix("_critical") for name in names if name.endswith("_critical")}
    return [
        f"{name}/critical" if name.removesuffix("_warning") in pairs else name
        for name in names
        if not (name.endswith("_critical") and name.removesuffix("_critical") in pairs)
    ]


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
        return f"{quote(node)} does not have the form {complaint.partition('matching regex ')[2]}"
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
    if close := nearest(text, (choice for choice in _choices(members) if isinstance(choice, str))):
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
