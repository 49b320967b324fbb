"""The JSON Schema and the pages are made from the classes, and judge as the agent does."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from agent.config.schema import common_page, schema, type_page, working
from agent.config.sections.agent import AgentSection, fields
from agent.config.sections.check import CheckSection
from agent.config.types.catalog import Catalog
from tests.config.sample_types import Volume, Web, sample_catalog

ROOT = Path(__file__).parents[2]
SAMPLES = Draft202012Validator(schema(sample_catalog()))
GOOD = {"checks": {"a": {"type": "volume", "path": "/"}}}


@cache
def built_in() -> Draft202012Validator:
    return Draft202012Validator(schema(Catalog()))


def faults(document: Any) -> list[str]:
    return [error.message for error in SAMPLES.iter_errors(document)]


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(built_in().schema)


@pytest.mark.parametrize("path", sorted((ROOT / "conf.d").glob("*.y*ml")), ids=lambda path: path.name)
def test_shipped_files_are_valid(path: Path) -> None:
    built_in().validate(yaml.safe_load(path.read_text()))


FURTHER: list[dict[str, Any]] = [
    {"fail_after": 3},
    {"fail_after": "3 of 5", "for": "5m", "repeat_every": None},
    {"fail_after": {"warning": "5m", "critical": 1, "nodata": "${env:N}"}},
    {"flapping": False},
    {"flapping": "nagios"},
    {"flapping": {"formula": "nagios", "low": "10%", "high": "${env:H}"}},
    {"depends_on": "b"},
    {"depends_on": []},
    {"depends_on": {"all": ["b", "c"]}},
    {"maintenance": {"cron": "0 2 * * sun", "duration": "2h", "timezone": "UTC"}},
    {"maintenance": [{"weekly": "sun 2:00", "duration": "2h", "reason": "why"}]},
    {"critical": {"raise": "90%", "clear": "85%"}, "free_critical": {"raise": "5%", "clear": "${env:C}"}},
]
"""What may stand beside a type and its path."""


@pytest.mark.parametrize(
    "document",
    [
        None,
        {"agent": None, "defaults": None, "checks": None},
        GOOD,
        {"checks": {"a": {"type": "volume", "path": ["/", "/b"], "warning": None, "exclude": {"type": ["^x"]}}}},
        {"checks": {"a": {"type": "volume", "path": "/", "interval": "${env:I}", "fail_after": {"critical": 2}}}},
        {"checks": {"a": {"type": "web", "url": "https://a", "method": "${env:M}", "ip_version": 4}}},
        {"checks": {"a": {"type": "web", "url": "https://a", "warning": "~:5s", "headers": {"A": "b"}}}},
        {"defaults": {"url": "https://a", "interval": "30s"}, "checks": {"a": {"type": "web"}}},
        *({"checks": {"a": {"type": "volume", "path": "/", **further}}} for further in FURTHER),
        {"agent": {"watch": True, "maintenance": {"cron": "* * * * *", "duration": "2m", "select": "env=prod"}}},
        {"agent": {"events": {"digest_above": 3, "most_events": 500, "most_bytes": "1GiB", "heartbeat": None}}},
        {"agent": {"hostname": "a", "tags": {"env": "x"}, "events": {"endpoint": "https://a", "rate_limit": "5/s"}}},
    ],
)
def test_what_the_agent_takes_is_valid(document: Any) -> None:
    assert faults(document) == []


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"chekcs": {}},
        {"agent": {"hostnam": "a"}},
        {"agent": {"tags": {"a": 1}}},
        {"agent": {"events": {"rate_limit": "20"}}},
        {"defaults": {"intervl": "1m"}},
        {"defaults": {"type": "web"}},
        {"checks": {"a": {"path": "/"}}},
        {"checks": {"a": {"type": "broken"}}},
        {"checks": {"a": {"type": "web"}}},
        {"checks": {"a": {"type": "volume", "path": "/", "url": "https://a"}}},
        {"checks": {"a": {"type": "volume", "path": "/", "interval": "30"}}},
        {"checks": {"a": {"type": "volume", "path": "/", "enabled": "no"}}},
        {"checks": {"a": {"type": "volume", "path": "/", "count": 10}}},
        {"checks": {"a": {"type": "volume", "path": "/", "fail_after": {"warning": 0}}}},
        {"checks": {"a": {"type": "volume", "path": "/", "exclude": {"mont": "/a"}}}},
        *(
            {"checks": {"a": {"type": "volume", "path": "/", **further}}}
            for further in (
                {"fail_after": "3/5"},
                {"fail_after": {"critical": True}},
                {"for": 5},
                {"repeat_every": False},
                {"flapping": "icigna"},
                {"flapping": {"low": 10}},
                {"depends_on": {"some": ["b"]}},
                {"maintenance": {"cron": "0 2 * * sun"}},
                {"maintenance": {"weekly": "sun 2:00", "duration": "2h", "select": "*"}},
                {"critical": {"raise": "90%"}},
            )
        ),
        {"checks": {"web shop": {"type": "volume", "path": "/"}}},
        {"checks": {"hostvigil": {"type": "volume", "path": "/"}}},
        {"agent": {"watch": "yes"}},
        {"agent": {"events": {"digest_above": 0}}},
        {"checks": {"a": {"type": "web", "url": "a.example"}}},
        {"checks": {"a": {"type": "web", "url": "https://a", "method": "PST"}}},
        {"checks": {"a": {"type": "web", "url": "https://a", "method": None}}},
    ],
)
def test_what_the_agent_refuses_by_its_form_is_not_valid(document: Any) -> None:
    assert faults(document)


def test_every_setting_is_described_and_has_its_default() -> None:
    then = next(one["then"] for one in _kinds() if one["if"]["properties"]["type"]["const"] == "web")
    assert then["properties"]["url"]["description"] == "What to ask."
    assert then["properties"]["method"]["default"] == "GET"
    assert then["properties"]["fail_after"]["default"] == 2, "the type's own"
    assert all(then["properties"][name].get("description") for name in fields(CheckSection))


def _kinds() -> list[dict[str, Any]]:
    checks = schema(sample_catalog())["properties"]["checks"]
    return checks["additionalProperties"]["allOf"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("section", [CheckSection, AgentSection])
def test_the_page_of_common_settings_names_each(section: type) -> None:
    page = common_page()
    assert [name for name in fields(section) if f"| `{name}` |" not in page] == []


def test_the_page_of_a_type_says_what_it_is_and_each_setting() -> None:
    page = type_page("volume", Volume)
    assert page.startswith("### `type: volume`\n\nWatches a volume.\n\n| Setting | What | Default | Meaning |\n")
    assert "| `path` | text or a list | required | What to look at \\| or where. |\n" in page
    assert "| `warning` | a percentage or a range | `80%` | Bad from here. |\n" in page
    assert "| `exclude.type` | a list |" in page
    assert "`fail_after` is 2 unless set." in type_page("web", Web)


@pytest.mark.parametrize("name", Catalog().names())
def test_every_setting_of_every_built_in_type_is_documented(name: str) -> None:
    rows = [line.split(" | ") for line in type_page(name, working(Catalog())[name]).splitlines() if line[:3] == "| `"]
    assert [row[0] for row in rows if row[-1].strip(" |") == ""] == []
