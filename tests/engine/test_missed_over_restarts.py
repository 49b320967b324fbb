"""What was missed of a pushed check is missed once, however often the agent restarts, reloads or has its clock set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.api import Duration, PushedCheck
from agent.config.settings import CheckConfig, Place
from agent.engine.dead_mans_switch import EXCUSE_SECONDS, DeadMansSwitch
from tests.examples import TIMES

WALL = 1_700_000_000_000
SUBJECTS = st.sampled_from(["", "", "db", "mail"])
STEPS = st.one_of(
    st.tuples(st.just("push"), SUBJECTS, st.integers(0, 3)),
    st.tuples(st.just("start"), SUBJECTS, st.integers(1, 3)),
    st.tuples(st.just("die"), st.integers(1, 3)),
    st.tuples(st.just("pass"), st.sampled_from([1, 29, 31, 60, 90, 400, 8 * 86_400])),
    st.tuples(st.just("set"), st.sampled_from([60.0, 100.0]), st.sampled_from([None, 30.0, 70.0])),
    st.tuples(st.just("set the clock"), st.sampled_from([-7200, 3600, 86_400])),
    st.sampled_from([("restart",), ("restart",), ("reload",)]),
)


class Life:
    """Two switches that are told the same; one of them is begun anew now and then from what it remembers."""

    def __init__(self) -> None:
        self.now, self.offset = 1000.0, 0
        self.alive: set[int] = set()
        self.check = backup(60.0, None)
        self.undisturbed, self.other = self.begun({}), self.begun({})

    def begun(self, memory: dict[str, object]) -> DeadMansSwitch:
        switch = DeadMansSwitch(self.alive.__contains__)
        switch.update([self.check], {"backup": memory} if memory else {}, self.now, self.wall)
        return switch

    @property
    def wall(self) -> int:
        return WALL + round(self.now * 1000) + self.offset * 1000

    def passes(self, seconds: float) -> None:
        """Let time pass, and look whenever something is due, as the recorder does."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, max(self.now + 0.001, min(self.undisturbed.next_look, self.other.next_look)))
            said, also = (self.said(switch) for switch in (self.undisturbed, self.other))
            assert said == also

    def said(self, switch: DeadMansSwitch) -> list[tuple[Sequence[str], ...]]:
        outcomes = switch.overdue(self.now, self.wall)
        return sorted((one.given_up, *(str(result) for result in one.results)) for one in outcomes)

    def restart(self) -> None:
        """Where something is due just now a restart may excuse it for some seconds; that is no difference."""
        if min(self.undisturbed.next_look, self.other.next_look) > self.now + EXCUSE_SECONDS:
            self.other = self.begun(self.other.memory("backup", self.now, self.wall))
            self.passes(EXCUSE_SECONDS)


def backup(ttl: float, max_run: float | None) -> CheckConfig:
    check = PushedCheck(ttl=Duration(ttl), max_run=Duration(max_run) if max_run else None)
    return CheckConfig("backup", "pushed", check, Place("a.yaml"))


@settings(max_examples=60 * TIMES, deadline=None)
@given(steps=st.lists(STEPS, max_size=30))
@example(
    steps=[("set", 60.0, 70.0), ("start", "", 2), ("die", 2), ("pass", 10), ("push", "", 3), ("restart",)]
)  # a run and a result are overdue at once
@example(steps=[("push", "mail", 0), ("pass", 8 * 86_400), ("push", "", 0), ("restart",)])  # asked again each hour
def test_restarts_reloads_and_a_clock_that_is_set_change_nothing_of_what_is_missed(
    steps: list[tuple[Any, ...]],
) -> None:
    life = Life()
    for what, *arguments in steps:
        both = (life.undisturbed, life.other)
        if what == "push":
            subject, run = arguments
            life.alive.discard(run)
            for switch in both:
                switch.note_result("backup", subject, life.wall, life.now, life.wall, run)
        elif what == "start":
            subject, run = arguments
            life.alive.add(run)
            for switch in both:
                switch.note_start("backup", subject, life.now, run)
        elif what == "die":
            life.alive.discard(arguments[0])
        elif what == "pass":
            life.passes(arguments[0])
        elif what == "set":
            life.check = backup(*arguments)
            for switch in both:
                switch.update([life.check], {}, life.now, life.wall)
        elif what == "set the clock":
            life.offset += arguments[0]
        elif what == "restart":
            life.restart()
        else:
            life.other.update([life.check], {}, life.now, life.wall)
    life.passes(300.0)
