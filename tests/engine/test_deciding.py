"""What the decider does with an outcome, a configuration and who knows of a problem."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.api import Check
from agent.config.settings import CheckConfig, Place
from agent.engine.recorder.commands import Acknowledge
from agent.engine.self_check import NO_RESULT_YET, own_check
from agent.model import (
    EventStatus,
    Outcome,
    Policy,
    Reason,
    Result,
    State,
    Status,
)
from agent.store import LastRun
from tests.engine.deciding import NOW, House, bad, broken, ok, pushed, run_by_agent

# --- an outcome -------------------------------------------------------------------------------------------------------


def test_a_result_is_judged_by_its_run_and_its_end_and_noted_with_the_next_run() -> None:
    house = House(run_by_agent("web"))
    house.take("web", bad("/a"), settings_checksum=5)
    assert house.asked == [("web", "/a", NOW - 2000, NOW)]
    state = house.state("web", "/a")
    assert (state.type, state.settings_checksum, state.decided_since) == ("http", 5, NOW)
    assert house.buffer.notes == {("web", "/a"): LastRun("web", "/a", bad("/a"), NOW, 2.0, 77)}
    assert [change.state for change in house.buffer.changes] == [state]
    assert [(step.state.subject, measured) for step, measured in house.steps] == [("/a", True)]


def test_what_names_no_type_is_of_the_type_that_is_configured_but_a_stand_in_has_none() -> None:
    known = State("worn", type="dns", decided=Status.OK)
    house = House(pushed("backup"), broken("worn"), states=[known])
    house.take("backup", ok(), kind="")
    house.take("worn", Result(Status.NODATA, "written wrong"), kind="")
    assert (house.state("backup").type, house.state("worn").type) == ("pushed", "dns")


def test_why_nothing_is_told_is_the_clock_first_then_what_suppresses_then_the_parents() -> None:
    house = House(run_by_agent("web", "line"), run_by_agent("line"))
    house.take("web", bad())
    assert house.state("web").suppressed_by == "waits for line, which it depends on"
    house.reason = (Reason("silenced"),)
    house.take("web", bad())
    assert house.state("web").suppressed_by == "silenced"
    house.wall = 1000
    house.take("web", bad())
    assert house.state("web").suppressed_by == "the clock of this host is not set"


def test_of_what_leaves_nothing_is_noted() -> None:
    house = House(run_by_agent("web"))
    house.take("web", ok("/a"), ok("/b"))
    house.take("web", ok("/b"), given_up=("/a",), complete=False)
    assert [state.subject for state in house.decider.states] == ["/b"]
    assert list(house.buffer.notes) == [("web", "/b")]
    assert ("web", "/a") in house.buffer.forgotten
    assert [change.state.subject for change in house.buffer.changes if change.last] == ["/a", "/a"]


def test_what_a_check_remembers_is_kept_and_nothing_to_remember_takes_nothing_away() -> None:
    house = House(run_by_agent("web"))
    house.take("web", ok(), memory={"place": 7})
    house.take("web", ok())
    assert house.buffer.memories == {"web": {"place": 7}}


def test_who_has_no_result_yet_is_noted_with_each_configuration_and_with_each_first_result() -> None:
    house = House(run_by_agent("web"), run_by_agent("db"), run_by_agent("dns"), own_check(), broken("worn"))
    assert house.facts() == {NO_RESULT_YET: '["db","dns","web"]'}
    house.take("web", ok())
    assert house.facts() == {NO_RESULT_YET: '["db","dns"]'}
    house.buffer.facts.clear()
    house.take("web", ok())
    house.take("db", complete=False)
    assert house.facts() == {}
    house.take("db", ok())
    assert house.facts() == {NO_RESULT_YET: '["dns"]'}
    house.configure(run_by_agent("db"), run_by_agent("new"))
    assert house.facts() == {NO_RESULT_YET: '["new"]'}


def test_what_suppresses_is_looked_up_once_a_step_and_only_where_it_is_asked() -> None:
    house = House(run_by_agent("web"))
    house.take("web", bad("/a"), bad("/b"))
    assert house.suppressions == 1
    house.decider.take(Outcome("web", 2, house.wall, 0.0, (bad("/a"),), type="http"))
    assert house.suppressions == 1
    house.take("web", bad("/a"))
    assert house.suppressions == 2
    house.passes(10.0)
    assert house.suppressions == 2


@pytest.mark.parametrize(("kind", "meant"), [("http", True), ("", True), ("dns", False)])
def test_an_outcome_is_meant_where_the_check_is_what_it_was(kind: str, meant: bool) -> None:
    house = House(run_by_agent("web"))
    outcome = Outcome("web", 1, NOW, 0.0, (ok(),), type=kind)
    assert house.decider.is_meant(outcome) is meant
    house.configure()
    assert not house.decider.is_meant(outcome)


# --- a new configuration ----------------------------------------------------------------------------------------------


def test_a_check_that_is_removed_is_closed_told_as_well_and_forgotten() -> None:
    house = House(run_by_agent("web"), run_by_agent("db"))
    house.take("web", bad("/a"), ok("/b"), settings_checksum=3)
    house.take("db", bad())
    house.steps.clear()
    house.worded.clear()
    assert house.told() == ["web /a critical", "db  critical"]
    house.passes(60.0)
    house.configure(run_by_agent("db"))
    last = [change.state for change in house.buffer.changes if change.last]
    assert [(one.subject, one.decided, one.decided_since) for one in last] == [
        ("/a", Status.OK, house.wall),
        ("/b", Status.OK, NOW),
    ]
    assert house.told() == ["web /a ok"]
    assert [(step.state.subject, step.last, step.result.summary, measured) for step, measured in house.steps] == [
        ("/a", True, "no longer configured on this host", False),
        ("/b", True, "no longer configured on this host", False),
    ]
    assert house.worded == [("/a", run_by_agent("web"))]
    assert [state.check for state in house.decider.states] == ["db"]
    assert (("web", None) in house.buffer.forgotten, [key[0] for key in house.buffer.notes]) == (True, ["db"])


def test_another_type_under_the_name_closes_what_was_and_begins_anew() -> None:
    house = House(run_by_agent("web"))
    house.reason = (Reason("silenced", NOW + 5000),)
    house.take("web", bad("/a"))
    house.reason = ()
    house.configure(pushed("web"))
    house.passes(9.0)
    assert (list(house.decider.states), house.told(), house.retries) == ([], [], [])


def test_what_is_of_no_type_is_closed_under_the_configuration_that_has_its_name() -> None:
    problem: dict[str, Any] = {
        "decided": Status.CRITICAL,
        "notified": EventStatus.CRITICAL,
        "incident": "i",
        "events": 1,
    }
    states = [State("web", "/a", type="dns", **problem), State("web", "/b", **problem)]
    house = House(run_by_agent("web"), states=states)
    assert house.worded == [
        ("/a", CheckConfig("web", "dns", Check(), Place(""))),
        ("/b", run_by_agent("web")),
    ]


def test_while_a_file_cannot_be_read_what_may_be_in_it_stays_but_nobody_looks_at_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    house = House(pushed("backup"), run_by_agent("web"))
    house.reason = (Reason("silenced", NOW + 5000),)
    house.take("backup", bad("/a"), kind="")
    house.take("web", bad())
    house.reason = ()
    house.configure(retire=False)
    house.passes(9.0)
    assert (house.told(), house.retries, caplog.records) == ([], [], [])
    house.configure(pushed("backup"), run_by_agent("web"))
    house.passes(0.0)
    assert house.retries == [("web", 0.0)], "what was held back is looked at again"


def test_what_is_switched_off_is_closed_whatever_cannot_be_read() -> None:
    house = House(run_by_agent("web"), run_by_agent("db"))
    house.take("web", bad())
    house.take("db", bad())
    house.told()
    config = msgspec.structs.replace(house.config(retire=False), off={"web"})
    house.decider.configure(config)
    assert house.told() == ["web  ok"]


def test_results_are_kept_of_what_is_pushed_and_of_nothing_else() -> None:
    runs = [LastRun(name, "/a", bad("/a"), 5, 1.0, 0) for name in ("backup", "web", "gone")]
    states = [State(name, "/a") for name in ("backup", "web")]
    house = House(pushed("backup"), run_by_agent("web"), states=states, runs=runs)
    assert list(house.decider._results) == [("backup", "/a")]
    house.take("web", bad())
    house.take("backup", bad("/b"), kind="")
    assert list(house.decider._results) == [("backup", "/a"), ("backup", "/b")]


def test_after_a_start_what_is_pushed_is_judged_by_its_last_result_and_the_runs_of_parents_are_known() -> None:
    states = [State("backup", "/a", type="pushed", decided=Status.CRITICAL)]
    runs = [LastRun("backup", "/a", bad("/a"), 5, 1.0, 0), LastRun("line", "", ok(), NOW, 2.0, 0)]
    house = House(pushed("backup"), run_by_agent("web", "line"), run_by_agent("line"), states=states, runs=runs)
    house.passes(0.0)
    assert house.told() == ["backup /a critical"]
    house.take("web", bad())
    assert house.told() == ["web  critical"], "its parent has run since"
    house.wall += 1
    house.take("web", ok())
    house.take("web", bad())
    assert house.state("web").suppressed_by == "waits for line, which it depends on"


# --- who knows of it --------------------------------------------------------------------------------------------------


def test_what_is_told_as_a_problem_is_acknowledged_and_taking_it_back_looks_at_it() -> None:
    hourly = Policy(flapping=None, repeat_every=60.0)
    house = House(pushed("backup", policy=hourly))
    house.take("backup", bad("/a"), bad("/b"), ok("/c"), kind="")
    assert house.told() == ["backup /a critical", "backup /b critical"]

    def ask(subject: str | None, words: str) -> list[str]:
        return house.decider.acknowledge(Acknowledge("backup", subject, words, lambda names: None))

    assert (ask("/c", "ann"), ask("/d", "ann"), ask("/a", "ann")) == ([], [], ["/a"])
    assert [change.state for change in house.buffer.changes] == [house.state("backup", "/a")]
    assert house.state("backup", "/a").acknowledged == "ann"
    assert ask(None, "ben") == ["/a", "/b"]
    house.passes(70.0)
    assert house.told() == []
    assert ask("/b", "") == ["/b"]
    house.passes(0.0)
    assert house.told() == ["backup /b critical"], "its repetition was due"
    assert house.decider.acknowledge(Acknowledge("nobody", None, "ann", lambda names: None)) == []
