"""A child's run that began before its parent was well again: it is looked at anew, whatever was told of the parent."""

from __future__ import annotations

from typing import Any, cast

import pytest

from agent.config.settings import CheckConfig
from agent.engine.recorder.parents import LONGEST_SECONDS, ParentRuns
from agent.engine.state.transition import Transition
from agent.engine.suppression.reasons import CLOCK_SET_BACK, Suppression
from agent.engine.suppression.windows import Windows
from agent.model import Outcome, Reason, ReasonKind, Result, Silence, State, Status
from tests.engine.deciding import NOW, STEADY, TWICE, House, bad, ok, run_by_agent


class Street(House):
    """A line, and a web server behind it; `silence` is about the line only."""

    def __init__(self, line: CheckConfig, silenced: bool = False) -> None:
        self.checks = {one.name: one for one in (line, run_by_agent("web", "line"))}
        self.on_line = (Silence("line", NOW - 60_000, NOW * 2),) if silenced else ()
        super().__init__(*self.checks.values())
        self.ran("line", ok(), began=-9, ended=-8)
        self.ran("web", ok(), began=-9, ended=-8)

    def _suppress(self, states: Any) -> Suppression:
        return Suppression({}, cast(Any, self.on_line), (), Windows().ends, states, self.checks, self.checks)

    def ran(self, check: str, result: Result, began: float, ended: float) -> None:
        """A run, in seconds since the test began."""
        self.wall, self.now = NOW + round(ended * 1000), 1000.0 + ended
        self.decider.begin_step()
        self.decider.take(Outcome(check, 1, NOW + round(began * 1000), ended - began, (result,), type="http"))

    def outage(self, last: Result) -> None:
        """The line is away for some seconds, in which a run of the web server begins."""
        self.ran("line", bad(), began=0, ended=0.1)
        self.ran("line", last, began=3, ended=3.1)


@pytest.mark.parametrize("silenced", [False, True])
@pytest.mark.parametrize("policy", [STEADY, TWICE], ids=["decided", "counted only"])
def test_what_a_run_saw_that_began_before_the_parent_was_well_is_not_told_but_looked_at_again(
    policy: Any, silenced: bool
) -> None:
    street = Street(run_by_agent("line", policy=policy), silenced)
    street.outage(ok())
    street.told()
    street.ran("web", bad(), began=1, ended=6)
    assert street.told() == []
    assert "until just now" in street.state("web").suppressed_by
    street.ran("line", ok(), began=6.1, ended=6.2)
    street.passes(0.1)
    assert street.retries == [("line", 0.0), ("web", 0.0)]
    street.ran("web", bad(), began=6.4, ended=7)
    assert street.told() == ["web  critical"], "the line is well, so it is a fault of its own"


def test_what_a_run_saw_that_began_after_the_parent_was_well_is_told() -> None:
    street = Street(run_by_agent("line", policy=TWICE))
    street.outage(ok())
    street.ran("line", ok(), began=5, ended=5.1)
    street.ran("web", bad(), began=4, ended=4.5)
    assert street.told() == ["web  critical"]


def test_a_parent_that_is_bad_every_now_and_then_holds_nothing_back_for_ever() -> None:
    street = Street(run_by_agent("line", policy=TWICE))
    street.told()
    at = 0.0
    while not street.told() and at < LONGEST_SECONDS + 60:
        street.ran("line", bad(), began=at + 1, ended=at + 1.1)
        street.ran("line", ok(), began=at + 3, ended=at + 3.1)
        street.ran("web", bad(), began=at, ended=at + 4)
        at += 4
    assert LONGEST_SECONDS - 10 < at <= LONGEST_SECONDS + 10


POWER = NOW + 2_000
"""When the second parent was well again; the first one was a second before."""


@pytest.mark.parametrize(
    ("started", "now", "names"),
    [
        (NOW, NOW + 3_000, "line, power"),
        (NOW + 1_000, NOW + 3_000, "power"),
        (POWER, POWER, ""),
        (POWER - 1, POWER - 1, "power"),
        (NOW, NOW + 1000 * round(LONGEST_SECONDS) - 1, "line, power"),
        (NOW, NOW + 1000 * round(LONGEST_SECONDS), ""),
        (NOW - 90_000, POWER - CLOCK_SET_BACK, "line, power"),
        (NOW - 90_000, POWER - CLOCK_SET_BACK - 1, "line"),
    ],
)
def test_it_is_said_whose_bad_time_the_run_may_have_seen_and_when_that_ended(
    started: int, now: int, names: str
) -> None:
    checks = {one.name: one for one in (run_by_agent("line"), run_by_agent("power"))}
    parents = ParentRuns({}, ())
    parents.configure(checks | {"web": run_by_agent("web", "line", "power")})
    for at, name in ((NOW + 1_000, "line"), (POWER, "power")):
        was, is_now = State(name, decided=Status.CRITICAL), State(name, decided=Status.OK)
        parents.note_step(Transition(was, is_now, ok(), at))
        parents.note_run(Outcome(name, 1, NOW * 2, 0.1, (ok(),), type="http"))
    end = NOW + 1_000 if names == "line" else POWER
    why = Reason(f"depends on {names}, which was bad until just now", end, ReasonKind.PARENT)
    assert parents.waits("web", None, started, now) == ((why,) if names else ())
