"""Destinations that come, change, go and forget, at random, beside results, kills and outages: each hears what it must.

At the end, when all is quiet, whoever is told by then knows the truth, also of what he does not ask for any more and of
what ended while he was not told; nobody heard the end of a problem that he never heard of, nobody heard the same
notification twice for another reason than a lost answer, and each heard a subject's changes in their order.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from agent.api import Check
from agent.config.sections.destination import TERMINAL
from agent.config.selector import matches
from agent.config.settings import CheckConfig, Place
from agent.delivery.answer import Answer, Verdict
from agent.delivery.digest import Digest
from agent.engine.destinations import Plan, Targets, selects
from agent.engine.notifications import Sender, of_change, of_standing
from agent.engine.recorder.commands import RecorderConfig, Restate
from agent.engine.recorder.recorder import Recorder
from agent.engine.suppression.reasons import Suppression
from agent.model import Destination, EventStatus, Notification, Outcome, Policy, Result, State, Status
from agent.store import Store
from tests.delivery.deliveries import HOST, courier

CHECKS = {name: CheckConfig(name, "none", Check(), Place("x"), policy=Policy(flapping=None)) for name in ("web", "db")}
NAMES = st.sampled_from(["events", "ops"])
STATUSES = st.sampled_from([Status.CRITICAL, Status.OK, Status.OK, Status.WARNING])
SENDER = Sender(HOST, {})
BEGIN = 1_790_000_000_000
"""By a clock that is set: with an older one nothing is told."""


class Listener:
    """Who is at an address: what he heard since he was new or forgot, whatever the settings said meanwhile."""

    def __init__(self) -> None:
        self.heard: list[Notification] = []
        self.mood = Verdict.DELIVERED

    def render(self, told: Notification) -> bytes:
        return msgspec.json.encode([told])

    def bundle(self, many: Digest) -> bytes:
        return msgspec.json.encode(many.changes)

    def post(self, body: bytes) -> Answer:
        if self.mood is Verdict.DELIVERED:
            self.heard += msgspec.json.decode(body, type=list[Notification])
        return Answer(self.mood, "")


class Destinations(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="hostvigil-destinations-"))
        self.now, self.number = BEGIN, 0
        self.checks = dict(CHECKS)
        self.wanted: dict[str, Destination] = {}
        self.readable = True
        self.listeners: dict[tuple[str, str], Listener] = defaultdict(Listener)
        self.moods: dict[str, Verdict] = defaultdict(lambda: Verdict.DELIVERED)
        self.told: list[str] = []
        self.held: tuple[str, ...] = ()
        self.open()

    def open(self) -> None:
        self.store = Store.open(self.folder / "state", selects=selects)
        self.recorder = Recorder(
            self.store,
            self.config(),
            lambda: None,
            lambda check, seconds: None,
            lambda check: 0,
            lambda: self.now,
            lambda: self.now / 1000,
            rest=0.0,
        )
        self.recorder.step()

    def config(self) -> RecorderConfig:
        return RecorderConfig(
            dict(self.checks),
            lambda report, step, check: of_change(report, step.result, check, SENDER, step.at),
            lambda states: Suppression({}, (), (), lambda window, at: 0, states, states),
            targets=Targets(tuple(self.wanted.values()), self.readable),
            compose_standing=self.standing,
            on_adoption=self.adopted,
        )

    def standing(self, state: State, result: Result, check: CheckConfig, to: Destination) -> Notification:
        return of_standing(state, result, check, SENDER, to.name, self.now)

    def adopted(self, plan: Plan, ended: object) -> None:
        self.told = [one.name for one in plan.destinations if one.name != TERMINAL]
        self.held = plan.on_hold

    def takes(self, command: object) -> None:
        self.now += 1000
        self.recorder.put(command)  # type: ignore[arg-type]
        self.recorder.step()

    # --- what happens ---

    @rule(
        check=st.sampled_from(sorted(CHECKS)), status=st.sampled_from(list(Status)), subject=st.sampled_from(["", "x"])
    )
    def result(self, check: str, status: Status, subject: str) -> None:
        if check not in self.checks:
            return
        self.number += 1
        results = (Result(status, f"it is {status}", subject),)
        self.takes(Outcome(check, self.number, self.now, 0.5, results, complete=False, type="none"))

    @rule(name=NAMES, identity=st.sampled_from("ab"), only=st.sampled_from(["*", "*", "web", "db:x"]))
    def configure(self, name: str, identity: str, only: str) -> None:
        self.readable = True
        self.wanted[name] = Destination(name, identity, only)
        self.takes(self.config())

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        self.readable = True
        self.wanted.pop(name, None)
        self.takes(self.config())

    @rule(name=NAMES)
    def settings_cannot_be_read_for_a_while(self, name: str) -> None:
        kept = dict(self.wanted)
        self.wanted.pop(name, None)
        self.readable = False
        self.takes(self.config())
        assert name not in kept or name in self.held or name in self.told
        self.wanted, self.readable = kept, True
        self.takes(self.config())

    @rule(name=NAMES)
    def restate(self, name: str) -> None:
        if name in self.told:
            self.store.forget_told(name, self.now)
            self.listeners[name, self.wanted[name].identity] = Listener()
            self.takes(Restate())

    @rule(check=st.sampled_from(sorted(CHECKS)))
    def a_check_goes_or_comes(self, check: str) -> None:
        if self.checks.pop(check, None) is None:
            self.checks[check] = CHECKS[check]
        self.takes(self.config())

    @rule(name=NAMES, mood=st.sampled_from([Verdict.DELIVERED, Verdict.UNAVAILABLE]))
    def far_end(self, name: str, mood: Verdict) -> None:
        self.moods[name] = mood

    @rule(steps=st.integers(1, 6))
    def deliver(self, steps: int) -> None:
        for name in self.told:
            working = courier(self.store, self.listener(name), lambda: self.now / 1000, above=3, destination=name)
            for _ in range(steps):
                working.drain()

    def listener(self, name: str) -> Listener:
        listener = self.listeners[name, self.wanted[name].identity]
        listener.mood = self.moods[name]
        return listener

    @rule()
    def kill(self) -> None:
        """What a SIGKILL leaves: the file and its log, but nothing that was only in memory."""
        later = self.folder / "later"
        later.mkdir()
        for name in ("hostvigil.db", "hostvigil.db-wal"):
            if (self.folder / "state" / name).exists():
                shutil.copy(self.folder / "state" / name, later)
        self.store.close()
        shutil.rmtree(self.folder / "state")
        later.chmod(0o700)
        later.rename(self.folder / "state")
        self.open()

    # --- what must be true at the end ---

    def teardown(self) -> None:
        try:
            for name in self.told:
                self.moods[name] = Verdict.DELIVERED
                listener = self.listener(name)
                working = courier(self.store, listener, lambda: self.now / 1000, destination=name)
                for _ in range(1000):
                    if working.drain() > 0:
                        break
                self.judge(name, listener)
        finally:
            self.store.close()
            shutil.rmtree(self.folder)

    def judge(self, name: str, listener: Listener) -> None:
        truth = {(state.check, state.subject): state for state in self.store.states()}
        ids = [told.id for told in listener.heard]
        assert len(ids) == len(set(ids)), "each once"
        heard: dict[tuple[str, str], list[Notification]] = defaultdict(list)
        for told in listener.heard:
            heard[told.check, told.subject].append(told)
        for about, changes in heard.items():
            open_incident, last_told = "", None
            assert [told.at for told in changes] == sorted(told.at for told in changes), "in order"
            for told in changes:
                if told.status is EventStatus.OK:
                    assert open_incident == told.incident, f"the end of a problem that {name} never heard of: {about}"
                    assert told.previous == last_told, f"the end of what {name} heard before: {about}"
                open_incident = "" if told.status is EventStatus.OK else told.incident
                last_told = told.status
            standing = truth[about].incident if about in truth else ""
            assert open_incident in ("", standing), f"{name} heard the end of {about}"
        for about, state in truth.items():
            if matches(self.wanted[name].only, about[0], {}, about[1]):
                last = heard[about][-1].status if heard[about] else EventStatus.OK
                assert last == (state.notified or EventStatus.OK), f"{name} knows the truth of {about}"


TestDestinations = Destinations.TestCase
TestDestinations.settings = settings(
    max_examples=15, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
