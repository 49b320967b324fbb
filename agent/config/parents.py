"""`depends_on`: the names in it, unknown ones, circles. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial

from agent.config.fault import Fault
from agent.config.located_yaml.tree import Node
from agent.config.sections.check import Parents
from agent.config.settings import CheckConfig, DependsOn
from agent.config.words.names import nearest
from agent.config.words.quoting import quote

MOST_SHOWN = 10
"""Checks of a circle that are shown in a message."""
MOST_COMPARED = 500
"""Beyond so many names, looking for the one that was meant takes seconds."""

NO_PARENTS = DependsOn()
Names = str | tuple[str, ...] | Parents | None
Graph = Mapping[str, Iterable[str]]
"""Checks and their parents."""


def depends_on(names: Names) -> DependsOn:
    """Return the parents of checked settings."""
    if isinstance(names, Parents):
        return DependsOn(_names(names.all), all=True) if names.all else DependsOn(_names(names.any))
    return DependsOn(_names(names)) if names else NO_PARENTS


def _names(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def faults(node: Node, names: Names) -> Iterator[Fault]:
    """Check what can be checked without the other checks."""
    if isinstance(names, Parents) and bool(names.any) == bool(names.all):
        yield Fault(node.place, "depends_on", "needs one of {any: [names]} and {all: [names]}")
    counts: Counter[str] = Counter()
    for name in name_nodes(node):
        counts[str(name.value)] += 1
        if counts[str(name.value)] == 2:
            yield Fault(name.place, "depends_on", f"{quote(name)} is named twice: remove one")


def name_nodes(node: Node) -> list[Node]:
    """Return the names where they stand."""
    if isinstance(node.value, dict):
        return [name for part in node.value.values() for name in name_nodes(part)]
    if isinstance(node.value, list):
        return node.value
    return [] if node.value is None else [node]


def unfit(
    checks: Mapping[str, CheckConfig], nodes: Mapping[str, Node], known_names: Iterable[str], all_known: bool
) -> Iterator[tuple[str, Fault]]:
    """Yield the checks whose parents do not fit, and why.

    `nodes` are their settings as the files have them. `known_names` are all names: a parent with faults of its own is
    there all the same. Unless `all_known`, a name that is not known may be in a file that cannot be read.
    """
    names = set(known_names)
    nearest_name = cache(partial(nearest, names=names if len(names) <= MOST_COMPARED else ()))
    for check, node in nodes.items():
        for name in name_nodes(node):
            if name.value in names:
                text = _unfit(name, checks[check], checks)
            else:
                text = _unknown(name, checks[check], nearest_name) if all_known else ""
            if text:
                yield check, Fault(name.place, "depends_on", text)
    parents = {check: set(checks[check].depends_on.checks) - {check} for check in nodes}
    for circle in circles(parents):
        for at, check in enumerate(circle):
            yield check, _in_circle(circle[at:] + circle[:at], checks, nodes[check])


def _unknown(node: Node, check: CheckConfig, nearest_name: Callable[[str], str]) -> str:
    close = "" if node.source else nearest_name(node.value)
    if close not in ("", check.name):
        return f"{quote(node)} is no check, did you mean '{close}'?"
    several = [] if node.source else str(node.value).replace(",", " ").split()
    if len(several) > 1:
        return f"{quote(node)} is no check: several are a list, [{', '.join(several)}]"
    wildcard = any(sign in str(node.value) for sign in "*?[")
    return f"{quote(node)} is no check" + (": names are written out here, without wildcards" if wildcard else "")


def _unfit(node: Node, check: CheckConfig, checks: Mapping[str, CheckConfig]) -> str:
    name = node.value
    if name == check.name:
        return f"{quote(node)} is this check itself: remove it, or write `depends_on: []` where a default says so"
    if check.enabled and name in checks and not checks[name].enabled:
        return f"{quote(node)} is not enabled, so it never has a result: enable it, or remove it here"
    return ""


def _in_circle(circle: list[str], checks: Mapping[str, CheckConfig], node: Node) -> Fault:
    """A circle would keep all of it silent for ever once it is down."""
    steps = [f"{name} ({checks[name].places['depends_on']})" for name in circle[:MOST_SHOWN]]
    if len(circle) > MOST_SHOWN:
        steps.append(f"{len(circle) - MOST_SHOWN} more")
    way = " -> ".join(steps)
    place = next((name.place for name in name_nodes(node) if name.value == circle[1]), node.place)
    return Fault(place, "depends_on", f"goes round in a circle, remove one: {way} -> {circle[0]}")


def circles(parents: Graph) -> list[list[str]]:
    """Return circles, each as child, parent, its parent, ...; no check is in two of them."""
    all_circles: list[list[str]] = []
    visited: set[str] = set()
    for start in parents:
        # The way from `start` to here, and of each check on it the parents that are still to be followed.
        ahead = {} if start in visited else {start: iter(parents[start])}
        while ahead:
            here = next(reversed(ahead))
            parent = next(ahead[here], None)
            if parent is None:
                visited.add(here)
                del ahead[here]
            elif parent in ahead:
                way = list(ahead)
                all_circles.append(way[way.index(parent) :])
                visited.update(all_circles[-1])
                ahead = {name: ahead[name] for name in way[: way.index(parent)]}
            elif parent in parents and parent not in visited:
                ahead[parent] = iter(parents[parent])
    return all_circles
