"""A default stands once, in the class that declares the setting: documents, schema and agent take it from there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from agent.api import Check
from agent.config.convert import value
from agent.config.diff import meaning
from agent.config.located_yaml.parser import scalar
from agent.config.located_yaml.tree import Node
from agent.config.schema import table, working
from agent.config.sections.agent import AgentSection, fields
from agent.config.sections.check import CheckSection
from agent.config.settings import CheckConfig, Place
from agent.config.types.catalog import Catalog
from agent.model import Policy
from tests.config.drop_ins import GOOD, written


def documented(section: type[msgspec.Struct]) -> list[tuple[str, str]]:
    """Return the settings of a section and their defaults, as the table of the documentation shows them."""
    rows = [line.split(" | ") for line in table(section).splitlines() if line.startswith("| `")]
    return [(row[0].strip("| `"), row[2].strip("`")) for row in rows if row[2].startswith("`")]


def nested(name: str, text: str) -> str:
    """Return `events.timeout` and `15s` as YAML."""
    outer, dot, inner = name.partition(".")
    return f"{{{outer}: {nested(inner, text) if dot else json.dumps(text) if ':' in text or text == '*' else text}}}"


WITH_EVENTS = "agent: {events: {endpoint: 'https://a.example', api_key: k}}"


@pytest.mark.parametrize(("name", "default"), documented(AgentSection))
def test_a_default_of_the_agent_in_the_documents_is_the_one_it_uses(name: str, default: str, tmp_path: Path) -> None:
    unset = written(tmp_path, GOOD, WITH_EVENTS)
    if name == "maintenance.select":
        window = "agent: {maintenance: {weekly: sat 2:00, duration: 1h%s}}"
        unset, as_written = (written(tmp_path, GOOD, window % more) for more in ("", f", select: '{default}'"))
    else:
        as_written = written(tmp_path, GOOD, WITH_EVENTS, f"agent: {nested(name, default)}")
    assert (unset.problems, as_written.problems) == ((), ())
    same_text = msgspec.structs.replace(as_written.agent, written_checksum=unset.agent.written_checksum)
    assert same_text == unset.agent


@pytest.mark.parametrize(("name", "default"), documented(CheckSection))
def test_a_default_of_checks_in_the_documents_is_the_one_they_use(name: str, default: str, tmp_path: Path) -> None:
    (unset,) = written(tmp_path, GOOD).checks.values()
    as_written = written(tmp_path, GOOD, f"defaults: {nested(name, default)}\n{GOOD.replace('good', 'set')}")
    assert as_written.problems == ()
    assert meaning(msgspec.structs.replace(as_written.checks["set"], name="good")) == meaning(unset)


@pytest.mark.parametrize("kind", sorted(working(Catalog()).items()), ids=lambda kind: kind[0])
def test_a_default_of_a_type_in_the_documents_is_the_one_it_uses(kind: tuple[str, type[Check]]) -> None:
    for name, text in documented(kind[1]):
        if "." not in name:
            field = fields(kind[1])[name]
            node = Node(scalar(text), Place(""))
            assert value(node, field.type, name) == field.default, name


def test_a_description_does_not_repeat_the_default() -> None:
    for section in (AgentSection, CheckSection):
        assert [line for line in table(section).splitlines()[1:] if re.search(r"[Dd]efault(?! checks)", line)] == []


def test_what_engine_and_configuration_take_for_usual_is_the_same(tmp_path: Path) -> None:
    (unset,) = written(tmp_path, GOOD).checks.values()
    assert msgspec.structs.replace(unset.policy, patience=Policy().patience) == Policy()
    assert CheckConfig("good", "volume", unset.check, unset.place).interval == unset.interval
    assert CheckConfig("good", "volume", unset.check, unset.place).timeout == unset.timeout
