"""One check: its settings with the file's defaults, judged; all that is wrong with it is found at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from agent.api import Check
from agent.config import nesting, parents, policy, rules
from agent.config.calendar import windows
from agent.config.calendar.cron import normal
from agent.config.checksums import checksum_as_written, checksum_of
from agent.config.convert import make_struct, settings, value
from agent.config.fault import Fault, Faults
from agent.config.located_yaml.tree import Node
from agent.config.once import once
from agent.config.secrets.secrecy import mark_secrets, secret_values
from agent.config.sections.agent import fields
from agent.config.sections.check import CheckSection
from agent.config.settings import CheckConfig, Place, apart, pack
from agent.config.types.catalog import Catalog
from agent.config.types.check_class import CatalogError
from agent.config.words.names import unknown, without_space
from agent.config.words.quoting import quote
from agent.config.words.wording import without_colon

_NO_SECRETS: frozenset[str] = frozenset()
_NO_TAGS: dict[str, str] = {}
COMMON = fields(CheckSection)
"""What every check can have, whatever its type."""
_EITHER = {"interval": ("cron", "timezone"), "cron": ("interval",)}

TYPE = Node("", Place(""))
"""Stands for a type where only the other settings are in question."""

Nodes = Mapping[str, Node]


def read_check(name: str, node: Node, defaults: Nodes, catalog: Catalog) -> CheckConfig | list[Fault]:
    """Read one check; the faults where it cannot be used."""
    place = node.key or node.place
    if not isinstance(node.value, dict):
        return [_no_mapping(name, node, place)]
    faults = [Fault(place, "", f"the name {text}")] if (text := rules.check_name(name)) else []
    nodes, slips = nesting.with_type(node.value)
    faults += slips
    try:
        kind = kind_of(nodes, place, catalog, name)
    except Faults as error:
        own = {key: sub for key, sub in nodes.items() if key in COMMON and key != "type"}
        return [*faults, *error.faults, *settings(CheckSection, own | {"type": TYPE}, place)[1]]
    merged_nodes = _with_defaults(nodes, defaults, kind)
    return _build_check(name, kind, merged_nodes, place, faults)


def _no_mapping(name: str, node: Node, place: Place) -> Fault:
    """Say what stands where the settings of a check should."""
    if name in COMMON:
        return Fault(place, "", nesting.A_SETTING)
    if text := nesting.of_a_brace(name):
        return Fault(place, "", text)
    why = without_colon(node.value) if isinstance(node.value, str) else nesting.of_dashes(node)
    return Fault(node.place, "", f"must be a mapping such as {{type: disk}}, not {quote(node)}{why}")


def _build_check(
    name: str, kind: type[Check], nodes: Nodes, place: Place, faults: list[Fault]
) -> CheckConfig | list[Fault]:
    common_values, more = settings(CheckSection, {key: sub for key, sub in nodes.items() if key in COMMON}, place)
    faults = [*faults, *more]
    own = mark_secrets(kind, {key: sub for key, sub in nodes.items() if key not in COMMON})
    values, more = settings(kind, own, place, also=COMMON)
    faults += [*more, *rules.times(common_values, nodes), *rules.levels(kind, values, own)]
    faults += common_faults(common_values, nodes)
    if more:
        return faults
    try:
        check = make_struct(kind, values, place)
    except Faults as error:
        return [*faults, *error.faults]
    faults += [_without_secrets(fault, _secrets(kind, own)) for fault in rules.own(check, own, place)]
    return faults or _make_config(name, check, common_values, nodes, place)


def common_faults(common_values: Mapping[str, Any], nodes: Nodes) -> Iterator[Fault]:
    """Judge what every check has, beyond the type of each setting."""
    if "tags" in nodes and isinstance(nodes["tags"].value, dict):
        yield from rules.tags(nodes["tags"].value)
    yield from policy.faults(common_values, nodes)
    if "maintenance" in common_values:
        yield from windows.faults(nodes["maintenance"], common_values["maintenance"])
    if "depends_on" in common_values:
        yield from parents.faults(nodes["depends_on"], common_values["depends_on"])


def _make_config(name: str, check: Check, common_values: Mapping[str, Any], nodes: Nodes, place: Place) -> CheckConfig:
    own = {key: node for key, node in nodes.items() if key not in COMMON}
    common = CheckSection(**common_values)
    timeout = rules.timeout(common, nodes)
    return CheckConfig(
        name=name,
        type=sys.intern(common.type),
        check=check,
        place=apart(place),
        interval=once(float(common.interval)),
        cron=normal(common.cron, common.timezone) if "cron" in common_values else "",
        timezone=common.timezone if "cron" in common_values else "",
        timeout=once(timeout),
        retry_interval=once(float(common.retry_interval)),
        policy=policy.policy(common, check.fail_after, rules.patience(common, timeout)),
        tags=common.tags or _NO_TAGS,
        enabled=common.enabled,
        description=common.description,
        runbook=common.runbook,
        depends_on=parents.depends_on(common.depends_on),
        maintenance=windows.windows(common.maintenance),
        settings_checksum=checksum_of(own),
        written_checksum=checksum_as_written(nodes),
        packed_places=pack({setting: node.place for setting, node in nodes.items()}),
        secrets=_secrets(type(check), own),
    )


_LEAST = 4
"""A shorter one would tear the words of a message apart."""


def _without_secrets(fault: Fault, secrets: frozenset[str]) -> Fault:
    """Hide what a type's own words quote of them."""
    for secret in sorted((one for one in secrets if len(one) >= _LEAST), key=len, reverse=True):
        fault = fault._replace(text=fault.text.replace(secret, "***"))
    return fault


def _secrets(kind: type[Check], own: Nodes) -> frozenset[str]:
    values = [secret for secret in secret_values(kind, own) if secret]
    return frozenset(values) if values else _NO_SECRETS


def kind_of(nodes: Nodes, place: Place, catalog: Catalog, check_name: str = "") -> type[Check]:
    """Return the type that a check's settings name; Faults where they name none."""
    node = nodes.get("type")
    if node is None:
        for name, other in nodes.items():
            if without_space(name, ("type",)):
                raise Faults(Fault(other.key or other.place, "", unknown(name, name, ("type",))))
        raise Faults(nesting.missing_type(check_name, nodes, place, catalog.names()))
    name = value(node, str, "type")
    try:
        return catalog.get(name)
    except CatalogError as error:
        text = f"{quote(node)} is no type: write one of {', '.join(catalog.names())}" if node.source else str(error)
        raise Faults(Fault(node.place, "", text)) from None


def _with_defaults(own: Nodes, defaults: Nodes, kind: type[Check]) -> dict[str, Node]:
    """Return the check's settings over those of the file's defaults that its type has; tags are merged."""
    usable = {name: node for name, node in defaults.items() if has_setting(kind, name)}
    for name, others in _EITHER.items():
        if name in own:
            usable = {key: node for key, node in usable.items() if key not in others}
    nodes = {**usable, **own}
    if "tags" in own and "tags" in usable and all(isinstance(at["tags"].value, dict) for at in (own, usable)):
        both = {**usable["tags"].value, **own["tags"].value}
        nodes["tags"] = msgspec.structs.replace(own["tags"], value=both)
    if "cron" not in nodes and "timezone" not in own:
        nodes.pop("timezone", None)
    return nodes


def has_setting(kind: type[Check], name: str) -> bool:
    """Tell whether a check of this type can have it from defaults."""
    return (name in COMMON and name != "type") or name in fields(kind)
