"""A short version of `make torture`, from a fixed seed; and its judge is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.model import EventStatus, Notification
from tests.torture.killing import incident_complaints, steady, tortured, within


@pytest.mark.slow
def test_a_real_agent_that_is_killed_over_and_over_loses_and_invents_nothing(tmp_path: Path) -> None:
    counts, complaints = tortured(tmp_path, seed=7, kills=15)
    assert complaints == []
    assert counts["kills"] == 15
    assert counts["events"] >= 2, "on a busy machine a life sees little"


def test_the_judge_tells_lost_and_invented_changes_from_those_nobody_saw() -> None:
    said = ["ok", "critical", "critical", "ok", "warning", "ok"]
    told = steady(["ok", "critical", "ok"])
    assert within(told, steady(said))
    assert within(steady(["ok", "critical"]), told)
    assert not within(["ok", "warning"], told), "it surely came in and was not told"
    assert not within(["ok", "nodata"], steady(said)), "it was told and nobody said so"


def test_the_judge_minds_incidents() -> None:
    def event(status: str, incident: str) -> Notification:
        return Notification("id", "web", "", EventStatus(status), 0, incident=incident)

    assert not list(incident_complaints([event("critical", "a"), event("ok", "a"), event("warning", "b")]))
    assert list(incident_complaints([event("critical", "a"), event("ok", "b")]))
    assert list(incident_complaints([event("critical", "a"), event("ok", "a"), event("warning", "a")]))
