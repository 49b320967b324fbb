"""The JSON Schema of a drop-in file and the documentation of its settings, made from the classes that read them."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec

from agent.api import Check
from agent.config.rules import NAME, OWN_NAME
from agent.config.sections.agent import SECTIONS, AgentSection, fields
from agent.config.sections.check import CheckSection
from agent.config.types.catalog import Catalog
from agent.config.types.check_class import CatalogError
from agent.config.words.wording import members_of, words
from agent.plugin.units import Duration, SettingValue

Schema = dict[str, Any]

_REFERENCE = {"type": "string", "pattern": r"\$\{(file|env):"}
_META = {
    "description": "description",
    "examples": "examples",
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "pattern": "pattern",
}
_HEAD = "| Setting | What | Default | Meaning |\n|---|---|---|---|\n"
_LENGTHS = {"string": "Length", "array": "Items", "object": "Properties"}


def schema(catalog: Catalog) -> Schema:
    """Return the JSON Schema (draft 2020-12) of a file, with all types of the catalog that work."""
    kinds = working(catalog)
    own = {name: _of_check(kind) for name, kind in kinds.items()}
    any_setting: Schema = {key: {} for settings in own.values() for key in settings} | _properties(CheckSection)
    sections: Schema = {
        "agent": of_type(AgentSection),
        "defaults": _object({key: value for key, value in any_setting.items() if key != "type"}),
        "checks": {
            "type": "object",
            "propertyNames": {"pattern": NAME, "not": {"const": OWN_NAME}},
            "additionalProperties": _check(own),
        },
    }
    for name, section in sections.items():
        section |= {"type": ["object", "null"], "description": SECTIONS[name]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "hostvigil drop-in file",
        "type": ["object", "null"],
        "properties": sections,
        "patternProperties": {"^x-": {"description": "Anything, for anchors (&name) that are used elsewhere."}},
        "additionalProperties": False,
        # What a type needs may also stand in `defaults`: then not every check has to have it.
        "if": {"not": {"type": "object", "required": ["defaults"]}},
        "then": {"properties": {"checks": {"additionalProperties": _requirements(kinds)}}},
    }


def working(catalog: Catalog) -> dict[str, type[Check]]:
    """Import every type; return those that can be used."""
    kinds = {}
    for name in catalog.names():
        try:
            kinds[name] = catalog.get(name)
        except CatalogError:
            continue
    return kinds


def of_type(kind: Any) -> Schema:
    """Return the JSON Schema of one type of a setting."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _annotate(of_type(inside[0]), inside[1:])
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [of_type(member) for member in inside]}
    if origin is Literal:
        return _or_reference({"enum": list(inside)})
    if isinstance(kind, type) and issubclass(kind, SettingValue):
        return {"anyOf": [kind.schema(), _REFERENCE]}
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _object(_properties(kind), [name for name, field in fields(kind).items() if field.required])
    if origin is dict:
        return {"type": "object", "additionalProperties": of_type(inside[1])}
    if origin in (list, set, frozenset) or (origin is tuple and inside[-1] is Ellipsis):
        return {"type": "array", "items": of_type(inside[0])}
    return msgspec.json.schema(kind)


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    """Return a setting's default as YAML writes it; None where there is none worth saying."""
    default = field.default
    if isinstance(default, SettingValue):
        # A span of nothing means "not set": no run ever takes or waits so long.
        return None if isinstance(default, Duration) and not default else str(default)
    return default if isinstance(default, (bool, int, float, str)) and default != "" else None


def _of_check(kind: type[Check]) -> Schema:
    """Return all settings of a check of this type."""
    settings = _properties(CheckSection) | _properties(kind)
    return settings | {"fail_after": settings["fail_after"] | {"default": kind.fail_after}}


def _check(own: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": list(own), "description": "The kind of check."}},
        "allOf": [_when(name, _object(settings)) for name, settings in own.items()],
    }


def _requirements(kinds: dict[str, type[Check]]) -> Schema:
    required = {
        name: [key for key, field in fields(kind).items() if field.required and key != "type"]
        for name, kind in kinds.items()
    }
    return {"allOf": [_when(name, {"required": keys}) for name, keys in required.items()]}


def _when(kind: str, then: Schema) -> Schema:
    return {"if": {"type": "object", "required": ["type"], "properties": {"type": {"const": kind}}}, "then": then}


def _object(properties: Schema, required: list[str] | None = None) -> Schema:
    requirement = {"required": required} if required else {}
    return {"type": "object", "properties": properties, "additionalProperties": False, **requirement}


def _properties(struct: type[msgspec.Struct]) -> Schema:
    properties = {}
    for name, field in fields(struct).items():
        default = default_of(field)
        properties[name] = of_type(field.type) | ({} if default is None else {"default": default})
    return properties


def _annotate(schema: Schema, annotations: tuple[Any, ...]) -> Schema:
    for meta in annotations:
        if not isinstance(meta, msgspec.Meta):
            continue
        keywords = {key: getattr(meta, name) for name, key in _META.items() if getattr(meta, name) is not None}
        ends = {"min": meta.min_length, "max": meta.max_length}
        length = _LENGTHS.get(str(schema.get("type")), "Length")
        keywords |= {end + length: number for end, number in ends.items() if number is not None}
        description = {"description": keywords.pop("description")} if "description" in keywords else {}
        schema = (
            (_or_reference(schema | keywords) if keywords else schema) | description | (meta.extra_json_schema or {})
        )
    return schema


def _or_reference(schema: Schema) -> Schema:
    """Text of a certain form may also come out of ${file:...} or ${env:...}."""
    is_text = "string" in schema.get("type", ()) or any(isinstance(choice, str) for choice in schema.get("enum", ()))
    return {"anyOf": [schema, _REFERENCE]} if is_text else schema


def type_page(name: str, kind: type[Check]) -> str:
    """Document a check type: its docstring and its own settings."""
    text = inspect.cleandoc(kind.__doc__ or "") if kind.__doc__ != Check.__doc__ else ""
    settings = table(kind) if fields(kind) else "It has no settings of its own.\n"
    patience = f"`fail_after` is {kind.fail_after} unless set." if kind.fail_after != 1 else ""
    return "\n\n".join(part for part in (f"### `type: {name}`", text, patience, settings) if part)


def common_page() -> str:
    """Document what every check has, and the settings of the agent."""
    return f"### Settings every check has\n\n{table(CheckSection)}\n### `agent:`\n\n{table(AgentSection)}"


def table(struct: type[msgspec.Struct]) -> str:
    return _HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows(struct))


def rows(struct: type[msgspec.Struct], inside: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield each setting's name, form, default and meaning, as in a table of the documents."""
    for name, field in fields(struct).items():
        default = default_of(field)
        default_text = "required" if field.required else "" if default is None else f"`{_yaml(default)}`"
        yield f"`{inside}{name}`", _cell(words(field.type)), _cell(default_text), _cell(_description(field.type))
        for member in members_of(field.type):
            if isinstance(member, type) and issubclass(member, msgspec.Struct):
                yield from rows(member, f"{inside}{name}.")


def _yaml(default: Any) -> str:
    return default if isinstance(default, str) else msgspec.json.encode(default).decode()


def _description(kind: Any) -> str:
    """Return what the annotations say, also those inside a union."""
    if typing.get_origin(kind) is Annotated:
        descriptions = [meta.description for meta in typing.get_args(kind)[1:] if isinstance(meta, msgspec.Meta)]
        return next((text for text in descriptions if text), "") or _description(typing.get_args(kind)[0])
    return next((text for member in typing.get_args(kind) if (text := _description(member))), "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
