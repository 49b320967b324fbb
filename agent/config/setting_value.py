"""A value of a class of its own (a duration, a size, a pattern): parsed, or why it is not taken."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from agent.config.fault import Fault, Faults
from agent.config.located_yaml.tree import Node
from agent.config.words.quoting import one_line, quote, short
from agent.config.words.wording import example_of
from agent.plugin.units import Regex, SettingValue


def parse(node: Node, kind: type[SettingValue], setting: str) -> SettingValue:
    """Return the value; Faults, each at its own place, where it is not taken."""
    if any(node.refusals()):
        refuse(node, setting)
    plain = node.literal if kind.as_written and node.literal and not node.source else node.plain()
    try:
        if isinstance(plain, str | int | float):
            return parse_once(kind, plain)  # type: ignore[arg-type]  # takes the hash of the class for its instances
        return kind.parse(plain)
    except Exception as error:  # noqa: BLE001 - a type's own value class is foreign code
        if isinstance(node.value, dict) and isinstance(error, ValueError) and not _is_shown(plain, str(error)):
            _parse_inside(node, kind, setting)
        raise Faults(Fault(node.place, setting, one_line(_complaint(error, node, kind, plain)))) from None


def _complaint(error: Exception, node: Node, kind: type[SettingValue], plain: Any) -> str:
    """Say why a value is not taken: in the words of its class, unless these show a secret or how Python writes it."""
    text = str(error)
    sources = sorted({leaf.source for leaf in node.leaves() if leaf.source})
    if sources or not isinstance(error, ValueError) or _is_shown(plain, text):
        shown = f"the value of {' '.join(sources)}" if sources else quote(node)
        text = f"{shown} is not {kind.words}"
        if isinstance(node.value, dict) and len(node.value) == 1 and node.key is None and not sources:
            return f"{text}: put quotes around a value with ': ' in it"
        return f"{text}{_instead_of_list(plain, kind) if isinstance(plain, list) and not sources else example_of(kind)}"
    if isinstance(plain, str) and len(plain) > 60:
        return text.replace(repr(plain), short(plain)).replace(plain, short(plain))
    return text


def _instead_of_list(several: list[Any], kind: type[SettingValue]) -> str:
    """Say what to write where somebody gave several and one is taken."""
    if issubclass(kind, Regex) and several and all(isinstance(one, str) for one in several):
        return f", write {'|'.join(several)}"
    return example_of(kind)


def _is_shown(plain: Any, text: str) -> bool:
    """Tell whether a text shows a value as Python writes it, which is not how it stands in the file."""
    return isinstance(plain, (dict, list, bool, type(None))) and repr(plain) in text


@lru_cache(500, typed=True)
def parse_once(kind: type[SettingValue], plain: str | float) -> SettingValue:
    """Return the same value for the same words: thousands of checks have the same, and reading it takes time too.

    To be cleared with each load: a type's own value class may look at the host.
    """
    return kind.parse(plain)


def _parse_inside(node: Node, kind: type[SettingValue], setting: str) -> None:
    """What a value made of several holds must be right by itself: a mistake in it is said at its own place."""
    for key, part in node.value.items():
        parse(part, kind, f"{setting}.{key}")


def refuse(node: Node, setting: str) -> Any:
    """Raise what each part of the node that could not be read says of itself."""
    raise Faults(*(Fault(leaf.place, setting, leaf.value.text) for leaf in node.refusals()))
