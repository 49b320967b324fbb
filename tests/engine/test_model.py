"""A small reference model against engine, recorder, store and emitter: kills, reloads, clocks, silences, a bad API.

Two agents get the same stream. One lives undisturbed and tells nobody; the other is killed and reopened, reloads, has
little room, and talks to an API that fails in every way. Both must report what the model says, with the same event ids.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent.api import PushedCheck
from agent.config.settings import CheckConfig
from agent.model import Count, Outcome, Policy, Pushed, Result, Silence, Status
from agent.store import Delivery, notification
from tests.engine.step_by_step import CHANGING, CHECKS, MEMORY, MINUTE, Agent, Api, World


class Believed:
    """The model: what is to be believed and told of one subject, counted anew from all its results each time."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []
        self.decided, self.since, self.turns, self.flaps = "", 0, [False], False
        self.told, self.told_at, self.again, self.events = "ok", 0, 0, list[str]()
        self.held_since = 0

    def sees(self, status: str, at: int, policy: Policy, suppressed: bool) -> None:
        self.seen.append((status[0], at))
        before, self.decided = self.decided, status if self.enough(status, policy) else self.decided
        self.since = at if before != self.decided else self.since
        self.turns = [*self.turns, before not in ("", self.decided)][-20:]
        share = sum(100 / 20 * (1.18 - 0.02 * age) for age, turn in enumerate(reversed(self.turns)) if turn)
        self.flaps = policy.flapping is not None and round(share, 6) > (25 if self.flaps else 30)
        self.tells(at, policy, suppressed)

    def tells(self, at: int, policy: Policy, suppressed: bool) -> None:
        truth = "error" if self.flaps else self.decided
        wait = min(policy.repeat_every * 2**self.again, 86_400) * 1000
        repeat = policy.repeat_every and truth == self.told != "ok" and abs(at - self.told_at) >= wait
        recovers = self.decided != "ok" and self.seen[-1][0] == "o" and not self.flaps
        due = bool(truth) and (repeat or (truth != self.told and not recovers))
        self.held_since = (self.held_since or at) if due and suppressed else 0
        if due and not suppressed:
            self.told, self.told_at, self.again = truth, at, self.again + 1 if repeat else 0
            self.events.append(truth)

    def enough(self, status: str, policy: Policy) -> bool:
        letters = "".join(letter for letter, _ in self.seen)
        if status == "ok":
            needed: Count = getattr(policy.fail_after, self.decided, Count()) if self.decided != "ok" else Count()
            still = sum(letter in self.kind(self.decided) for letter in letters[-needed.of :]) if needed.of else -1
            oks = len(letters) - len(letters.rstrip("o"))
            return not self.decided or (oks >= policy.recover_after and still < needed.times)
        needed = getattr(policy.fail_after, status)
        run = letters[len(letters.rstrip("n")) :] if status == "nodata" else letters.rpartition("o")[2]
        among = letters[-needed.of :] if needed.of else run
        moments = [at for letter, at in self.seen[len(letters) - len(run) :] if letter in self.kind(status)]
        lasted = sum(min(max(0, b - a) / 1000, policy.patience) for a, b in itertools.pairwise(moments))
        return sum(letter in self.kind(status) for letter in among) >= needed.times and lasted >= needed.seconds

    @staticmethod
    def kind(status: str) -> str:
        return "n" if status == "nodata" else "wc"


WAITS = 15_000
"""Milliseconds that a problem waits for a parent of the usual timeout."""


STATUSES = st.sampled_from(list(Status))
PLAIN = sorted(CHECKS.keys() - {"disks"})


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="hostvigil-model-", dir=MEMORY if MEMORY.is_dir() else None))
        self.number = 0
        self.world, self.api = World(), Api()
        self.undisturbed = Agent(self.folder / "undisturbed", self.world, Api())
        self.most_events = 100_000
        self.agent = Agent(self.folder / "0", self.world, self.api)
        self.model: dict[str, dict[str, Believed]] = {}
        self.router_began = 0
        self.past: list[list[str]] = []
        """The events of checks that are no more."""

    def teardown(self) -> None:
        try:
            self.all_is_told_when_all_is_quiet()
        finally:
            self.agent.store.close()
            self.undisturbed.store.close()
            shutil.rmtree(self.folder)

    # --- what happens -------------------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(PLAIN), statuses=st.lists(STATUSES, min_size=1, max_size=6), seconds=st.integers(0, 30))
    def results(self, name: str, statuses: list[Status], seconds: int) -> None:
        for status in statuses:
            self.run(name, {"": status}, False, duration=seconds * 10)
            self.world.passes(seconds * 1000 + 1)

    @rule(statuses=st.dictionaries(st.sampled_from("abc"), STATUSES), failed=st.booleans())
    def many_subjects(self, statuses: dict[str, Status], failed: bool) -> None:
        found = {**statuses, "": Status.NODATA} if failed or not statuses else statuses
        self.run("disks", found, failed, duration=5)

    def run(self, name: str, found: dict[str, Status], failed: bool, duration: int) -> None:
        if name not in self.world.checks:
            return
        began = self.world.wall
        self.world.passes(duration + 1)
        results = tuple(Result(status, f"it is {status}", subject) for subject, status in found.items())
        self.number += 1
        config = self.world.checks[name]
        if isinstance(config.check, PushedCheck):
            outcome = Outcome(name, 0, self.world.wall, 0.0, results, complete=False, pushed=Pushed.LIVE)
        else:
            outcome = Outcome(name, self.number, began, (duration + 1) / 1000, results, not failed, type=config.type)
        self.router_began = began if name == "router" else self.router_began
        self.believe(outcome)
        for agent in (self.agent, self.undisturbed):
            agent.takes(outcome)
        self.pushed_are_judged_again()

    def pushed_are_judged_again(self) -> None:
        for name, config in self.world.checks.items():
            if isinstance(config.check, PushedCheck):
                for subject, one in self.model.get(name, {}).items():
                    now = self.world.wall
                    one.tells(now, config.policy, self.suppressed(config, subject, now, now))

    def believe(self, outcome: Outcome) -> None:
        known = self.model.setdefault(outcome.check, {})
        named = {result.subject: str(result.status) for result in outcome.results}
        if outcome.complete:
            named |= {subject: "nodata" if subject else "ok" for subject in known if subject not in named}
        now, config = self.world.wall, self.world.checks[outcome.check]
        quiet = [self.suppressed(config, subject, outcome.started_at, now) for subject in named]
        for (subject, status), suppressed in zip(named.items(), quiet, strict=True):
            known.setdefault(subject, Believed()).sees(status, now, config.policy, suppressed)

    def suppressed(self, config: CheckConfig, subject: str, began: int, now: int) -> bool:
        silenced = any(
            began < silence.until and silence.selector == config.name  # also where the clock was set back before it
            for silence in self.world.silences
        )
        window = bool(config.maintenance) and any(at // MINUTE % 60 < 10 for at in (began, now))
        parents = [one for parent in config.depends_on.checks for one in self.model.get(parent, {}).values()]
        down = any(
            one.decided in ("critical", "nodata") or (one.events and began < one.since <= now + MINUTE)
            for one in parents
        )
        return silenced or window or down or self.waits(config, subject, began, now)

    def waits(self, config: CheckConfig, subject: str, began: int, now: int) -> bool:
        """A new problem waits until its parent was run since, if there is one."""
        one = self.model.get(config.name, {}).get(subject, Believed())
        since = one.held_since or began
        parents = [parent for parent in config.depends_on.checks if parent in self.world.checks]
        return bool(parents) and one.told == "ok" and self.router_began < since <= now < since + WAITS

    @rule(milliseconds=st.integers(1, 1_000_000))
    def time_passes(self, milliseconds: int) -> None:
        self.world.passes(milliseconds)

    @rule(milliseconds=st.integers(-2 * 3600_000, 24 * 3600_000))
    def the_wall_clock_is_set(self, milliseconds: int) -> None:
        self.world.wall += milliseconds

    @rule(name=st.sampled_from(sorted(CHECKS)), seconds=st.integers(1, 1000))
    def silence(self, name: str, seconds: int) -> None:
        now = self.world.wall
        self.world.silences = (*self.world.silences, Silence(name, now, now + seconds * 1000))

    @rule()
    def unsilence(self) -> None:
        self.world.silences = ()

    # --- what is done to the agent ------------------------------------------------------------------------------------

    @rule(policy=st.sampled_from(CHANGING))
    def reload_with_another_policy(self, policy: Policy) -> None:
        if "web" in self.world.checks:
            self.world.checks["web"] = msgspec.structs.replace(self.world.checks["web"], policy=policy)
            self.reload()

    @rule(name=st.sampled_from(sorted(CHECKS)))
    def reload_without_a_check_or_with_it_again(self, name: str) -> None:
        if name in self.world.checks:
            del self.world.checks[name]
            self.close(name)
        else:
            self.world.checks[name] = CHECKS[name]
        self.reload()

    @rule(name=st.sampled_from(sorted(CHECKS)))
    def reload_with_another_check_of_the_same_name(self, name: str) -> None:
        if name in self.world.checks:
            other = "other" if self.world.checks[name].type == "none" else "none"
            self.world.checks[name] = msgspec.structs.replace(self.world.checks[name], type=other)
            self.close(name)
            self.reload()

    def close(self, name: str) -> None:
        for one in self.model.pop(name, {}).values():
            self.past.append([*one.events, "ok"] if one.told != "ok" else one.events)
        self.router_began = 0 if name == "router" else self.router_began

    def reload(self) -> None:
        self.world.passes(7)
        for agent in (self.agent, self.undisturbed):
            agent.takes(self.world.orders())
        self.pushed_are_judged_again()

    @rule()
    def reload_for_nothing(self) -> None:
        self.agent.takes(self.world.orders())

    @rule(most_events=st.sampled_from([100_000, 100_000, 20]))
    def kill_and_reopen(self, most_events: int) -> None:
        self.number += 1
        folder = self.folder / str(self.number)
        self.most_events = min(self.most_events, most_events)
        self.agent.killed(folder)
        self.agent = Agent(folder, self.world, self.api, self.most_events)

    # --- the API ------------------------------------------------------------------------------------------------------

    @rule(mood=st.sampled_from(["", "500", "503", "throttle", "throttle_429", "bad_key", "lost", "twice", "garbage"]))
    def the_api_changes_its_mood(self, mood: str) -> None:
        self.api.mood = mood

    @rule(name=st.sampled_from(["", *sorted(CHECKS)]))
    def the_api_refuses_a_check(self, name: str) -> None:
        self.api.refuses = name

    @rule(requests=st.integers(1, 10))
    def events_are_sent(self, requests: int) -> None:
        for _ in range(requests):
            wait = self.agent.emitter.drain()
            if 0 < wait < float("inf"):
                self.world.passes(round(wait * 1000) + 1)

    # --- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def a_moment_passes(self) -> None:
        """Invariants come in the order of their names: before all others, both agents see what has changed."""
        self.world.passes(1001)
        for agent in (self.agent, self.undisturbed):
            agent.looks()
        self.pushed_are_judged_again()

    @invariant()
    def both_agents_believe_and_reported_what_the_model_says(self) -> None:
        wanted = {
            (check, subject): (one.decided or None, one.told if one.events else None, len(one.events))
            for check, subjects in self.model.items()
            for subject, one in subjects.items()
        }
        for agent in (self.agent, self.undisturbed):
            states = {
                (state.check, state.subject): (state.decided, state.notified, state.events)
                for state in agent.store.states()
            }
            assert states == wanted

    @invariant()
    def the_events_are_those_of_the_model_and_of_the_undisturbed_agent(self) -> None:
        wanted = [one.events for subjects in self.model.values() for one in subjects.values()] + self.past
        undisturbed = {event.id: event.facts for event in self.undisturbed.events()}
        assert sorted(by_incident(self.undisturbed.events())) == sorted(incidents(wanted))
        found = {event.id: event.facts for event in self.agent.events()}
        assert found.items() <= undisturbed.items()
        assert len(undisturbed) - len(found) == self.agent.dropped(), "every one that is missing is counted"

    @invariant()
    def what_is_told_has_happened_and_in_this_order(self) -> None:
        events = {event.id: (event.check, event.subject) for event in self.undisturbed.events()}
        order = {event_id: place for place, event_id in enumerate(events)}
        last: dict[tuple[str, str], int] = {}
        known = {event.id for event in self.agent.store.history.refusals()} | self.agent.own()
        for event_id in self.api.told():
            if event_id in known:
                continue
            assert event_id in events, "an event without its change"
            assert last.get(events[event_id], -1) < order[event_id], "the order within a subject"
            last[events[event_id]] = order[event_id]

    def all_is_told_when_all_is_quiet(self) -> None:
        self.api.mood = self.api.refuses = ""
        self.world.silences = ()
        self.world.wall += 20 * MINUTE if self.world.wall // MINUTE % 60 < 30 else 0
        for _ in range(2):  # what is news with the first run waits for the router's next
            self.run("router", {"": Status.OK}, False, duration=0)
            for name in sorted(CHECKS):
                statuses = {
                    subject: Status(one.decided) for subject, one in self.model.get(name, {}).items() if one.decided
                }
                if statuses:
                    self.run(name, statuses, True, duration=0)
        for _ in range(1000):
            wait = self.agent.emitter.drain()
            self.world.passes(round(min(wait, 1000) * 1000) + 1)
            if wait == float("inf"):
                break
        assert self.agent.store.history.pending() == []
        refused = {event.id for event in self.agent.store.history.refusals()}
        told = set(self.api.told()) | refused
        assert all(event.id in told for event in self.agent.events()), "told, refused, or dropped and counted"
        latest = {(event.check, event.subject): event for event in self.agent.events()}
        for check, subjects in self.model.items():
            for subject, one in subjects.items():
                truth = "error" if one.flaps else one.decided
                assert one.told == (truth or "ok"), "nothing suppresses, so the truth is told"
                if one.events and not self.agent.dropped():
                    assert latest[check, subject].status == truth


def by_incident(events: list[Delivery]) -> Iterator[list[str]]:
    """Yield the statuses of each incident's events."""
    found: dict[str, list[str]] = {}
    for event in events:
        facts = notification(event)
        assert facts
        found.setdefault(facts.incident, []).append(event.status)
    yield from found.values()


def incidents(subjects: list[list[str]]) -> Iterator[list[str]]:
    """Yield what the model says of each incident: from a problem up to the ok that ends it."""
    for events in subjects:
        begin = 0
        for place, status in enumerate(events, 1):
            if status == "ok" or place == len(events):
                yield events[begin:place]
                begin = place


TestModel = Machine.TestCase


# Not shrunk: that takes minutes. `python -m tests.torture model` plays many more streams, with a seed of its own.
TestModel.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
