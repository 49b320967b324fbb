"""From located YAML to typed settings: every wrong value at its own place, said in words, secrets never shown."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from agent.config.located_yaml.tree import EMPTY, Located, Refusal
from agent.config.sections import fields
from agent.config.settings import Place
from agent.config.wording import (
    example_of,
    meant,
    members_of,
    one_line,
    reworded,
    said,
    short,
    slip_text,
    unknown,
    without_space,
    words,
)
from agent.plugin.units import SettingValue

T = TypeVar("T", bound=msgspec.Struct)


class Fault(NamedTuple):
    """What is wrong with one setting, and where."""

    place: Place
    setting: str
    text: str
    aside: bool = False
    """The setting is right and stays; what it leads to is not."""

    def __str__(self) -> str:
        return f"{self.setting}: {self.text}" if self.setting else self.text


class Faults(Exception):
    """A value cannot be converted, for one or more reasons."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__()
        self.faults = faults


def settings(
    wanted: type[msgspec.Struct],
    written: Mapping[str, Located],
    place: Place,
    inside: str = "",
    also: typing.Iterable[str] = (),
) -> tuple[dict[str, Any], list[Fault]]:
    """Convert the settings of a struct, each by itself.

    `place` is where a missing one is reported; `also` are settings of others, worth suggesting.
    """
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    known = fields(wanted)
    missing = [name for name in known if known[name].required and name not in written]
    for name, node in written.items():
        setting = f"{inside}.{name}" if inside else name
        if isinstance(node.value, Refusal) and (name in known or node.value is not EMPTY):
            faults.append(Fault(node.place, "" if _names_its_key(node) else setting, node.value.text))
        elif name not in known and (slip := meant(name, [*known, *also], missing)):
            missing.remove(slip)
            faults.append(Fault(node.key or node.place, "", slip_text(setting, name, slip)))
        elif name not in known:
            missing = [one for one in missing if one != without_space(name, known)]
            faults.append(Fault(node.key or node.place, "", unknown(setting, name, [*known, *also], listed=known)))
        else:
            try:
                values[known[name].name] = value(node, known[name].type, setting)
            except Faults as found:
                faults += found.faults
    return values, faults + [
        _missing(f"{inside}.{name}" if inside else name, known[name].type, place) for name in missing
    ]


def _missing(setting: str, wanted: Any, place: Place) -> Fault:
    example = next((example_of(one) for one in members_of(wanted) if _is_value(one)), "")
    return Fault(place, "", f"setting '{setting}' is missing: it must be {words(wanted)}{example}")


def value(node: Located, wanted: Any, setting: str) -> Any:
    """Convert one value; Faults where it does not fit."""
    if isinstance(node.value, Refusal):
        raise Faults(Fault(node.place, setting, node.value.text))
    members = members_of(wanted)
    if node.value is None and type(None) in members:
        return None
    if isinstance(node.value, dict) and (struct := _one_of(members, msgspec.Struct)):
        return _struct(node, struct, setting)
    if custom := _one_of(members, SettingValue):
        return _parsed(node, custom, setting)
    built = _built(node, members, setting)
    try:
        return msgspec.convert(built, wanted, dec_hook=_as_is)
    except msgspec.ValidationError as error:
        raise Faults(Fault(node.place, setting, reworded(str(error), node, wanted))) from None


def _is_value(wanted: Any) -> bool:
    return isinstance(wanted, type) and issubclass(wanted, SettingValue)


def _one_of(members: tuple[Any, ...], kind: type) -> Any:
    return next((member for member in members if isinstance(member, type) and issubclass(member, kind)), None)


def _as_is(wanted: type, converted: Any) -> Any:
    """Children are converted before what holds them."""
    return converted if isinstance(converted, wanted) else wanted.parse(converted)  # type: ignore[attr-defined]


def _built(node: Located, members: tuple[Any, ...], setting: str) -> Any:
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
    return node.plain() if not any(node.refusals()) else _refuse(node, setting)


def _item_type(member: Any) -> tuple[Any, ...]:
    """Return the one type of a list's items, or () where there is not one."""
    of, inner = typing.get_origin(member), typing.get_args(member)
    if of in (list, set, frozenset) or (of is tuple and inner[-1] is Ellipsis):
        return inner[:1]
    return ()


def _refuse(node: Located, setting: str) -> Any:
    raise Faults(*(Fault(leaf.place, setting, leaf.value.text) for leaf in node.refusals()))


def _struct(node: Located, wanted: type[msgspec.Struct], setting: str) -> Any:
    values, faults = settings(wanted, node.value, node.place, setting)
    if faults:
        raise Faults(*faults)
    return made(wanted, values, node.place, setting)


def made(wanted: type[T], values: Mapping[str, Any], place: Place, setting: str = "") -> T:
    """Make the struct; its own code may object, and is then not quoted: it may know secrets."""
    try:
        return wanted(**values)
    except Exception as error:  # noqa: BLE001 - a type's own code is foreign code
        text = f"these settings are refused together ({type(error).__name__} in {wanted.__name__})"
        raise Faults(Fault(place, setting, text)) from None


def _children(children: Iterator[tuple[str, Located, Any]], setting: str) -> list[tuple[str, Any]]:
    converted: list[tuple[str, Any]] = []
    faults: list[Fault] = []
    for key, node, wanted in children:
        try:
            converted.append((key, value(node, wanted, f"{setting}.{key}")))
        except Faults as found:
            faults += found.faults
    if faults:
        raise Faults(*faults)
    return converted


def _parsed(node: Located, wanted: type[SettingValue], setting: str) -> SettingValue:
    if any(node.refusals()):
        _refuse(node, setting)
    plain = node.written if wanted.as_written and node.written else node.plain()
    try:
        return wanted.parse(plain)
    except Exception as error:  # noqa: BLE001 - a type's own value class is foreign code
        text = str(error)
        sources = {leaf.source for leaf in node.leaves() if leaf.source}
        unsaid = isinstance(plain, (dict, list, bool, type(None))) and repr(plain) in text
        if isinstance(error, ValueError) and isinstance(node.value, dict) and not unsaid:
            _parsed_inside(node, wanted, setting)
        if sources or not isinstance(error, ValueError) or unsaid:
            shown = f"the value of {' '.join(sorted(sources))}" if sources else said(node)
            text = f"{shown} is not {wanted.words}{example_of(wanted)}"
        elif isinstance(plain, str) and len(plain) > 60:
            text = text.replace(repr(plain), short(plain)).replace(plain, short(plain))
        raise Faults(Fault(node.place, setting, one_line(text))) from None


def _parsed_inside(node: Located, wanted: type[SettingValue], setting: str) -> None:
    """What a value made of several holds must be right by itself: a mistake in it is said at its own place."""
    for key, part in node.value.items():
        _parsed(part, wanted, f"{setting}.{key}")


def _names_its_key(node: Located) -> bool:
    """A double key, and a key that is no text, say so themselves; an empty value does not."""
    return node.place == node.key or (isinstance(node.value, Refusal) and node.value.first is not None)
