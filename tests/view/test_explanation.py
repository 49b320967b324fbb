"""What `explain` says of a check, its subjects and its settings: a golden text of each kind, and what leaves it out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.api import Check
from agent.config.drop_ins import load
from agent.config.settings import CheckConfig, Config, Place
from agent.config.types.catalog import Catalog
from agent.model import EventStatus, Policy, State, Status
from agent.plugin.units import clock_text
from agent.view.explanation import _format, background, head, sentences, settings
from agent.view.snapshot import CheckView, Mark, SubjectView

NOW = 1_700_000_000_000
MINUTE = 60_000

STATE = State(
    "web",
    "/cart",
    decided=Status.CRITICAL,
    decided_since=NOW - 5 * MINUTE,
    notified=EventStatus.CRITICAL,
    notified_at=NOW - 4 * MINUTE,
    bad=3,
    missing=2,
    good=1,
    incident="abc",
    incident_since=NOW - 6 * MINUTE,
    events=2,
)
ONE = SubjectView(
    "web",
    "/cart",
    "http",
    Status.CRITICAL,
    NOW - 5 * MINUTE,
    STATE,
    EventStatus.CRITICAL,
    NOW - 4 * MINUTE,
    "",
    why="Because.",
    summary="HTTP 500",
    details="the page\nsaid so",
    last_status=Status.WARNING,
    last_run=NOW - 30_000,
    next_run=NOW + 90_000,
    duration=0.25,
)
COUNTS = "Counted in a row: 3 bad, 2 nodata, 1 ok."
TAKES = "It takes: warning after 1, critical after 1, nodata after 1, ok after 1."


def changed(one: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(one, **fields)


def test_a_subject_is_explained_from_what_is_decided_to_what_is_counted() -> None:
    assert list(sentences(ONE, Policy(), NOW)) == [
        f"/cart: critical for 5m, since {clock_text(NOW - 5 * MINUTE)}.",
        "  Last result: warning, 30s ago, after a run of 250ms: HTTP 500",
        "    the page",
        "    said so",
        "  The next run is in 1m 30s.",
        "  Told last: critical, 4m ago; 2 events so far.",
        "  Because.",
        "  Incident: abc, begun 6m ago.",
        f"  {COUNTS}",
        f"  {TAKES}",
    ]


def test_a_check_without_a_result_is_explained() -> None:
    one = SubjectView("web", "", "http", Status.NODATA, 0, State("web"), None, 0, "", why="Because.")
    assert list(sentences(one, Policy(), NOW)) == [
        "The check itself: nothing is decided yet.",
        "  There is no result yet.",
        "  Nothing was ever told of it.",
        "  Because.",
        f"  {TAKES}",
    ]


def test_what_took_no_time_is_not_said_to_have_taken_some() -> None:
    assert "  Last result: warning, 30s ago: HTTP 500" in sentences(changed(ONE, duration=0.0), Policy(), NOW)


@pytest.mark.parametrize(
    ("fields", "first"),
    [
        ({}, "The next run is in 1m 30s."),
        ({"next_run": NOW + 1}, "The next run is in 1s."),
        ({"next_run": NOW}, "Told last"),
        ({"next_run": 0}, "Told last"),
        ({"marks": (Mark.LATE,), "late": 75.0}, "It is late: the next run was due 1m 15s ago."),
        ({"marks": (Mark.LATE,), "late": 75.0, "next_run": NOW - 75_000}, "It is late: the next run was due 1m 15s"),
    ],
)
def test_the_next_run_is_said_only_while_it_is_ahead(fields: dict[str, Any], first: str) -> None:
    assert next(background(changed(ONE, **fields), Policy(), NOW)).startswith(first)


def test_an_incident_of_unknown_age_has_none_and_no_incident_is_not_said() -> None:
    unknown = changed(ONE, state=changed(STATE, incident_since=0))
    assert "Incident: abc." in background(unknown, Policy(), NOW)
    none = changed(ONE, state=changed(STATE, incident=""))
    assert not any(line.startswith("Incident") for line in background(none, Policy(), NOW))


def test_flapping_is_the_last_sentence_where_something_changed() -> None:
    *_, last = background(changed(ONE, state=changed(STATE, changes=1)), Policy(flapping=None), NOW)
    assert last == "1 of the last 20 results changed what is decided; flap detection is off."


# --- the head -------------------------------------------------------------------------------------------------------

WEB = CheckConfig("web", "http", Check(), Place("a.yaml", 3, 5), description="one\ntwo", runbook="https://run\nbook")


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (CheckView("web", None), ["web is not in the files of the configuration now."]),
        (CheckView("web", None, ("a.yaml: wrong",)), ["web is written wrong, so it does not run.", "a.yaml: wrong"]),
        (CheckView("hostvigil", None), ["hostvigil is what the agent says of itself."]),
        (
            CheckView("web", WEB, ("a", "b")),
            [
                "web is a check of type http, written at a.yaml:3:5.",
                "one",
                "two",
                "What to do: https://run book",
                "a",
                "b",
            ],
        ),
        (
            CheckView("web", changed(WEB, description="", runbook="", enabled=False)),
            ["web is a check of type http, written at a.yaml:3:5. It is switched off (enabled: false)."],
        ),
    ],
)
def test_the_head_says_what_the_check_is_and_where_it_is_written(check: CheckView, said: list[str]) -> None:
    assert list(head(check)) == said


# --- the settings ---------------------------------------------------------------------------------------------------

COUNTING = [
    ("fail_after: 3 of 5", "3 of 5"),
    ("fail_after: {warning: 2, critical: 5m}", "warning: 2, critical: 1 and 5m, nodata: 1"),
    ("for: 90s", "1m 30s"),
    ("recover_after: 2", "2"),
    ("repeat_every: 1h", "1h"),
    ("flapping: false", "false"),
    ("flapping: nagios", "nagios, begins above 20%, ends below 5%"),
    ("flapping: {high: 60%, low: 20%}", "icinga, begins above 60%, ends below 20%"),
]


@pytest.mark.parametrize(("setting", "said"), COUNTING)
def test_each_setting_about_counting_and_telling_is_shown_as_what_it_came_to(
    tmp_path: Path, setting: str, said: str
) -> None:
    (tmp_path / "a.yaml").write_text(f"checks: {{up: {{type: script, command: [up], {setting}}}}}")
    config = load(tmp_path, Catalog(), {})
    assert config.problems == ()
    assert written(config, "up")[setting.partition(":")[0]] == said


CHECKS = """
checks:
  up: {type: script, command: [up]}
  web:
    type: http
    url: https://a.example/x
    headers: {X-A: b c}
    interval: 90s
    timeout: 1500ms
    fail_after: 3
    depends_on: {all: [up, also]}
    enabled: false
    description: "one\\ntwo"
    tags: {team: a b, env: topsecret}
  also:
    type: script
    command: [curl, "https://ann:hunter2@a.example/x", topsecret b]
    depends_on: [up]
    maintenance: {cron: "0 3 * * *", duration: 2h, reason: backup}
"""


def written(config: Config, check: str) -> dict[str, str]:
    return {one.name: one.value for one in settings(config.checks[check], lambda text: text.replace("topsecret", "*"))}


def test_each_setting_is_shown_as_one_would_type_it_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(CHECKS)
    config = load(tmp_path, Catalog(), {})
    assert config.problems == ()
    assert written(config, "web") == {
        "type": "http",
        "url": "https://a.example/x",
        "headers": "***",
        "interval": "1m 30s",
        "timeout": "1.5s",
        "fail_after": "3",
        "depends_on": "all of up, also",
        "enabled": "false",
        "description": "one two",
        "tags": "team: a b, env: *",
    }
    assert written(config, "also") == {
        "type": "script",
        "command": "curl https://***@a.example/x '* b'",
        "depends_on": "up",
        "maintenance": "cron: 0 3 * * *, duration: 7200.0, timezone: , select: *, reason: backup",
    }
    (first, *_) = settings(config.checks["up"], str)
    assert first.place == f"{tmp_path / 'a.yaml'}:3:14"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (7, "7"),
        ([], ""),
        (["a b", "c"], "'a b' c"),
        ([1, "a b"], "1, a b"),
        ({"a": ["x y"], "b": None}, "a: 'x y', b: null"),
    ],
)
def test_a_value_is_typed_as_in_a_file_and_a_command_as_in_a_shell(value: object, text: str) -> None:
    assert _format(value, str) == text
