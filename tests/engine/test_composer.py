"""The facts are composed of what the host and the agent's tags are at that moment."""

from __future__ import annotations

import time

import msgspec
import pytest

from agent.api import Check
from agent.config.settings import AgentSettings, CheckConfig, Config, Place
from agent.engine import notifications
from agent.engine.composer import Composer
from agent.engine.notifications import Sender
from agent.engine.state.transition import Transition
from agent.model import Destination, EventStatus, Report, Result, State, Status

HOST = {"host": "web-1"}
TAGS = {"env": "prod"}
WEB = CheckConfig("web", "http", Check(), Place("a.yaml"))
RESULT = Result(Status.CRITICAL, "HTTP 500", "/cart")
STATE = State("web", "/cart", decided=Status.CRITICAL, notified=EventStatus.CRITICAL, incident="i1")
REPORT = Report(EventStatus.CRITICAL, None, "i1", 1, 0, 5)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_999_999_999)
    return 1_700_000_000_999


def test_a_change_is_of_the_moment_of_its_observation_and_all_else_of_now(now: int) -> None:
    composer, sender = Composer(lambda: HOST, TAGS), Sender(HOST, TAGS)
    step = Transition(STATE, STATE, RESULT, 7, REPORT)
    assert composer.of_change(REPORT, step, WEB) == notifications.of_change(REPORT, RESULT, WEB, sender, 7)
    to = Destination("ops", "")
    assert composer.of_standing(STATE, RESULT, WEB, to) == notifications.of_standing(
        STATE, RESULT, WEB, sender, "ops", now
    )
    assert composer.of_agent("events", "stopped", EventStatus.WARNING) == notifications.of_agent(
        "events", "stopped", sender, now, EventStatus.WARNING
    )


def test_a_new_configuration_has_its_tags_told_from_then_on() -> None:
    composer = Composer(lambda: HOST, TAGS)
    new = Config(agent=AgentSettings(tags={"env": "test"}))
    composer.apply(Config(), new)
    assert composer.of_agent("events", "stopped", EventStatus.INFO).tags == {"env": "test"}


def test_what_stands_and_was_told_to_nobody_is_nodata_for_the_new_one() -> None:
    never = msgspec.structs.replace(STATE, notified=None)
    assert Composer(lambda: HOST, TAGS).of_standing(never, RESULT, WEB, Destination("ops", "")).status == "nodata"


def test_a_host_that_is_not_known_has_an_empty_name() -> None:
    assert Sender({}, {}).name == ""
