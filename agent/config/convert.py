"""From located YAML to typed settings: every wrong value at its own place, said in words, secrets never shown."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from agent.config.fault import Fault, Faults
from agent.config.homes import home_of
from agent.config.located_yaml.tree import EMPTY, Node, Refusal
from agent.config.sections.agent import fields
from agent.config.setting_value import parse, refuse
from agent.config.settings import Place
from agent.config.words import foreign
from agent.config.words.names import is_meant, missing_name, nearest, slip_text, unknown, without_space
from agent.config.words.quoting import quote, short
from agent.config.words.wording import example_of, explain, members_of, own_example, words
from agent.plugin.units import Duration, SettingValue

T = TypeVar("T", bound=msgspec.Struct)


def settings(
    struct: type[msgspec.Struct],
    nodes: Mapping[str, Node],
    place: Place,
    inside: str = "",
    also: typing.Iterable[str] = (),
    elsewhere: Mapping[str, str] = {},
) -> tuple[dict[str, Any], list[Fault]]:
    """Convert the settings of a struct, each by itself.

    `place` is where a missing one is reported; `also` are settings of others, worth suggesting; `elsewhere` says of
    names that are none here where they belong.
    """
    own = fields(struct)
    names = _Names(inside, own, [*own, *also], elsewhere)
    missing = [name for name in own if own[name].required and name not in nodes]
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    line_before = 0
    for name, node in nodes.items():
        same_line, line_before = node.place.line == line_before, node.place.line
        setting, field = names.full(name), own.get(name)
        if isinstance(node.value, Refusal) and (field or node.value is not EMPTY):
            faults.append(Fault(node.place, "" if _names_its_key(node) else setting, node.value.text))
        elif field is None:
            text, names_meant = _unknown_name(name, node, names, missing, same_line)
            missing = [one for one in missing if one not in names_meant]
            faults.append(Fault(node.key or node.place, "", text))
        else:
            try:
                values[field.name] = value(node, field.type, setting)
            except Faults as error:
                faults += error.faults
    return values, faults + [_missing(names.full(name), own[name].type, place) for name in missing]


class _Names(NamedTuple):
    """What may be written in one mapping."""

    inside: str
    """The full name of the mapping, '' at the top."""
    own: Mapping[str, msgspec.structs.FieldInfo]
    known: list[str]
    """Its own, and those of others that are worth suggesting."""
    elsewhere: Mapping[str, str]
    """Where names belong that are none here."""

    @property
    def is_of_the_agent(self) -> bool:
        """A check's own settings may be another type's, and are in no list of places."""
        return self.inside.partition(".")[0] == "agent"

    def full(self, name: str) -> str:
        return f"{self.inside}.{name}" if self.inside else name


def _unknown_name(
    name: str, node: Node, names: _Names, missing: list[str], same_line: bool
) -> tuple[str, typing.Collection[str]]:
    """Say what is wrong with a name that is no setting here, and which missing settings are meant by it.

    `same_line`: it stands on the line of the setting before it.
    """
    if slip := missing_name(name, names.known, missing):
        return slip_text(names.full(name), name, slip), (slip,)
    inner = _settings_inside(node, names.known)
    if text := names.elsewhere.get(name, ""):
        text = f"'{names.full(name)}': {text}"
    elif inner:
        text = f"{short(name)} is no setting: write what it holds ({', '.join(inner)}) in its place"
    elif node.value is EMPTY and same_line and not nearest(name, names.known):
        text = f"{short(name)} stands alone: where it belongs to the value before the comma, put quotes around that"
    elif names.is_of_the_agent and (home := home_of(name)) and not is_meant(name, names.known):
        text = f"'{names.full(name)}': {home}"
    else:
        text = unknown(names.full(name), name, names.known, shown_names=names.own)
    return text, (*inner, without_space(name, names.own))


def _settings_inside(node: Node, names: typing.Collection[str]) -> list[str]:
    """Return the settings that somebody wrote one level too deep, under a name that is none of ours."""
    inside = node.value if isinstance(node.value, dict) else {}
    if not any(name in names for name in inside):
        return []
    return [ours for name in inside if (ours := name if name in names else foreign.setting(name, names))]


def _missing(setting: str, expected: Any, place: Place) -> Fault:
    own = own_example(expected)
    example = f", write for example {own}" if own else ""
    example = example or next((example_of(one) for one in members_of(expected) if _is_value(one)), "")
    return Fault(place, "", f"setting '{setting}' is missing: it must be {words(expected)}{example}")


def value(node: Node, expected: Any, setting: str) -> Any:
    """Convert one value; Faults where it does not fit."""
    if isinstance(node.value, Refusal):
        raise Faults(Fault(node.place, setting, node.value.text))
    members = members_of(expected)
    if node.value is None and type(None) in members:
        return None
    if isinstance(node.value, dict) and (struct := _one_of(members, msgspec.Struct)):
        return _struct(node, struct, setting)
    if _is_text_in_braces(node, members):
        text = f"must be {words(expected)}, not a mapping: text that begins with {{ needs quotes"
        raise Faults(Fault(node.place, setting, text))
    if custom := _one_of(members, SettingValue):
        if type(None) in members and (_says_none(node) or (custom is Duration and node.value == 0)):
            raise Faults(Fault(node.place, setting, f"{quote(node)} is not understood, write null for none"))
        return parse(node, custom, setting)
    inside = _convert_inside(node, members, setting)
    try:
        return msgspec.convert(inside, expected, dec_hook=_as_is)
    except msgspec.ValidationError as error:
        raise Faults(Fault(node.place, setting, explain(str(error), node, expected))) from None


_NONE = ("none", "never", "no", "off", "nil", "n/a", "-", "false", "disabled", "unlimited", "null")


def _says_none(node: Node) -> bool:
    """Tell whether somebody wants no value here, in a word of another language."""
    return node.value is False or (isinstance(node.value, str) and not node.source and node.value.lower() in _NONE)


def _is_text_in_braces(node: Node, members: tuple[Any, ...]) -> bool:
    """Tell `{ERROR}` where no mapping belongs: for YAML it is a mapping of a name to nothing."""
    if not isinstance(node.value, dict) or any(typing.get_origin(member) is dict for member in members):
        return False
    return bool(node.value) and all(part.value is EMPTY for part in node.value.values())


def _is_value(expected: Any) -> bool:
    return isinstance(expected, type) and issubclass(expected, SettingValue)


def _one_of(members: tuple[Any, ...], kind: type) -> Any:
    return next((member for member in members if isinstance(member, type) and issubclass(member, kind)), None)


def _as_is(expected: type, converted: Any) -> Any:
    """Children are converted before what holds them."""
    return converted if isinstance(converted, expected) else expected.parse(converted)  # type: ignore[attr-defined]


def _convert_inside(node: Node, members: tuple[Any, ...], setting: str) -> Any:
    """Convert what is inside a list or mapping, by the type that the matching member gives it."""
    if isinstance(node.value, dict):
        for member in members:
            if typing.get_origin(member) is dict:
                inner = typing.get_args(member)[1]
                return dict(_children(((key, sub, inner) for key, sub in node.value.items()), setting))
    if isinstance(node.value, list):
        for member in members:
            if inner := _item_type(member):
                pairs = ((str(at), sub, inner[0]) for at, sub in enumerate(node.value))
                return [item for _, item in _children(pairs, setting)]
    return node.plain() if not any(node.refusals()) else refuse(node, setting)


def _item_type(member: Any) -> tuple[Any, ...]:
    """Return the one type of a list's items, or () where there is not one."""
    of, inner = typing.get_origin(member), typing.get_args(member)
    if of in (list, set, frozenset) or (of is tuple and inner[-1] is Ellipsis):
        return inner[:1]
    return ()


def _struct(node: Node, struct: type[msgspec.Struct], setting: str) -> Any:
    values, faults = settings(struct, node.value, node.place, setting)
    if faults:
        raise Faults(*faults)
    return make_struct(struct, values, node.place, setting)


def make_struct(struct: type[T], values: Mapping[str, Any], place: Place, setting: str = "") -> T:
    """Make the struct; its own code may object, and is then not quoted: it may know secrets."""
    try:
        return struct(**values)
    except Exception as error:  # noqa: BLE001 - a type's own code is foreign code
        text = f"these settings are refused together ({type(error).__name__} in {struct.__name__})"
        raise Faults(Fault(place, setting, text)) from None


def _children(children: Iterator[tuple[str, Node, Any]], setting: str) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    faults: list[Fault] = []
    for key, node, expected in children:
        try:
            pairs.append((key, value(node, expected, setting if node.place == node.key else f"{setting}.{key}")))
        except Faults as error:
            faults += error.faults
    if faults:
        raise Faults(*faults)
    return pairs


def _names_its_key(node: Node) -> bool:
    """A double key, and a key that is no text, say so themselves; an empty value does not."""
    return node.place == node.key or (isinstance(node.value, Refusal) and node.value.first is not None)
