"""The host's own time zone, in each form in which TZ may be written, beside the same zone by its name."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.api import Check
from agent.config.calendar.host_zone import HOST_ZONE
from agent.config.calendar.turns import next_turn, zone_of
from agent.config.settings import CheckConfig, Place
from agent.running.due_list import DueList
from agent.running.triggers import trigger_of
from tests.processes.agent_process import agent_process


@pytest.fixture
def tz(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    monkeypatch.undo()
    time.tzset()


def set_zone(tz: pytest.MonkeyPatch, text: str) -> None:
    tz.setenv("TZ", text)
    time.tzset()


@pytest.mark.parametrize(
    ("text", "name", "day"),
    [
        ("Europe/Berlin", "Europe/Berlin", (2027, 3, 28)),
        (":Europe/Berlin", "Europe/Berlin", (2027, 10, 31)),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "Europe/Berlin", (2027, 3, 28)),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "Europe/Berlin", (2027, 10, 31)),
        ("Africa/Cairo", "Africa/Cairo", (2026, 4, 24)),  # leaves out midnight
        ("Australia/Lord_Howe", "Australia/Lord_Howe", (2026, 4, 5)),  # by half an hour
        ("Pacific/Apia", "Pacific/Apia", (2011, 12, 30)),  # leaves out a day
        ("JST-9", "Asia/Tokyo", (2027, 3, 28)),
        ("UTC0", "UTC", (2027, 3, 28)),
        ("Foo/Bar", "UTC", (2027, 3, 28)),
        ("", "UTC", (2027, 3, 28)),
    ],
)
def test_the_hosts_zone_is_that_of_its_name_at_each_moment_and_at_each_time_on_the_wall(
    tz: pytest.MonkeyPatch, text: str, name: str, day: tuple[int, int, int]
) -> None:
    set_zone(tz, text)
    named, begin = ZoneInfo(name), datetime(*day, 0, 0, 1, 5) - timedelta(days=2)  # noqa: DTZ001 - the wall
    for quarter in range(4 * 24 * 4):
        wall = begin + timedelta(minutes=15 * quarter)
        moment = wall.replace(tzinfo=UTC)
        ours, theirs = moment.astimezone(HOST_ZONE), moment.astimezone(named)
        assert (ours.replace(tzinfo=None), ours.fold) == (theirs.replace(tzinfo=None), theirs.fold)
        for fold in (0, 1):
            ours, theirs = (wall.replace(tzinfo=zone, fold=fold) for zone in (HOST_ZONE, named))
            assert ours.utcoffset() == theirs.utcoffset()
            assert ours.astimezone(UTC) == theirs.astimezone(UTC)
    after = begin.replace(tzinfo=UTC)
    assert next_turn("30 2 * * *", zone_of(""), after) == next_turn("30 2 * * *", named, after)


def test_a_turn_is_of_the_zone_that_the_host_has_now(tz: pytest.MonkeyPatch) -> None:
    set_zone(tz, "UTC0")
    check = CheckConfig("nightly", "none", Check(), Place("x.yaml"), cron="30 3 * * *")
    now = datetime(2027, 1, 5, 12, tzinfo=UTC)
    due = DueList(now)
    due.add(check, trigger_of(check, now, now), now)
    for text, hour in (("UTC0", 3), ("JST-9", 18), ("EST5", 8)):
        set_zone(tz, text)
        due.move(timedelta(0), now)
        at = due.at("nightly")
        assert at
        assert (at.hour, at.minute) == (hour, 30)


def test_an_agent_whose_zone_is_a_rule_without_a_name_runs_checks_on_cron_and_has_windows(tmp_path: Path) -> None:
    with agent_process(tmp_path, {"TZ": "CET-1CEST,M3.5.0,M10.5.0/3"}) as agent:
        window = 'maintenance: {weekly: "mon 00:00", duration: 1h}'
        agent.write("a.yaml", f'checks: {{one: {{type: memory, cron: "* * * * *", {window}}}}}\n')
        done = agent.call("validate")
        assert (done.returncode, done.stderr) == (0, "")
