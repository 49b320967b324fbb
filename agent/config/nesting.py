"""What a section holds, and what stands at another level, or by another name, than it belongs: what is meant. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from agent.config.fault import Fault
from agent.config.located_yaml.tree import EMPTY, Node, Refusal
from agent.config.sections.agent import SECTIONS, fields
from agent.config.sections.check import CheckSection
from agent.config.settings import Place, Problem
from agent.config.words import foreign
from agent.config.words.names import missing_name, slip_text
from agent.config.words.quoting import quote, short

_COMMON = fields(CheckSection)

Nodes = Mapping[str, Node]
A_SETTING = "is a setting, not a check: indent it further than the name of its check"


def settings_beside(nodes: Nodes) -> tuple[list[Problem], set[str]]:
    """Return the checks whose settings stand beside their names instead of below them, and all such names."""
    problems: list[Problem] = []
    misplaced: set[str] = set()
    check = ""
    for name, node in nodes.items():
        if isinstance(node.value, dict) or (isinstance(node.value, Refusal) and node.value is not EMPTY):
            check = ""
        elif node.value is EMPTY and name not in _COMMON:
            check = name
        elif check and (check in misplaced or name in _COMMON):
            if check not in misplaced:
                text = f"{short(name)} {A_SETTING}"
                problems.append(Problem(node.key or node.place, text, check))
            misplaced |= {check, name}
    return problems, misplaced


def with_type(nodes: Nodes) -> tuple[Nodes, list[Fault]]:
    """Return a check's settings with its type under its name, and what is wrong where that was misspelt.

    Without it nothing else of the check could be judged.
    """
    if "type" in nodes:
        return nodes, []
    slip = next((name for name in nodes if name not in _COMMON and missing_name(name, _COMMON, ("type",))), "")
    if not slip:
        return nodes, []
    node = nodes[slip]
    rest = {"type" if name == slip else name: one for name, one in nodes.items()}
    return rest, [Fault(node.key or node.place, "", slip_text(slip, slip, "type"))]


def missing_type(check_name: str, nodes: Nodes, place: Place, names: Collection[str]) -> Fault:
    """Say which type is meant: that of a name inside it that holds settings, that of the check's own name, or any."""
    if nodes and all(isinstance(node.value, dict) for node in nodes.values()) and not nodes.keys() & _COMMON.keys():
        inside = ", ".join(list(nodes)[:3])
        text = f"there are no groups of checks: write each as deep as {short(check_name)}, with its `type` ({inside})"
        if check_name in names or any("type" in node.value for node in nodes.values()):
            return Fault(place, "", text)
    if check_name in SECTIONS:
        return Fault(place, "", f"is a section of its own: write `{check_name}:` as far left as `checks:`")
    for name, node in nodes.items():
        if isinstance(node.value, dict) and (kind := name if name in names else foreign.type_of(name, names)):
            text = f"{short(name)} is no setting: write `type: {kind}`, and beside it what stands in it"
            return Fault(node.key or node.place, "", text)
    if check_name in names:
        text = f"setting 'type' is missing, also where a check is called like it: write `type: {check_name}`"
        return Fault(place, "", text)
    return Fault(place, "", f"setting 'type' is missing: write one of {', '.join(names)}")


def of_list(node: Node) -> str:
    """Say how a list of `- name: web` or `- web:` becomes a mapping; '' for anything else."""
    first = node.value[0].value if isinstance(node.value, list) and node.value else None
    if not isinstance(first, dict) or not first:
        return ""
    name = first.get("name")
    if name and isinstance(name.value, str):
        return f", `{short(name.value)[1:-1]}:` instead of `- name: {short(name.value)[1:-1]}`"
    return ", without the dashes" if len(first) == 1 else ""


def of_a_bare_list(node: Node) -> str:
    """Say how a list of checks without a section becomes one; '' for anything else."""
    first = node.value[0].value if isinstance(node.value, list) and node.value else None
    if not isinstance(first, dict) or not ("type" in first or any(_holds_type(one) for one in first.values())):
        return ""
    return ": write `checks:` above, and below it each check as `name: {type: disk, ...}`, without the dashes"


def _holds_type(node: Node) -> bool:
    return isinstance(node.value, dict) and "type" in node.value


def of_nothing(name: str, node: Node, names: Collection[str]) -> str:
    """Say what is missing below the name of a check; '' for anything else. `names`: of all types."""
    if node.value is not EMPTY:
        return ""
    kind = next((one for one in (name, foreign.type_of(name, names)) if one in names), "disk")
    return f"has no settings: write them below it, indented, or {{type: {kind}, ...}} behind it"


def of_a_brace(name: str) -> str:
    """Say what is missing in `web {type: load}`; '' for any other name."""
    before, brace, _ = name.partition("{")
    return f"a colon is missing: write '{before.strip()}: {{'" if brace and before.strip() else ""


def of_dashes(node: Node) -> str:
    """Say how a list where a check's settings belong is meant; '' for anything else."""
    items = node.value if isinstance(node.value, list) else []
    keys = [key for one in items if isinstance(one.value, dict) for key in one.value]
    if not keys:
        return ""
    several = len(keys) > len(set(keys))
    return ": write a check for each, with a name" if several else ": remove the dashes before its settings"


def section(node: Node | None, name: str) -> tuple[dict[str, Node], list[Fault]]:
    """Return what a section holds; empty where it is absent, commented out or no mapping."""
    if node is None or node.value is EMPTY or node.value is None:
        return {}, []
    if isinstance(node.value, dict):
        return node.value, []
    if isinstance(node.value, Refusal):
        first, faults = section(node.value.first, name)
        return first, [Fault(node.place, "", node.value.text), *faults]
    text = f"must be a mapping, not {quote(node)}: write `name: settings` lines under it"
    return {}, [Fault(node.place, name, text + of_list(node))]
