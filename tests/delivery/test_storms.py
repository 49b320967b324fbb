"""Many changes at once, outages of days, and the bounds: everything is told, in order, in few requests."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agent.api import Check
from agent.config.settings import CheckConfig, EventsSettings, Place
from agent.delivery.answer import Answer, Verdict
from agent.delivery.bundling import DIGEST_PAUSE
from agent.delivery.courier import Courier
from agent.delivery.digest import MESSAGE_LIMIT, SUBJECTS_LIMIT, Digest, digest
from agent.delivery.sinks.truewatch.api import Api
from agent.delivery.sinks.truewatch.event import digest_event, event
from agent.engine.notifications import Sender, of_change
from agent.model import URGENCY, EventStatus, Notification, Report, Result, State, Status
from agent.store import Bounds, Change, Phase, Store
from tests.agent_process import agent_process
from tests.api_stand_in import ApiStandIn, problems
from tests.deliveries import HOST, NOW, courier, opened, out

WORDS = {
    EventStatus.CRITICAL: "no answer within 10s",
    EventStatus.WARNING: "slow",
    EventStatus.OK: "fine",
    EventStatus.NODATA: "cannot look",
}


def change(
    check: str,
    number: int,
    told: EventStatus = EventStatus.CRITICAL,
    previous: EventStatus | None = None,
    subject: str = "",
) -> Notification:
    """The `number`-th change of a check, composed as the agent does it; an incident is two changes long."""
    at = NOW + number * 60_000
    report = Report(told, previous, f"{check}-{subject}-{(number + 1) // 2}", number, at - 30_000, at - 30_000)
    result = Result(Status.CRITICAL, WORDS.get(told, "changes all the time"), subject)
    config = CheckConfig(check, "http", Check(), Place(""))
    return of_change(report, result, config, Sender(HOST, {"env": "prod"}), at)


def story(check: str, *tolds: EventStatus) -> list[Notification]:
    before: list[EventStatus | None] = [None, *tolds]
    return [change(check, number, told, before[number - 1]) for number, told in enumerate(tolds, 1)]


def record(store: Store, *events: Notification) -> None:
    store.record([Change(State(event.check, event.subject), event) for event in events])


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Worded:
    """Words notifications as the API's sink does."""

    def render(self, told: Notification) -> bytes:
        return msgspec.json.encode(event(told))

    def bundle(self, many: Digest) -> bytes:
        return msgspec.json.encode(digest_event(many))


class Far(Worded):
    """An API in words: answers as the test says, and keeps what it took with the moment."""

    def __init__(
        self, clock: Clock, answer: Callable[[dict[str, Any]], Verdict] = lambda body: Verdict.DELIVERED
    ) -> None:
        self.clock = clock
        self.answer = answer
        self.requests: list[float] = []
        self.taken: list[dict[str, Any]] = []

    def post(self, body: bytes) -> Answer:
        self.requests.append(self.clock.now)
        decoded = json.loads(body)
        assert problems(body) == []
        kind = self.answer(decoded)
        if kind is Verdict.DELIVERED:
            self.taken.append(decoded)
        return Answer(kind, "scripted")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path)
    yield made
    made.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def emitter(store: Store, far: Any, clock: Clock, rate: float = 20, above: float = 10, **more: Any) -> Courier:
    return courier(store, far, clock, rate, above, **more)


def drained(working: Courier, clock: Clock, seconds: float = math.inf) -> float:
    started = clock.now
    while (wait := working.drain()) < math.inf and clock.now + wait <= started + seconds:
        clock.now += wait
    return clock.now - started


def ids(body: dict[str, Any]) -> list[str]:
    """The changes that an accepted event tells, in its order."""
    if "digest" in body["customTags"]:
        return re.findall(r"^  [-0-9]{10} [:0-9]{8} [a-z]+ ([0-9a-f]{32})$", body["message"], re.MULTILINE)
    return [body["customTags"]["event_id"]]


def told(taken: list[dict[str, Any]]) -> list[str]:
    return [event_id for body in taken for event_id in ids(body)]


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


# --- what a digest says -----------------------------------------------------------------------------------------------


def test_a_digest_names_every_subject_with_status_summary_moment_and_event_id() -> None:
    down = [change(f"web-{number}", 1) for number in range(2)]
    over = story("db", EventStatus.CRITICAL, EventStatus.NODATA, EventStatus.OK)
    many = digest([*([one] for one in down), over])
    body = digest_event(many)
    assert list(many.changes) == [*down, *over]
    assert problems(msgspec.json.encode(body)) == []
    assert body["title"] == "CRITICAL 5 changes on web-1: now 2 critical, 1 ok"
    assert body["date"] == over[-1].at
    assert body["message"] == "\n".join(
        [
            "- digest: 5 changes of 3 subjects, each with its moment (UTC) and its event id",
            "- CRITICAL web-0: no answer within 10s",
            f"  2023-11-14 22:14:20 critical {down[0].id}",
            "- CRITICAL web-1: no answer within 10s",
            f"  2023-11-14 22:14:20 critical {down[1].id}",
            "- OK db: fine (was nodata for 30s)",
            "  first of 3 changes: CRITICAL db: no answer within 10s",
            f"  2023-11-14 22:14:20 critical {over[0].id}",
            f"  2023-11-14 22:15:20 nodata {over[1].id}",
            f"  2023-11-14 22:16:20 ok {over[2].id}",
        ]
    )
    assert body["customTags"] == {
        "host": "web-1",
        "os": "linux",
        "env": "prod",
        "check_type": "http",
        "agent_version": body["customTags"]["agent_version"],
        "event_id": many.id,
        "digest": "5",
    }


def test_a_digest_of_one_subject_pairs_like_a_single_event() -> None:
    long = story("web", *[EventStatus.CRITICAL, EventStatus.OK] * 8, EventStatus.WARNING)
    long[0] = change("web", 1, EventStatus.CRITICAL, EventStatus.NODATA)
    many = digest([long])
    body = digest_event(many)
    tags = body["customTags"]
    assert body["title"] == "WARNING web on web-1: slow (and 16 changes before)"
    assert (tags["check_name"], tags["incident_id"]) == ("web", long[-1].incident)
    assert tags["previous_status"] == "nodata", "what the API was told before"
    assert (many.alone, many.status) == (True, EventStatus.WARNING)


TEXTS = st.text(max_size=400) | st.just("x" * 3000) | st.text("\x00\x1b\ud800 é\n", max_size=50)


@settings(max_examples=60)
@given(st.lists(st.tuples(TEXTS, st.integers(1, 400), st.sampled_from(URGENCY)), min_size=1, max_size=130))
def test_a_digest_is_bounded_tells_each_subject_from_its_first_change_on_and_is_what_the_api_takes(
    stories: list[tuple[str, int, EventStatus]],
) -> None:
    subjects = []
    for place, (text, count, status) in enumerate(stories):
        one = msgspec.structs.replace(change("check", place, status, None, f"{place}{text}"), summary=text)
        subjects.append([msgspec.structs.replace(one, id=f"{place:016x}{n:016x}") for n in range(count)])
    many = digest(subjects)
    body = digest_event(many)
    assert problems(msgspec.json.encode(body)) == []
    assert len(body["message"]) <= MESSAGE_LIMIT + 1000
    assert len({member.subject for member in many.changes}) <= SUBJECTS_LIMIT
    assert ids(body) == [member.id for member in many.changes]
    whole = tuple(one for subject in subjects for one in subject)
    assert many.changes == whole[: len(many.changes)] or len({member.subject for member in many.changes}) == 1
    assert digest(subjects) == many, "composed again it is the same"


# --- faults -----------------------------------------------------------------------------------------------------------


def test_a_digest_is_the_same_bytes_on_every_try_and_its_changes_are_delivered_with_it(
    store: Store, clock: Clock
) -> None:
    with ApiStandIn() as api:
        api.fail_next("500", "throttle", "accept_then_reset")
        record(store, *(change(f"check-{number}", 1) for number in range(30)))
        working = emitter(store, Api(EventsSettings(api.url, api.key)), clock)
        working.drain()
        late = change("check-1", 2, EventStatus.OK, EventStatus.CRITICAL)
        record(store, late)
        drained(working, clock)
    assert len(set(api.requests[:4])) == 1
    assert api.rejections == []
    digest_id = api.accepted[0]["customTags"]["event_id"]
    assert api.duplicates == {digest_id: 2}
    assert ids(api.accepted[-1]) == [late.id], "what came later is told later"
    answers = {stored.id: stored.answer for stored in store.history.latest()}
    assert answers[ids(api.accepted[0])[0]] == f"told in digest {digest_id}"
    assert {stored.phase for stored in store.history.latest()} == {Phase.DELIVERED}


def test_one_event_that_the_api_refuses_is_found_and_all_others_are_told(
    store: Store, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    storm = [change(f"check-{number:03}", 1) for number in range(100)]
    bad = storm[37].id
    far = Far(clock, lambda body: Verdict.REFUSED if bad in ids(body) else Verdict.DELIVERED)
    record(store, *storm)
    assert drained(emitter(store, far, clock), clock) <= 120
    assert [stored.id for stored in store.history.refusals()] == [bad]
    assert sorted([*told(far.taken), bad]) == sorted(event.id for event in storm)
    assert len(far.requests) <= 40
    assert "a digest of 100 changes is taken apart, none of them is lost" in caplog.text


def test_a_digest_that_something_on_the_way_cannot_digest_does_not_hold_up_its_changes(
    store: Store, clock: Clock
) -> None:
    far = Far(clock, lambda body: Verdict.UNAVAILABLE if len(body["message"]) > 3000 else Verdict.DELIVERED)
    storm = [change(f"check-{number:03}", 1) for number in range(60)]
    record(store, *storm)
    working = emitter(store, far, clock)
    for number in range(1, 40):
        drained(working, clock, seconds=60)
        record(store, change("other", number))
    drained(working, clock, seconds=4000)
    assert {event.id for event in storm} <= set(told(far.taken))


def test_an_outage_of_days_is_folded_and_told_within_a_minute(store: Store, clock: Clock) -> None:
    far = Far(clock, lambda body: Verdict.UNAVAILABLE)
    working = emitter(store, far, clock)
    days = [
        story(f"check-{number}", *[EventStatus.CRITICAL, EventStatus.OK] * 5, EventStatus.CRITICAL)
        for number in range(60)
    ]
    for part in range(11):
        record(store, *(events[part] for events in days))
        drained(working, clock, seconds=8 * 3600)
    assert len(far.requests) < 2500, "one a minute or so, however long it takes"
    far.answer = lambda body: Verdict.DELIVERED
    before = len(far.requests)
    assert drained(working, clock, seconds=4000) <= 300 + 60
    assert len(far.requests) - before <= 20
    for events in days:
        mine = {event.id for event in events}
        assert [event_id for event_id in told(far.taken) if event_id in mine] == [event.id for event in events]


def test_a_row_that_makes_no_sense_any_more_holds_up_nobody(store: Store, clock: Clock) -> None:
    record(store, *(change(f"check-{number}", 1) for number in range(20)))
    third = store.history.pending()[2]
    store._db.rows("UPDATE deliveries SET status = 'xx', created = 'x' WHERE seq = ?", (third.seq,))
    store._db.rows("UPDATE notifications SET facts = 'garbage' WHERE id = ?", (third.id,))
    far = Far(clock)
    drained(emitter(store, far, clock), clock, seconds=600)
    assert store.history.backlog()["events"].count == 0
    assert [stored.seq for stored in store.history.refusals()] == [third.seq]
    assert [body["customTags"].get("digest") for body in far.taken] == ["19"]


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_when_the_outbox_is_full_what_came_between_goes_first_and_is_counted(tmp_path: Path, clock: Clock) -> None:
    store = opened(tmp_path, bounds=Bounds(100))
    stories = [story(f"check-{number}", *[EventStatus.CRITICAL, EventStatus.OK] * 30) for number in range(10)]
    for part in range(60):
        record(store, *(events[part] for events in stories))
        assert store.history.backlog()["events"].count <= 100
    kept = {stored.id for stored in store.history.pending()}
    for events in stories:
        assert {events[0].id, events[-1].id} <= kept
    lost = 600 - len(kept)
    assert [(notice.name, notice.count) for notice in out(store).notices()] == [("superseded:events", lost)]
    far = Far(clock)
    drained(emitter(store, far, clock), clock)
    assert kept <= set(told(far.taken))
    said = f"INFO hostvigil: {lost} changes were never told to events, because later ones replaced them while the "
    said += "outbox was full"
    assert sum(said in body["message"] for body in far.taken) == 1
    assert out(store).notices() == []
    store.close()


def test_bounds_that_a_reload_brings_hold_from_the_next_change_on(tmp_path: Path) -> None:
    store = opened(tmp_path)
    record(store, *story("web", *[EventStatus.CRITICAL, EventStatus.OK] * 100))
    assert store.history.backlog()["events"].count == 200
    store.set_bounds(Bounds(50, 2**28))
    record(store, change("db", 1))
    assert store.history.backlog()["events"].count <= 50
    store.close()


def test_with_more_subjects_than_room_the_least_urgent_and_oldest_goes_and_that_is_a_warning(
    tmp_path: Path, clock: Clock
) -> None:
    store = opened(tmp_path, bounds=Bounds(50))
    record(store, *(change(f"unknown-{number}", 1, EventStatus.NODATA) for number in range(40)))
    record(store, *(change(f"down-{number}", 1) for number in range(40)))
    kept = {stored.check for stored in store.history.pending()}
    assert {f"down-{number}" for number in range(40)} <= kept
    assert len(kept) <= 50
    far = Far(clock)
    drained(emitter(store, far, clock), clock)
    (said,) = [
        body for body in far.taken if "are lost for events" in body["message"] or "are lost for events" in body["title"]
    ]
    assert said["status"] in ("warning", "critical")
    store.close()


def test_the_database_stays_within_its_size(tmp_path: Path) -> None:
    most = 4 * 1024**2
    store = opened(tmp_path, bounds=Bounds(most_bytes=most))
    for part in range(60):
        record(store, *(long_change(number, part) for number in range(20)))
    assert (tmp_path / "hostvigil.db").stat().st_size <= 1.3 * most
    kept = {stored.id for stored in store.history.pending()}
    assert {long_change(number, 59).id for number in range(20)} <= kept
    assert out(store).notices()[0].name == "superseded:events"
    store.close()


def long_change(number: int, part: int) -> Notification:
    event = change(f"check-{number}", part)
    return msgspec.structs.replace(event, details="x" * 9000)


# --- the agent's own news ---------------------------------------------------------------------------------------------


def test_a_heartbeat_is_sent_when_nothing_else_is_and_never_piles_up(store: Store, clock: Clock) -> None:
    far = Far(clock)
    working = emitter(store, far, clock, heartbeat=60)
    drained(working, clock, seconds=600)
    assert [body["title"] for body in far.taken] == ["INFO hostvigil on web-1: alive"] * 11
    far.answer = lambda body: Verdict.UNAVAILABLE
    record(store, change("web", 1))
    drained(working, clock, seconds=3600)
    far.taken.clear()
    far.answer = lambda body: Verdict.DELIVERED
    drained(working, clock, seconds=359)
    titles = [body["title"] for body in far.taken]
    assert any(title.startswith("CRITICAL web") for title in titles[:2])
    assert len(titles) <= 8
    assert store.history.backlog()["events"].count == 0


def test_a_heartbeat_that_gets_through_frees_what_waits(store: Store, clock: Clock) -> None:
    refuses_changes = True

    def answer(body: dict[str, Any]) -> Verdict:
        change_ = body["customTags"]["check_name"] != "hostvigil"
        return Verdict.UNAVAILABLE if refuses_changes and change_ else Verdict.DELIVERED

    far = Far(clock, answer)
    working = emitter(store, far, clock, heartbeat=60)
    record(store, change("web", 1))
    drained(working, clock, seconds=1000)
    refuses_changes = False
    far.taken.clear()
    while not far.taken:
        clock.now += working.drain()
    assert far.taken[0]["title"] == "INFO hostvigil on web-1: alive"
    alive = far.requests[-1]
    while len(far.taken) < 2:
        clock.now += working.drain()
    assert (far.taken[1]["customTags"]["check_name"], far.requests[-1]) == ("web", alive), "at once, not after minutes"


def test_what_a_full_outbox_cost_is_told_when_something_gets_through_and_not_in_the_outage(
    tmp_path: Path, clock: Clock
) -> None:
    store = opened(tmp_path, bounds=Bounds(20))
    far = Far(clock, lambda body: Verdict.UNAVAILABLE)
    working = emitter(store, far, clock)
    record(store, change("first", 1))
    drained(working, clock, seconds=60)
    record(store, *(change(f"down-{number}", 1) for number in range(60)))
    drained(working, clock, seconds=600)
    assert out(store).notices(), "there is something to say"
    assert "hostvigil" not in {stored.check for stored in store.history.pending()}, "it would push out changes"
    far.answer = lambda body: Verdict.DELIVERED
    drained(working, clock, seconds=4000)
    assert out(store).notices() == []
    assert "hostvigil" in {stored.check for stored in store.history.latest(200)}
    store.close()


def test_start_and_stop_are_told_where_that_is_wanted(tmp_path: Path) -> None:
    with ApiStandIn() as api, agent_process(tmp_path) as agent:
        agent.write(
            "agent.yaml",
            f"agent: {{hostname: web-1, events: {{endpoint: '{api.url}', api_key: {api.key}, start_stop: true}}}}\n"
            "checks: {here: {type: file, path: /, interval: 1h}}\n",
        )
        agent.start()
        api.wait_for(1)
        assert agent.stop() == 0
        api.wait_for(2)
        titles = [body["title"] for body in api.accepted]
    assert titles == ["INFO hostvigil on web-1: started, checks: 1", "INFO hostvigil on web-1: stopped"]
    assert api.rejections == []


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
