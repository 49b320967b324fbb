"""The `checks:` and `defaults:` of the files: each check by itself, so that a bad one takes no other with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from agent.api import Check
from agent.config import nesting, parents
from agent.config.check import COMMON, TYPE, Nodes, common_faults, has_setting, kind_of, read_check
from agent.config.convert import settings
from agent.config.fault import Fault, Faults
from agent.config.located_yaml.tree import Node, Refusal
from agent.config.own_bug import problem_of
from agent.config.sections.agent import fields
from agent.config.sections.check import CheckSection
from agent.config.settings import CheckConfig, Place, Problem
from agent.config.types.catalog import Catalog
from agent.config.words.names import unknown


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
        outcome = read_check(name, node, defaults, catalog)
        return (outcome, []) if isinstance(outcome, CheckConfig) else (None, outcome)
    twice = Fault(node.place, "", nesting.of_nothing(name, node, catalog.names()) or node.value.text)
    if node.value.first is None:
        return None, [twice]
    good, faults = _read_unique(name, node.value.first, first, defaults, catalog)
    return good, [twice, *faults]


def _unfit_defaults(defaults: Nodes, checks: Nodes, catalog: Catalog) -> Iterator[Fault]:
    """Judge what can be judged of a file's defaults without its checks; the checks judge the rest."""
    common_nodes = {name: node for name, node in defaults.items() if name in COMMON and name != "type"}
    values, faults = settings(CheckSection, common_nodes | {"type": TYPE}, Place(""))
    yield from faults
    yield from common_faults(values, common_nodes)
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
        elif checks and not (name in COMMON or any(has_setting(kind, name) for kind in kinds)):
            yield Fault(node.key or node.place, "", _why_no_default(name, kinds, catalog))


def _why_no_default(name: str, kinds: Iterable[type[Check]], catalog: Catalog) -> str:
    """Say why no check of the file takes this default."""
    if name in catalog.names():
        return f"defaults are not by type: write settings of {name} here, only checks that have them take them"
    names = [*COMMON, *(setting for kind in kinds for setting in fields(kind))]
    return f"{unknown(name, name, names)} (no check of this file has it)"


def _kinds(checks: Nodes, catalog: Catalog) -> set[type[Check]]:
    """Return the types of checks, as far as they can be told."""
    kinds = set()
    for node in checks.values():
        if isinstance(node.value, dict):
            with suppress(Faults):
                kinds.add(kind_of(nesting.with_type(node.value)[0], node.place, catalog))
    return kinds
