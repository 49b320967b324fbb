"""The `checks:` and `defaults:` of the files: each check by itself, so that a bad one takes no other with it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from agent.api import Check
from agent.config import nesting, parents, policy, rules
from agent.config.calendar import windows
from agent.config.calendar.cron import normal
from agent.config.checksums import checksum_as_written, checksum_of
from agent.config.convert import make_struct, settings, value
from agent.config.fault import Fault, Faults
from agent.config.located_yaml.tree import Node, Refusal
from agent.config.once import once
from agent.config.own_bug import problem_of
from agent.config.secrets.secrecy import mark_secrets, secret_values
from agent.config.sections.agent import fields
from agent.config.sections.check import CheckSection
from agent.config.settings import CheckConfig, Place, Problem, apart, pack
from agent.config.types.catalog import Catalog
from agent.config.types.check_class import CatalogError
from agent.config.words.names import unknown, without_space
from agent.config.words.quoting import quote
from agent.config.words.wording import without_colon

_NO_SECRETS: frozenset[str] = frozenset()
_NO_TAGS: dict[str, str] = {}
_COMMON = fields(CheckSection)
_EITHER = {"interval": ("cron", "timezone"), "cron": ("interval",)}

TYPE = Node("", Place(""))
"""Stands for a type where only the other settings are in question."""

Nodes = Mapping[str, Node]


def read_checks(
    files: Iterable[Mapping[str, Node]], catalog: Catalog, all_read: bool = True
) -> tuple[dict[str, CheckConfig], list[Problem]]:
    """Return the good checks of all files, and what is wrong with the others.

    Unless `all_read`, there may be more checks than these files show.
    """
    reading = _Reading(catalog, all_read)
    for file in files:
        reading.take(file)
    return reading.outcome()


class _Reading:
    """The checks of the files so far: the good ones, where each name stands first, and what is wrong."""

    def __init__(self, catalog: Catalog, all_read: bool) -> None:
        self._problems: list[Problem] = []
        self._catalog = catalog
        self._all_read = all_read
        self._checks: dict[str, CheckConfig] = {}
        self._first: dict[str, Place] = {}
        self._parents: dict[str, Node] = {}

    def take(self, file: Mapping[str, Node]) -> None:
        """Read the checks of one more file."""
        defaults, faults = nesting.section(file.get("defaults"), "defaults")
        nodes, more = nesting.section(file.get("checks"), "checks")
        self._problems += [Problem(fault.place, str(fault)) for fault in faults + more]
        self._all_read = self._all_read and not more
        beside, misplaced = nesting.settings_beside(nodes)
        self._problems += beside
        for name, node in nodes.items():
            if name not in misplaced:
                self._take_check(name, node, defaults)
        self._problems += _defaults_problems(defaults, nodes, self._catalog)

    def _take_check(self, name: str, node: Node, defaults: Nodes) -> None:
        good, its_problems = _read(name, node, self._first, defaults, self._catalog)
        self._problems += its_problems
        if good:
            self._checks[name] = good
            self._parents |= _parents(name, node, defaults)

    def outcome(self) -> tuple[dict[str, CheckConfig], list[Problem]]:
        """Return the good checks, and every problem. Parents are judged last: only then is every name known."""
        wrong: set[str] = set()
        if self._parents:
            for name, fault in parents.unfit(self._checks, self._parents, self._first, self._all_read):
                self._problems.append(Problem(fault.place, str(fault), name))
                wrong.add(name)
        return {name: check for name, check in self._checks.items() if name not in wrong}, self._problems


def _read(
    name: str, node: Node, first: dict[str, Place], defaults: Nodes, catalog: Catalog
) -> tuple[CheckConfig | None, list[Problem]]:
    """Read one check; a bug of ours is this check's problem alone."""
    try:
        good, faults = _read_unique(name, node, first, defaults, catalog)
    except Exception as error:  # noqa: BLE001 - as said
        return None, [problem_of(node.key or node.place, error, name)]
    # A key that is no text is no name either.
    reported_name = "" if node.place == node.key else name
    return good, [Problem(fault.place, str(fault), reported_name) for fault in faults]


def _defaults_problems(defaults: Nodes, checks: Nodes, catalog: Catalog) -> list[Problem]:
    try:
        return [Problem(fault.place, str(fault)) for fault in _unfit_defaults(defaults, checks, catalog)]
    except Exception as error:  # noqa: BLE001 - as above; the checks themselves are judged already
        first = next(iter((*defaults.values(), *checks.values())))
        return [problem_of(first.key or first.place, error)]


def _parents(name: str, node: Node, defaults: Nodes) -> dict[str, Node]:
    """Return where a check's parents are written; {} where it has none."""
    own = node.value.first.value if isinstance(node.value, Refusal) and node.value.first else node.value
    parent_node = {**defaults, **own}.get("depends_on")
    return {name: parent_node} if parent_node else {}


def _read_unique(
    name: str, node: Node, first: dict[str, Place], defaults: Nodes, catalog: Catalog
) -> tuple[CheckConfig | None, list[Fault]]:
    """Read one check, unless another has its name: the first keeps it."""
    key = node.key or node.place
    if name in first:
        return None, [Fault(key, "", f"a check of this name is at {first[name]} already: rename one")]
    if not isinstance(node.value, Refusal):
        first[name] = key
        outcome = one_check(name, node, defaults, catalog)
        return (outcome, []) if isinstance(outcome, CheckConfig) else (None, outcome)
    twice = Fault(node.place, "", nesting.of_nothing(name, node, catalog.names()) or node.value.text)
    if node.value.first is None:
        return None, [twice]
    good, faults = _read_unique(name, node.value.first, first, defaults, catalog)
    return good, [twice, *faults]


def one_check(name: str, node: Node, defaults: Nodes, catalog: Catalog) -> CheckConfig | list[Fault]:
    """Read one check; the faults where it cannot be used."""
    place = node.key or node.place
    if not isinstance(node.value, dict):
        if name in _COMMON:
            return [Fault(place, "", nesting.A_SETTING)]
        if text := nesting.of_a_brace(name):
            return [Fault(place, "", text)]
        why = without_colon(node.value) if isinstance(node.value, str) else nesting.of_dashes(node)
        return [Fault(node.place, "", f"must be a mapping such as {{type: disk}}, not {quote(node)}{why}")]
    faults = [Fault(place, "", f"the name {text}")] if (text := rules.check_name(name)) else []
    nodes, slips = nesting.with_type(node.value)
    faults += slips
    try:
        kind = _kind(nodes, place, catalog, name)
    except Faults as error:
        own = {key: sub for key, sub in nodes.items() if key in _COMMON and key != "type"}
        return [*faults, *error.faults, *settings(CheckSection, own | {"type": TYPE}, place)[1]]
    merged_nodes = _with_defaults(nodes, defaults, kind)
    return _build_check(name, kind, merged_nodes, place, faults)


def _build_check(
    name: str, kind: type[Check], nodes: Nodes, place: Place, faults: list[Fault]
) -> CheckConfig | list[Fault]:
    common_values, more = settings(CheckSection, {key: sub for key, sub in nodes.items() if key in _COMMON}, place)
    faults = [*faults, *more]
    own = mark_secrets(kind, {key: sub for key, sub in nodes.items() if key not in _COMMON})
    values, more = settings(kind, own, place, also=_COMMON)
    faults += [*more, *rules.times(common_values, nodes), *rules.levels(kind, values, own)]
    faults += _common_faults(common_values, nodes)
    if more:
        return faults
    try:
        check = make_struct(kind, values, place)
    except Faults as error:
        return [*faults, *error.faults]
    faults += [_without_secrets(fault, _secrets(kind, own)) for fault in rules.own(check, own, place)]
    return faults or _make_config(name, check, common_values, nodes, place)


def _common_faults(common_values: Mapping[str, Any], nodes: Nodes) -> Iterator[Fault]:
    """Judge what every check has, beyond the type of each setting."""
    if "tags" in nodes and isinstance(nodes["tags"].value, dict):
        yield from rules.tags(nodes["tags"].value)
    yield from policy.faults(common_values, nodes)
    if "maintenance" in common_values:
        yield from windows.faults(nodes["maintenance"], common_values["maintenance"])
    if "depends_on" in common_values:
        yield from parents.faults(nodes["depends_on"], common_values["depends_on"])


def _make_config(name: str, check: Check, common_values: Mapping[str, Any], nodes: Nodes, place: Place) -> CheckConfig:
    own = {key: node for key, node in nodes.items() if key not in _COMMON}
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


def _kind(nodes: Nodes, place: Place, catalog: Catalog, check_name: str = "") -> type[Check]:
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
    usable = {name: node for name, node in defaults.items() if _has(kind, name)}
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


def _has(kind: type[Check], name: str) -> bool:
    return (name in _COMMON and name != "type") or name in fields(kind)


def _unfit_defaults(defaults: Nodes, checks: Nodes, catalog: Catalog) -> Iterator[Fault]:
    """Judge what can be judged of a file's defaults without its checks; the checks judge the rest."""
    common_nodes = {name: node for name, node in defaults.items() if name in _COMMON and name != "type"}
    values, faults = settings(CheckSection, common_nodes | {"type": TYPE}, Place(""))
    yield from faults
    yield from _common_faults(values, common_nodes)
    if defaults and not checks:
        first = next(iter(defaults.values()))
        text = "defaults are for the checks of the same file, and this file has none: move them to their checks"
        yield Fault(first.key or first.place, "", text)
    kinds = _kinds(checks, catalog) if defaults else set()
    for name, node in defaults.items():
        if name == "type":
            text = "setting 'type' belongs to each check, it cannot be a default"
            yield Fault(node.key or node.place, "", text)
        elif isinstance(node.value, Refusal) and node.place == node.key:
            yield Fault(node.place, "", node.value.text)
        elif checks and not (name in _COMMON or any(_has(kind, name) for kind in kinds)):
            yield Fault(node.key or node.place, "", _why_no_default(name, kinds, catalog))


def _why_no_default(name: str, kinds: Iterable[type[Check]], catalog: Catalog) -> str:
    """Say why no check of the file takes this default."""
    if name in catalog.names():
        return f"defaults are not by type: write settings of {name} here, only checks that have them take them"
    names = [*_COMMON, *(setting for kind in kinds for setting in fields(kind))]
    return f"{unknown(name, name, names)} (no check of this file has it)"


def _kinds(checks: Nodes, catalog: Catalog) -> set[type[Check]]:
    """Return the types of checks, as far as they can be told."""
    kinds = set()
    for node in checks.values():
        if isinstance(node.value, dict):
            with suppress(Faults):
                kinds.add(_kind(nesting.with_type(node.value)[0], node.place, catalog))
    return kinds
