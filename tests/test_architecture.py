"""The arrows of the house: who may import whom. A new arrow is a decision, taken here."""

from __future__ import annotations

import ast
from pathlib import Path

import agent.api

ROOT = Path(__file__).parent.parent

# Each room of the agent, from the ground up, and the rooms it may look into.
ARROWS = {
    "agent": set(),
    "agent.model": set(),
    "agent.units": set(),
    "agent.context": {"agent.units"},
    "agent.host": set(),
    "agent.ownership": set(),
    "agent.api": {"agent.context", "agent.host", "agent.model", "agent.ownership", "agent.units"},
    "agent.settings": {"agent.api", "agent.model"},
    "agent.located_yaml": {"agent.settings"},
    "agent.sections": {"agent.units"},
    "agent.catalog": {"agent.api", "agent.sections"},
    "agent.config": {
        "agent.api",
        "agent.catalog",
        "agent.event",
        "agent.located_yaml",
        "agent.model",
        "agent.ownership",
        "agent.sections",
        "agent.selector",
        "agent.settings",
        "agent.units",
    },
    "agent.schema": {"agent.api", "agent.catalog", "agent.config", "agent.sections", "agent.units"},
    "agent.hosttags": set(),
    "agent.redact": set(),
    "agent.store": {"agent.model"},
    "agent.event": {"agent.model", "agent.settings", "agent.units"},
    "agent.delivery": {"agent.context", "agent.redact", "agent.settings"},
    "agent.emitter": {"agent.delivery", "agent.event", "agent.model", "agent.store", "agent.units"},
    "agent.state": {"agent.model"},
    "agent.results": {"agent.model"},
    "agent.deadlines": set(),
    "agent.look": {"agent.api", "agent.context", "agent.model", "agent.results", "agent.units"},
    "agent.isolation": {
        "agent.api",
        "agent.catalog",
        "agent.context",
        "agent.look",
        "agent.model",
        "agent.units",
    },
    "agent.testing": {"agent.api", "agent.catalog", "agent.context", "agent.look", "agent.model"},
    "agent.workers": {"agent.deadlines"},
    "agent.runner": {
        "agent.context",
        "agent.deadlines",
        "agent.isolation",
        "agent.look",
        "agent.model",
        "agent.results",
        "agent.settings",
        "agent.units",
        "agent.workers",
    },
    "agent.cron": set(),
    "agent.reload": {"agent.settings"},
    "agent.notify": set(),
    "agent.signals": set(),
    "agent.watch": set(),
    "agent.schedule": {"agent.cron", "agent.reload", "agent.settings"},
    "agent.selector": set(),
    "agent.silences": {"agent.model"},
    "agent.maintenance": {"agent.cron", "agent.settings"},
    "agent.suppress": {"agent.model", "agent.selector", "agent.settings"},
    "agent.expect": {"agent.api", "agent.model", "agent.settings", "agent.units"},
    "agent.self_check": {"agent.api", "agent.model", "agent.settings"},
    "agent.push": {
        "agent.api",
        "agent.model",
        "agent.redact",
        "agent.results",
        "agent.settings",
        "agent.units",
    },
    "agent.discover": {
        "agent.api",
        "agent.catalog",
        "agent.config",
        "agent.context",
        "agent.host",
        "agent.located_yaml",
        "agent.model",
        "agent.runner",
        "agent.schema",
        "agent.settings",
    },
    "agent.recorder": {
        "agent.api",
        "agent.expect",
        "agent.model",
        "agent.push",
        "agent.self_check",
        "agent.settings",
        "agent.state",
        "agent.store",
        "agent.suppress",
    },
    "agent.service": {
        "agent.api",
        "agent.catalog",
        "agent.config",
        "agent.delivery",
        "agent.emitter",
        "agent.event",
        "agent.hosttags",
        "agent.maintenance",
        "agent.model",
        "agent.notify",
        "agent.push",
        "agent.recorder",
        "agent.redact",
        "agent.reload",
        "agent.runner",
        "agent.schedule",
        "agent.self_check",
        "agent.settings",
        "agent.signals",
        "agent.silences",
        "agent.state",
        "agent.store",
        "agent.suppress",
        "agent.watch",
    },
    "agent.cli": {
        "agent.catalog",
        "agent.config",
        "agent.delivery",
        "agent.discover",
        "agent.event",
        "agent.host",
        "agent.hosttags",
        "agent.maintenance",
        "agent.model",
        "agent.push",
        "agent.redact",
        "agent.results",
        "agent.runner",
        "agent.schema",
        "agent.selector",
        "agent.service",
        "agent.settings",
        "agent.silences",
        "agent.state",
        "agent.store",
        "agent.suppress",
        "agent.units",
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


def room_of(path: Path) -> str:
    """`agent/cli/status.py` is part of the room `agent.cli`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:2]).removesuffix(".__init__")


def test_rooms_of_the_agent_look_only_where_the_table_lets_them() -> None:
    for path in sorted((ROOT / "agent").rglob("*.py")):
        room = room_of(path)
        seen = {".".join(name.split(".")[:2]) for name in imports_of(path)} - {room, "agent", "agent.__version__"}
        assert room in ARROWS, f"{room} is new: give it its place in ARROWS"
        assert seen <= ARROWS[room], f"{path.relative_to(ROOT)} must not import {sorted(seen - ARROWS[room])}"


def test_only_the_command_line_starts_the_service() -> None:
    assert [room for room, seen in ARROWS.items() if "agent.service" in seen] == ["agent.cli"]


def test_a_check_imports_nothing_of_ours_but_the_api_and_the_network() -> None:
    for path in sorted((ROOT / "checks").rglob("*.py")):
        own = room_of(path)
        # checks._network is no type, but what the types that speak to servers share.
        foreign = {
            name for name in imports_of(path) if name != "agent.api" and not name.startswith((own, "checks._network"))
        }
        assert not foreign, f"{path.relative_to(ROOT)} must not import {sorted(foreign)}"


def test_the_names_a_check_file_may_import_are_these() -> None:
    assert agent.api.__all__ == sorted(agent.api.__all__), "kept sorted, so that a change shows"
    for name in agent.api.__all__:
        assert hasattr(agent.api, name)
