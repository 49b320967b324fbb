"""The facts of a notification: all that is known at that moment, under a name that only this change has."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest

from agent import __version__
from agent.api import Check
from agent.config.settings import CheckConfig, Place
from agent.engine.notifications import Sender, of_agent, of_change, of_standing, under_one_name
from agent.model import EventStatus, Metric, Notification, Report, Result, State, Status

NOW = 9000
SENDER = Sender({"host": "web-1", "os": "linux"}, {"env": "prod", "team": "ops"})
WEB = CheckConfig(
    "web", "http", Check(), Place("a.yaml"), tags={"team": "shop"}, description="the shop", runbook="https://run/book"
)
RESULT = Result(Status.CRITICAL, "HTTP 500", "/cart", "the page said so", (Metric("time", 0.5),))
REPORT = Report(
    status=EventStatus.CRITICAL,
    previous=EventStatus.OK,
    incident="i1",
    sequence=3,
    since=1000,
    incident_since=2000,
    repeat=1,
)
STATE = State("web", "/cart", decided=Status.CRITICAL, notified=EventStatus.WARNING, incident="i1", incident_since=2000)
ABOUT: dict[str, Any] = {
    "check": "web",
    "subject": "/cart",
    "at": NOW,
    "type": "http",
    "summary": "HTTP 500",
    "details": "the page said so",
    "metrics": RESULT.metrics,
    "description": "the shop",
    "runbook": "https://run/book",
    "host": {"host": "web-1", "os": "linux"},
    "tags": {"env": "prod", "team": "shop"},
    "agent_version": __version__,
}


def test_a_change_has_all_that_the_report_the_result_the_check_and_the_host_say() -> None:
    made = of_change(REPORT, RESULT, WEB, SENDER, NOW)
    assert made == Notification(
        id=made.id,
        status=EventStatus.CRITICAL,
        previous=EventStatus.OK,
        since=1000,
        incident="i1",
        incident_since=2000,
        repeat=1,
        **ABOUT,
    )


def test_what_stands_has_its_incident_and_what_was_told_of_it_last() -> None:
    made = of_standing(STATE, RESULT, WEB, SENDER, "ops", NOW)
    assert made == Notification(
        id=made.id, status=EventStatus.WARNING, incident="i1", incident_since=2000, restated=True, **ABOUT
    )


def test_news_of_the_agent_are_of_its_own_check() -> None:
    made = of_agent("events", "stopped", SENDER, NOW)
    assert made == Notification(
        id=made.id,
        check="hostvigil",
        subject="events",
        status=EventStatus.INFO,
        at=NOW,
        type="hostvigil",
        summary="stopped",
        host={"host": "web-1", "os": "linux"},
        tags={"env": "prod", "team": "ops"},
        agent_version=__version__,
    )


ELSEWHERE = Sender({"host": "web-2"}, {})


def names_of(kind: str) -> list[str]:
    """The name of one notification, then of others that differ from it in one thing each."""
    change = msgspec.structs.replace
    if kind == "change":
        asked = [
            (REPORT, RESULT, WEB, SENDER, NOW),
            (change(REPORT, sequence=4), RESULT, WEB, SENDER, NOW),
            (change(REPORT, incident="i2"), RESULT, WEB, SENDER, NOW),
            (REPORT, change(RESULT, subject="/"), WEB, SENDER, NOW),
            (REPORT, RESULT, change(WEB, name="shop"), SENDER, NOW),
            (REPORT, RESULT, WEB, ELSEWHERE, NOW),
            (REPORT, RESULT, WEB, SENDER, NOW + 1),
        ]
        return [of_change(*one).id for one in asked]
    if kind == "standing":
        return [
            of_standing(state, RESULT, WEB, sender, to, now).id
            for state, sender, to, now in (
                (STATE, SENDER, "ops", NOW),
                (change(STATE, check="shop"), SENDER, "ops", NOW),
                (change(STATE, subject="/"), SENDER, "ops", NOW),
                (change(STATE, incident="i2"), SENDER, "ops", NOW),
                (STATE, ELSEWHERE, "ops", NOW),
                (STATE, SENDER, "events", NOW),
                (STATE, SENDER, "ops", NOW + 1),
            )
        ]
    return [
        of_agent(*one).id
        for one in (
            ("events", "stopped", SENDER, NOW),
            ("agent", "stopped", SENDER, NOW),
            ("events", "started", SENDER, NOW),
            ("events", "stopped", ELSEWHERE, NOW),
            ("events", "stopped", SENDER, NOW + 1),
        )
    ]


@pytest.mark.parametrize("kind", ["change", "standing", "agent"])
def test_whatever_differs_makes_another_name_and_the_same_the_same(kind: str) -> None:
    names = names_of(kind)
    assert names == names_of(kind)
    for one, other in itertools.combinations(names, 2):
        assert one != other


def test_the_names_are_the_same_in_each_version() -> None:
    """What an older agent told is known by its name: told again under another, somebody is woken twice."""
    assert names_of("change")[0] == "96c91182a2db8eb0fbec213e881c2862"
    assert names_of("standing")[0] == "74bee0dcfe9db9764a0c9e8acc2cd97f"
    assert names_of("agent")[0] == "e70f8993e293542ac9ec5c9701677a96"


def test_an_incident_keeps_the_host_that_it_began_on() -> None:
    made = of_change(REPORT, RESULT, WEB, SENDER, NOW)
    state, told = under_one_name(msgspec.structs.replace(STATE, incident_host="web-0"), made)
    assert (state.incident_host, told.host) == ("web-0", {"host": "web-0", "os": "linux"})
    state, told = under_one_name(STATE, made)
    assert (state.incident_host, told) == ("web-1", made)
    nameless = msgspec.structs.replace(made, host={})
    assert under_one_name(STATE, nameless) == (STATE, nameless)
    state, told = under_one_name(msgspec.structs.replace(STATE, incident="", incident_host="web-0"), made)
    assert (state.incident_host, told.host["host"]) == ("", "web-0")


def test_half_characters_in_a_name_are_part_of_what_names_a_change() -> None:
    made = {of_agent(subject, "full", SENDER, NOW).id for subject in ("a", "a\ud800", "a\ud801")}
    assert len(made) == 3
