"""Destinations that come, go and stand side by side: each is told what it asks for, and none waits for another."""

from __future__ import annotations

import json
import signal
import statistics
import time
from collections.abc import Iterator

import pytest

from tests.delivery.houses import House, events, eventually, told
from tests.stand_ins.api import ApiStandIn
from tests.stand_ins.web_service import WebService


@pytest.fixture
def other() -> Iterator[WebService]:
    with WebService() as service:
        yield service


def webhook(service: WebService, name: str = "ops", more: str = "") -> str:
    return f"  destinations:\n    {name}: {{type: webhook, url: '{service.url}/hook', rate_limit: 600/min{more}}}\n"


def heard(service: WebService, check: str = "flag") -> list[str]:
    """The statuses that a service heard of a check, each event once: what is posted again is the same to the byte."""
    once = [json.loads(body) for body in dict.fromkeys(post.body for post in service.posts)]
    return [event["status"] for event in once if f" {check} on " in event["title"]]


# --- destinations that come -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["reload", "restart", "kill"])
def test_a_new_destination_is_told_once_what_stands_and_not_what_is_over(
    house: House, api: ApiStandIn, by: str
) -> None:
    house.settings("agent: {hostname: web-1}\n")
    house.checks("flag", "over")
    house.agent.start()
    house.up("over")
    house.up("flag")
    house.decided("flag", "critical")
    house.decided("over", "critical")
    house.down("over")
    house.decided("over", "ok")
    house.settings(events(api))
    if by == "reload":
        house.reload()
    else:
        house.restart(signal.SIGKILL if by == "kill" else signal.SIGTERM)
    eventually(lambda: told(api) == ["critical"], "what stands is told")
    house.restart()
    house.reload()
    house.down("flag")
    eventually(lambda: told(api) == ["critical", "ok"], "and its end, and nothing twice")
    first, last = (event["customTags"] for event in api.accepted if event["customTags"]["check_name"] == "flag")
    assert first["incident_id"] == last["incident_id"]
    assert told(api, "over") == []
    assert api.rejections == []


def test_a_changed_endpoint_gets_what_waits_and_what_stands(house: House, api: ApiStandIn) -> None:
    with ApiStandIn() as later:
        house.settings(events(api))
        house.checks("flag", "waits", "both")
        house.agent.start()
        for name in ("flag", "both"):
            house.up(name)
            eventually(lambda name=name: told(api, name) == ["critical"], "the old one hears of it")  # type: ignore[misc]
        api.down = "500"
        house.up("waits")
        house.decided("waits", "critical")
        house.down("both")
        house.decided("both", "ok")
        house.settings(events(later))
        house.reload()
        eventually(lambda: (told(later), told(later, "waits")) == (["critical"], ["critical"]), "the new one hears it")
        house.down("flag")
        house.down("waits")
        eventually(lambda: told(later) == told(later, "waits") == ["critical", "ok"], "and the ends")
        assert told(later, "both") == [], "its problem was told to another"
        assert later.rejections == []


def test_many_problems_that_stand_are_told_to_a_new_destination_as_a_digest(house: House, api: ApiStandIn) -> None:
    names = [f"flag-{number}" for number in range(30)]
    house.settings("agent: {hostname: web-1}\n")
    house.checks(*names)
    house.agent.start()
    for name in names:
        house.up(name)
    for name in names:
        house.decided(name, "critical")
    house.settings(events(api))
    house.reload()
    eventually(lambda: sum(int(event["customTags"].get("digest", 1)) for event in api.accepted) == 30, "30 problems")
    assert len(api.requests) <= 4


# --- destinations that go ---------------------------------------------------------------------------------------------


def test_what_waits_for_a_destination_that_is_removed_ends_and_that_is_said(
    house: House, api: ApiStandIn, other: WebService
) -> None:
    other.answer = lambda post: (503, b"")
    house.settings(events(api, webhook(other)))
    house.checks("flag")
    house.agent.start()
    house.up("flag")
    eventually(lambda: told(api) == ["critical"], "the main one hears of it")
    eventually(lambda: other.posts, "the other was tried")
    house.settings(events(api))
    house.reload()
    said = "never told, because the destination was removed from the configuration: 1 for ops"
    eventually(lambda: said in house.agent.call("status", "--all").stdout + house.agent.call("status").stdout, "said")
    assert "the destination ops was removed: 1 notifications were never told to it" in house.agent.output()
    house.settings(events(api, webhook(other)))
    other.answer = lambda post: (200, b"")
    other.posts.clear()
    house.reload()
    eventually(lambda: heard(other) == ["critical"], "come again it is told what stands")


# --- side by side -----------------------------------------------------------------------------------------------------


def test_a_destination_that_hangs_delays_no_other(house: House, api: ApiStandIn, other: WebService) -> None:
    other.hangs.set()
    names = [f"flag-{number}" for number in range(9)]
    house.settings(events(api, webhook(other)))
    house.checks(*names)
    house.agent.start()
    for name in names:
        house.decided(name, "ok")
    delays = []
    for name in names:
        house.up(name)
        eventually(lambda name=name: told(api, name) == ["critical"], "told")  # type: ignore[misc]
        event = next(event for event in api.accepted if event["customTags"]["check_name"] == name)
        delays.append(time.time() - event["date"] / 1000)
    assert statistics.median(delays) < 1.0
    assert house.agent.json("events", "--pending", "--destination", "ops")
    other.hangs.clear()
    for name in names:
        eventually(lambda name=name: heard(other, name) == ["critical"], "the other hears all", 40)  # type: ignore[misc]


def test_only_what_a_destination_asks_for_is_told_to_it(house: House, api: ApiStandIn, other: WebService) -> None:
    house.settings(events(api, webhook(other, more=", only: 'web-* env=test'")))
    house.checks("flag", "web-flag")
    house.agent.start()
    house.up("flag")
    house.up("web-flag")
    eventually(lambda: told(api) == told(api, "web-flag") == ["critical"], "the main one hears both")
    eventually(lambda: heard(other, "web-flag") == ["critical"], "the other its own")
    assert heard(other) == []
    house.settings(events(api, webhook(other)))
    house.reload()
    eventually(lambda: heard(other) == ["critical"], "what it may hear now, and stands")
    assert heard(other, "web-flag") == ["critical"], "nothing twice"
    house.settings(events(api, webhook(other, more=", only: db")))
    house.reload()
    house.down("flag")
    eventually(lambda: heard(other) == ["critical", "ok"], "the end of what it was told, though it asks for others")
    house.settings(events(api))
    house.reload()
    house.down("web-flag")
    eventually(lambda: told(api, "web-flag") == ["critical", "ok"], "it ends while the other is removed")
    house.settings(events(api, webhook(other)))
    house.reload()
    eventually(lambda: heard(other, "web-flag") == ["critical", "ok"], "and come back it hears of that")


def test_what_stands_is_restated_on_demand_under_its_incident(house: House, api: ApiStandIn, other: WebService) -> None:
    house.settings(events(api, webhook(other)))
    house.checks("flag", "fine")
    house.agent.start()
    house.up("flag")
    house.agent.wait_until(lambda: told(api) == heard(other) == ["critical"], "told")
    wrong = house.agent.call("events", "restate", "--destination", "nobody")
    assert (wrong.returncode, "there are: events, ops" in wrong.stderr) == (2, True)
    done = house.agent.call("events", "restate", "--destination", "events")
    assert done.returncode == 0, done.stderr
    eventually(lambda: told(api) == ["critical", "critical"], "told again")
    first, again = (event for event in api.accepted if event["customTags"]["check_name"] == "flag")
    assert first["customTags"]["incident_id"] == again["customTags"]["incident_id"]
    assert first["customTags"]["event_id"] != again["customTags"]["event_id"]
    assert "(still, for " in again["title"]
    house.agent.stop()
    assert house.agent.call("events", "restate").returncode == 0
    house.agent.start()
    eventually(lambda: (told(api), heard(other)) == (["critical"] * 3, ["critical"] * 2), "and after a restart")
    house.down("flag")
    eventually(lambda: told(api)[-1] == heard(other)[-1] == "ok", "and its end to both")
    assert told(api, "fine") == []
