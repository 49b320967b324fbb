"""Many changes at once, whatever the network does: everything is told, in order, in few requests."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agent.delivery.answer import Answer, Verdict
from agent.delivery.bundling import DIGEST_PAUSE
from agent.model import EventStatus, Notification
from agent.store import Phase, Store
from tests.delivery.deliveries import Clock, drained, opened, out
from tests.delivery.storms import WORDS, Far, Worded, change, emitter, ids, record, story, told
from tests.processes.agent_process import agent_process
from tests.stand_ins.api import ApiStandIn, problems

# --- in quiet times, and in a storm -----------------------------------------------------------------------------------


def test_in_quiet_times_one_change_is_one_event(store: Store, clock: Clock) -> None:
    far = Far(clock)
    record(store, *(change(f"check-{number}", 1) for number in range(10)))
    assert drained(emitter(store, far, clock), clock) == 0
    assert [body["customTags"]["check_name"] for body in far.taken] == [f"check-{number}" for number in range(10)]


def test_three_hundred_checks_that_break_at_once_are_told_in_four_requests(store: Store, clock: Clock) -> None:
    far = Far(clock)
    storm = [change(f"check-{number}", 1) for number in range(300)]
    record(store, *storm)
    assert drained(emitter(store, far, clock), clock) <= 2 * DIGEST_PAUSE
    assert len(far.requests) <= 4
    assert sorted(told(far.taken)) == sorted(event.id for event in storm)
    assert store.history.backlog()["events"].count == 0


def test_a_storm_that_comes_over_a_minute_is_told_within_seconds_of_each_change(store: Store, clock: Clock) -> None:
    far = Far(clock)
    working = emitter(store, far, clock)
    moments: dict[str, float] = {}
    for number in range(300):
        event = change(f"check-{number}", 1)
        moments[event.id] = clock.now
        record(store, event)
        drained(working, clock, seconds=0)
        clock.now += 0.2
    drained(working, clock)
    late = {
        event_id: at - moments[event_id]
        for at, body in zip(far.requests, far.taken, strict=True)
        for event_id in ids(body)
    }
    assert late.keys() == moments.keys()
    assert max(late.values()) <= 20
    assert len(far.requests) <= 40


def test_the_urgent_goes_first_and_no_subject_is_told_out_of_order(store: Store, clock: Clock) -> None:
    far = Far(clock)
    record(
        store,
        *story("ok-again", EventStatus.CRITICAL, EventStatus.OK),
        change("slow", 1, EventStatus.WARNING),
        change("down", 1),
    )
    record(store, change("unknown", 1, EventStatus.NODATA), change("flaps", 1, EventStatus.FLAPPING))
    drained(emitter(store, far, clock), clock)
    names = [body["customTags"]["check_name"] for body in far.taken]
    assert names == ["down", "flaps", "slow", "unknown", "ok-again", "ok-again"]
    assert [body["status"] for body in far.taken][-2:] == ["critical", "ok"]


# --- the agent's own news ---------------------------------------------------------------------------------------------


def test_a_storm_of_a_real_agent_is_told_in_digests(tmp_path: Path) -> None:
    with ApiStandIn(per_minute=20) as api, agent_process(tmp_path) as agent:
        checks = "".join(f"  file-{number}: {{type: file, path: {tmp_path}/no-{number}}}\n" for number in range(60))
        agent.write(
            "agent.yaml", f"agent: {{events: {{endpoint: '{api.url}', api_key: {api.key}}}}}\nchecks:\n{checks}"
        )
        agent.start()
        api.wait_until(lambda: len(set(told(api.accepted))) >= 60, 30, "60 changes told")
        agent.wait_until(lambda: not agent.status()["outbox"]["count"], "an empty outbox")
        assert agent.stop() == 0
    assert len(api.requests) <= 20
    assert api.rejections == []


# --- whatever happens -------------------------------------------------------------------------------------------------


class Answering(Worded):
    """An API that answers by a function."""

    def __init__(self, post: Callable[[bytes], Answer]) -> None:
        self.post = post


class Storms(RuleBasedStateMachine):
    """A real store and an emitter against an API that does what it likes; killed and opened again at any point."""

    @initialize(above=st.sampled_from([1, 3, 10]))
    def begin(self, above: int) -> None:
        self.folder = TemporaryDirectory()
        self.above = above
        self.clock = Clock()
        self.faults: list[str] = []
        self.recorded: dict[str, list[Notification]] = defaultdict(list)
        self.accepted: list[dict[str, Any]] = []
        self.lost_answers: set[str] = set()
        self.requests: list[float] = []
        self.open()

    def open(self) -> None:
        self.store = opened(Path(self.folder.name))
        self.emitter = emitter(self.store, Answering(self.post), self.clock, above=self.above)

    def post(self, body: bytes) -> Answer:
        assert problems(body) == []
        self.requests.append(self.clock.now)
        fault = self.faults.pop(0) if self.faults else ""
        decoded = json.loads(body)
        if fault in ("", "lost answer"):
            self.accepted.append(decoded)
        if fault == "lost answer":
            self.lost_answers |= set(ids(decoded))
        kinds = {"": Verdict.DELIVERED, "throttled": Verdict.THROTTLED, "refused": Verdict.REFUSED}
        return Answer(kinds.get(fault, Verdict.UNAVAILABLE), fault)

    @rule(checks=st.lists(st.integers(0, 30), min_size=1, max_size=40), told=st.sampled_from(list(WORDS)))
    def changes(self, checks: list[int], told: EventStatus) -> None:
        events = []
        for check in checks:
            before = self.recorded[f"check-{check}"]
            known = before and before[-1].status is not EventStatus.OK
            status = told if known or told is not EventStatus.OK else EventStatus.WARNING
            events.append(change(f"check-{check}", len(before) + 1, status))
            before.append(events[-1])
        record(self.store, *events)

    @rule(faults=st.lists(st.sampled_from(["500", "throttled", "refused digest", "lost answer", ""]), max_size=6))
    def trouble(self, faults: list[str]) -> None:
        self.faults += faults

    @rule(steps=st.integers(1, 8))
    def work(self, steps: int) -> None:
        for _ in range(steps):
            self.refuse_only_digests()
            self.clock.now += min(self.emitter.drain(), 400)

    def refuse_only_digests(self) -> None:
        if self.faults and self.faults[0].startswith("refused"):
            due = out(self.store).due()
            self.faults[0] = "refused" if due and due[0].members else ""

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.open()

    @invariant()
    def nothing_was_invented_or_reordered(self) -> None:
        if not hasattr(self, "store"):
            return
        position: dict[str, int] = {}
        of = {event.id: (name, place) for name, events in self.recorded.items() for place, event in enumerate(events)}
        for event_id in told(self.accepted):
            name, place = of[event_id]
            if event_id not in self.lost_answers:
                assert place >= position.get(name, 0), "never back, but for what may not have arrived"
            position[name] = max(place, position.get(name, 0))
        most = max((sum(at <= other < at + 59.999 for other in self.requests) for at in self.requests), default=0)
        assert most <= 21 * 3, "the limiter begins anew with each start"

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        self.faults = []
        drained(self.emitter, self.clock, 4000)
        assert self.store.history.backlog()["events"].count == 0
        assert not [stored for stored in self.store.history.latest(5000) if stored.phase is not Phase.DELIVERED]
        times: dict[str, int] = defaultdict(int)
        for event_id in told(self.accepted):
            times[event_id] += 1
        assert times.keys() == {event.id for events in self.recorded.values() for event in events}
        assert {event_id for event_id, count in times.items() if count > 1} <= self.lost_answers
        self.store.close()
        self.folder.cleanup()


TestStorms = Storms.TestCase


TestStorms.settings = settings(max_examples=25, stateful_step_count=25)
