"""What the decider does when time passes: who is looked at again, and which runs are asked for."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pytest

from agent.engine.recorder.second_look import SecondLooks, seconds_until
from agent.engine.state.transition import apply_result
from agent.model import Count, EventStatus, FailAfter, Policy, Reason, Result, State, Status
from agent.store import LastRun
from tests.engine.deciding import NOW, STEADY, TWICE, House, bad, broken, ok, pushed, run_by_agent

# --- who is due -------------------------------------------------------------------------------------------------------


class Looks(SecondLooks):
    """Second looks with the silences as they are, and how often they were looked up."""

    def __init__(self, *held: str) -> None:
        super().__init__()
        self.silences: Hashable = ()
        self.lookups = 0
        for subject in held:
            self.hold(subject, 0.0)

    def hold(self, subject: str, now: float, until: int = 0) -> None:
        step = apply_result(State("web", subject), bad(subject), STEADY, NOW, (Reason("silenced", until),))
        self.plan(step, STEADY, now)

    def found(self, now: float, jump: int = 0) -> list[str]:
        return sorted(subject for _, subject in self.due(now, NOW + round(now * 1000) + jump, self._now))

    def _now(self) -> Hashable:
        self.lookups += 1
        return self.silences


def test_while_nothing_is_held_back_nobody_looks_whether_a_silence_was_lifted() -> None:
    looks = Looks()
    assert (looks.found(1000.0), looks.lookups, looks.next_look) == ([], 0, float("inf"))
    looks.hold("/a", 1000.0)
    assert looks.next_look == 1001.0
    looks.hold("/b", 1000.5)
    assert looks.next_look == 1001.0
    assert (looks.found(1000.9), looks.lookups) == ([], 0)
    assert (looks.found(1001.0), looks.lookups) == (["/a", "/b"], 1), "there is nothing to compare with yet"
    assert looks.next_look == 1002.0
    assert (looks.found(1002.5), looks.lookups) == ([], 2)
    assert looks.next_look == 1003.5
    looks.forget("web", "/a")
    looks.forget("web", "/b")
    assert (looks.found(1003.5), looks.lookups, looks.next_look) == ([], 3, float("inf"))


@pytest.mark.parametrize(("jump", "found"), [(1000, []), (1001, ["/a"]), (-1000, []), (-1001, ["/a"])])
def test_who_is_held_back_is_looked_at_once_when_somebody_set_the_clock(jump: int, found: list[str]) -> None:
    looks = Looks("/a")
    looks.found(1.0)
    assert looks.found(2.0, jump) == found
    assert looks.found(3.0, jump) == []


def test_an_hour_without_a_look_is_no_clock_that_was_set() -> None:
    looks = Looks("/a")
    looks.found(1.0)
    assert looks.found(3601.0) == []


def test_who_is_forgotten_is_not_looked_at() -> None:
    looks = Looks()
    looks.hold("/a", 0.0, until=NOW + 500)
    looks.hold("/b", 0.0, until=NOW + 600)
    looks.forget("web", "/a")
    assert looks.found(0.9) == ["/b"]


@pytest.mark.parametrize(("until", "seconds"), [(NOW - 5, 0.0), (NOW, 0.0), (NOW + 1_000_000, 1000.0), (0, None)])
def test_what_a_reason_s_end_is_waited_for_is_exact_and_never_negative(until: int, seconds: float | None) -> None:
    step = apply_result(State("web"), bad(), STEADY, NOW, (Reason("silenced", until),))
    assert seconds_until(step, STEADY) == seconds


def test_who_is_held_back_is_looked_at_once_when_the_silences_are_others() -> None:
    looks = Looks("/a")
    looks.found(1.0)
    looks.silences = ("another",)
    assert (looks.found(2.0), looks.found(3.0)) == (["/a"], [])


def test_whose_reason_ends_as_a_silence_is_lifted_is_looked_at_once() -> None:
    looks = Looks()
    looks.hold("/a", 0.0, until=NOW + 1000)
    looks.hold("/b", 0.0)
    assert looks.found(1.0) == ["/a", "/b"]


# --- time -------------------------------------------------------------------------------------------------------------


def test_when_a_silence_ends_a_check_that_is_run_is_run_and_what_is_pushed_is_judged_again() -> None:
    house = House(run_by_agent("web"), pushed("backup"))
    house.reason = (Reason("silenced", NOW + 5000),)
    house.take("web", bad())
    house.take("backup", bad("/a"), kind="")
    assert house.told() == []
    house.passes(4.9)
    house.reason = ()
    assert (house.retries, house.told()) == ([], []), "not before its end"
    house.asked.clear()
    house.passes(0.1)
    assert (house.retries, house.told()) == ([("web", 0.0)], ["backup /a critical"])
    assert sorted(house.asked) == [("backup", "/a", NOW + 5000, NOW + 5000), ("web", "", NOW + 5000, NOW + 5000)]
    assert house.steps[-1][1] is False, "nothing was measured"
    assert house.suppressions == 4, "two results, a look whether a silence was lifted, and this"


def test_what_is_still_held_back_when_it_is_looked_at_waits_for_the_next_end() -> None:
    house = House(run_by_agent("web"))
    house.reason = (Reason("silenced", NOW + 5000),)
    house.take("web", bad())
    house.reason = (Reason("maintenance", NOW + 9000), Reason("silenced", NOW + 8000))
    house.passes(5.0)
    house.reason = ()
    house.passes(2.9)
    assert house.retries == []
    house.passes(0.1)
    assert house.retries == [("web", 0.0)]


def test_a_silence_that_somebody_lifts_is_noticed() -> None:
    house = House(run_by_agent("web"))
    house.reason, house.silences = (Reason("silenced", NOW + 500_000),), ("one",)
    house.take("web", bad())
    house.passes(1.0)
    house.passes(1.0)
    house.retries.clear()
    house.reason, house.silences = (), ()
    house.passes(1.0)
    assert house.retries == [("web", 0.0)]


def test_a_bug_in_one_look_leaves_no_other_subject_out(caplog: pytest.LogCaptureFixture) -> None:
    house = House(pushed("backup"), run_by_agent("web"))
    house.reason = (Reason("silenced", NOW + 5000),)
    house.take("backup", bad("/a"), kind="")
    house.take("web", bad())
    house.reason, house.bugs = (), {"backup"}
    house.passes(5.0)
    assert [record.getMessage() for record in caplog.records] == ["a bug of ours: backup /a is not looked at again"]
    assert caplog.records[0].exc_info
    assert house.retries == [("web", 0.0)]


def test_where_no_result_is_known_there_is_nothing_to_judge_again(caplog: pytest.LogCaptureFixture) -> None:
    held = State("backup", "/a", decided=Status.CRITICAL, suppressed_by="silenced", suppressed_since=5)
    house = House(pushed("backup"), states=[held])
    house.passes(0.0)
    assert (caplog.records, house.told(), house.retries) == ([], [], [])
    assert house.state("backup", "/a") == held


def test_of_a_stand_in_only_what_it_says_itself_is_judged_again() -> None:
    held = State("worn", "/a", type="dns", decided=Status.CRITICAL, suppressed_by="silenced", suppressed_since=5)
    whole = State("worn", "", type="dns", decided=Status.NODATA, suppressed_by="silenced", suppressed_since=5)
    runs = [LastRun("worn", one.subject, Result(Status.NODATA, "odd", one.subject), 5, 0.0, 0) for one in (held, whole)]
    house = House(broken("worn"), states=[held, whole], runs=runs)
    house.passes(0.0)
    assert house.told() == ["worn  nodata"]


def test_a_span_of_a_pushed_problem_that_runs_out_waits_for_the_parents_too() -> None:
    lasting = Policy(FailAfter(Count(seconds=30.0), Count(seconds=30.0), Count(seconds=30.0)), flapping=None)
    house = House(pushed("backup", "line", policy=lasting), run_by_agent("line"))
    house.take("backup", ok(), kind="")
    house.take("backup", bad(), kind="")
    house.passes(30.0)
    assert house.state("backup").suppressed_by == "waits for line, which it depends on"
    assert (house.told(), house.retries) == ([], [("line", 0.0)])


def test_when_the_clock_is_set_what_was_noted_by_it_is_put_right_and_written() -> None:
    house = House(pushed("backup"))
    house.wall = 5_000_000
    house.take("backup", ok("/a"), kind="")
    house.take("backup", bad("/b"), kind="")
    house.buffer.changes.clear()
    house.wall = NOW + 5_000_000
    house.decider.look(house.now)
    assert house.state("backup", "/a").decided_since == NOW + 5_000_000
    assert sorted(change.state.subject for change in house.buffer.changes) == ["/a", "/b"]
    house.buffer.changes.clear()
    house.decider.look(house.now)
    assert house.buffer.changes == []


# --- runs that are asked for ------------------------------------------------------------------------------------------


def test_a_check_that_is_not_decided_is_run_sooner_where_that_is_wanted() -> None:
    house = House(run_by_agent("web", policy=TWICE, retry_interval=7.0), run_by_agent("db", policy=TWICE))
    for name in ("web", "db"):
        house.take(name, ok())
        house.take(name, ok())
    house.retries.clear()
    house.take("web", bad())
    house.take("db", bad())
    assert house.retries == [("web", 7.0)]
    house.take("web", bad())
    assert house.retries == [("web", 7.0)], "it is decided now"


@pytest.mark.parametrize(("last", "wanted"), [(bad(), [("web", 7.0)]), (ok(), [])])
def test_after_a_start_a_check_that_was_not_decided_is_run_as_soon_as_before(
    last: Result, wanted: list[tuple[str, float]]
) -> None:
    states = [State(name, "", type="http", decided=Status.OK) for name in ("web", "db")]
    runs = [LastRun(name, "", last, NOW - 1000, 1.0, 0) for name in ("web", "db")]
    web = run_by_agent("web", policy=TWICE, retry_interval=7.0)
    house = House(web, run_by_agent("db", policy=TWICE), states=states, runs=runs)
    assert house.retries == wanted
    house.configure(web)
    assert house.retries == wanted, "a reload asks for nothing"


def test_after_a_start_time_goes_on_for_who_is_run_seldom() -> None:
    lasting = Policy(FailAfter(critical=Count(seconds=60.0)), flapping=None)
    states = [State("web", type="http", decided=Status.OK, bad=1, bad_for=20.0, counted_at=NOW)]
    house = House(run_by_agent("web", policy=lasting), states=states, runs=[LastRun("web", "", bad(), NOW, 1.0, 0)])
    house.passes(39.0)
    assert house.retries == []
    house.passes(1.0)
    assert house.retries == [("web", 0.0)]


def test_a_problem_that_lasts_is_repeated_in_time_after_a_start_and_a_reload_that_asks_for_it() -> None:
    told: dict[str, Any] = {"decided": Status.CRITICAL, "notified": EventStatus.CRITICAL, "notified_at": NOW - 50_000}
    again = run_by_agent("web", policy=Policy(repeat_every=60.0, flapping=None))
    for house in (House(again, states=[State("web", type="http", **told)]), House(run_by_agent("web"))):
        if not list(house.decider.states):
            house.take("web", bad())
            house.wall += 50_000
            house.configure(again)
        house.passes(9.0)
        assert house.retries == []
        house.passes(1.1)
        assert house.retries == [("web", 0.0)]


def test_parents_are_asked_once_and_again_only_for_a_fresher_word() -> None:
    house = House(run_by_agent("web", "line"), run_by_agent("line", "far"), run_by_agent("far"), run_by_agent("other"))
    house.take("web", bad())
    assert sorted(house.retries) == [("far", 0.0), ("line", 0.0)]
    house.passes(1.0)
    house.take("web", bad())
    assert len(house.retries) == 2, "they were asked already"
    house.take("line", ok())
    assert len(house.retries) == 4, "it began before: it is asked once more"
    house.retries.clear()
    house.passes(2.0)
    house.take("other", ok())
    assert house.retries == [], "nobody waits for it"
    house.take("line", ok())
    assert house.retries == [("far", 0.0)], "the one that has not answered"
    house.retries.clear()
    house.take("far", ok())
    house.passes(0.0)
    assert house.retries == [("web", 0.0)], "all have answered: it is looked at again"


def test_a_parent_that_still_counts_is_waited_for_and_not_asked_for_more() -> None:
    house = House(run_by_agent("web", "line"), run_by_agent("line", policy=TWICE))
    house.take("line", ok())
    house.take("line", ok())
    house.passes(1.0)
    house.take("web", bad())
    house.passes(3.0)
    house.retries.clear()
    house.take("line", bad())
    assert house.retries == []
    assert house.state("web").suppressed_by == "waits for line, which it depends on"
    house.take("web", bad())
    assert house.told() == []
