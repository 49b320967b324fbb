"""The arrows of the house: who may import whom. A new arrow is a decision, taken here."""

from __future__ import annotations

import ast
import re
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import agent.api

ROOT = Path(__file__).parent.parent

# Each room of the agent (a folder, or a file that is a room of its own), and the rooms it may look into.
ARROWS: dict[str, set[str]] = {
    "model": set(),
    "plugin": {"model"},
    "system": {"config", "plugin"},
    "store": {"model"},
    "api": {"model", "plugin"},
    "config": {"api", "model", "plugin"},
    "running": {"api", "config", "model", "plugin", "system"},
    "testing": {"api", "config", "plugin", "running"},
    "engine": {"api", "config", "model", "plugin", "store", "system"},
    "delivery": {"config", "model", "plugin", "store", "system"},
    "fleet": {"config", "delivery", "engine", "model", "page", "plugin", "view"},
    "push": {"api", "config", "model", "plugin", "system"},
    "view": {"config", "engine", "model", "plugin", "store", "system"},
    "page": {"config", "delivery", "model", "plugin", "store", "system", "view"},
    "service": {
        "config",
        "delivery",
        "engine",
        "page",
        "plugin",
        "push",
        "running",
        "store",
        "system",
        "view",
    },
    "cli": {
        "config",
        "delivery",
        "engine",
        "fleet",
        "model",
        "plugin",
        "push",
        "running",
        "service",
        "store",
        "system",
        "view",
    },
}


def imports_of(path: Path) -> set[str]:
    """Every module of ours that a file imports, imports inside functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} if node.module != "agent" else {f"agent.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return {name for name in found if name.split(".")[0] in ("agent", "checks")}


def room_of(module: str) -> str:
    """`agent.cli.status` is part of the room `cli`; the package `agent` itself only says its version."""
    return module.split(".")[1] if "." in module else ""


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_rooms_of_the_agent_look_only_where_the_table_lets_them() -> None:
    for path in sorted((ROOT / "agent").rglob("*.py")):
        room = room_of(module_of(path))
        if not room:
            continue
        seen = {room_of(name) for name in imports_of(path) if name.startswith("agent")} - {room, "", "__version__"}
        assert room in ARROWS, f"{room} is new: give it its place in ARROWS"
        assert seen <= ARROWS[room], f"{path.relative_to(ROOT)} must not import {sorted(seen - ARROWS[room])}"


def test_each_arrow_is_used_and_no_two_rooms_need_each_other() -> None:
    used: dict[str, set[str]] = {room: set() for room in ARROWS}
    for path in (ROOT / "agent").rglob("*.py"):
        if room := room_of(module_of(path)):
            used[room] |= {room_of(name) for name in imports_of(path) if name.startswith("agent.")}
    assert {room: seen - {room, "__version__"} for room, seen in used.items()} == ARROWS
    list(TopologicalSorter(ARROWS).static_order())  # raises where arrows go in a circle


def test_folders_within_a_room_need_each_other_in_one_direction() -> None:
    for room in (path for path in (ROOT / "agent").iterdir() if path.is_dir()):
        needs: dict[str, set[str]] = {}
        for path in sorted(room.rglob("*/*.py")):
            folder = ".".join(module_of(path).split(".")[:3])
            needs.setdefault(folder, set()).update(".".join(name.split(".")[:3]) for name in imports_of(path))
        list(TopologicalSorter({one: (needs[one] & needs.keys()) - {one} for one in needs}).static_order())


def test_an_init_file_has_names_only() -> None:
    for path in sorted((ROOT / "agent").rglob("__init__.py")):
        for node in ast.parse(path.read_text()).body:
            named = isinstance(node, ast.Import | ast.ImportFrom | ast.Assign)
            assert named or isinstance(getattr(node, "value", None), ast.Constant), f"{path}:{node.lineno} is code"


def test_only_the_command_line_starts_the_service() -> None:
    assert [room for room, seen in ARROWS.items() if "service" in seen] == ["cli"]


def test_a_check_imports_nothing_of_ours_but_the_api_and_the_network() -> None:
    for path in sorted((ROOT / "checks").rglob("*.py")):
        own = ".".join(module_of(path).split(".")[:2])
        # What begins with an underscore is no type, but what types share.
        foreign = {name for name in imports_of(path) if name != "agent.api" and not name.startswith((own, "checks._"))}
        assert not foreign, f"{path.relative_to(ROOT)} must not import {sorted(foreign)}"


PROMISED = (
    "Check",
    "CheckError",
    "Context",
    "Duration",
    "DurationAbove",
    "DurationBelow",
    "Host",
    "Level",
    "Metric",
    "Number",
    "NumberAbove",
    "NumberBelow",
    "Percent",
    "PercentAbove",
    "PercentBelow",
    "PushedCheck",
    "Range",
    "Regex",
    "Result",
    "SettingValue",
    "Size",
    "SizeAbove",
    "SizeBelow",
    "Status",
    "Suggestion",
    "critical",
    "duration_text",
    "host_path",
    "judge",
    "nodata",
    "ok",
    "size_text",
    "warning",
    "weak_spot",
)
"""What check files out there import. A name that goes breaks them; one that comes is a promise."""


def test_the_names_a_check_file_may_import_are_these() -> None:
    assert tuple(agent.api.__all__) == PROMISED
    assert list(PROMISED) == sorted(PROMISED), "kept sorted, so that a change shows"
    for name in PROMISED:
        assert hasattr(agent.api, name)


def test_a_decision_and_an_entry_of_the_changelog_stand_once() -> None:
    """Whoever solves a conflict of two branches easily keeps both sides."""
    decisions = (ROOT / "DECISIONS.md").read_text()
    points = re.findall(r"(?m)^## .*|^\*\*.{15,50}?(?:\*\*|$)", decisions)
    entries = [line[:60] for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("- ")]
    assert [one for one, count in Counter([*points, *entries]).items() if count > 1] == []


IRREGULAR = set(
    "begun found given gone heard held kept known left made meant said seen shown taken told written".split()  # noqa: SIM905
)
NOUNS = {"bed", "embed", "exceed", "feed", "need", "seed", "speed"}
PROMISED_NAMES = {"computed", "elapsed", "shared"}
"""Two of the api, and a standard term of timers."""


def test_a_function_is_called_by_a_verb_or_a_noun_not_by_a_participle() -> None:
    """`decode`, not `decoded`. What is true or false, and an attribute, may be an adjective: `is_closed`, `closed`."""
    for path in sorted([*(ROOT / "agent").rglob("*.py"), *(ROOT / "checks").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name in PROMISED_NAMES:
                continue
            word = node.name.strip("_").split("_")[0]
            participle = word in IRREGULAR or (word.endswith("ed") and word not in NOUNS)
            adjective = node.returns is not None and ast.unparse(node.returns) == "bool"
            attribute = any("property" in ast.unparse(one) for one in node.decorator_list)
            assert not participle or adjective or attribute, f"{path}:{node.lineno}: {node.name} is no verb"
