"""What a digest of many changes says, and what becomes of it when something on the way takes offence."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config.settings import EventsSettings
from agent.delivery.answer import Verdict
from agent.delivery.digest import MESSAGE_LIMIT, SUBJECTS_LIMIT, digest
from agent.delivery.sinks.truewatch.api import Api
from agent.delivery.sinks.truewatch.event import digest_event
from agent.model import URGENCY, EventStatus
from agent.store import Phase, Store
from tests.delivery.deliveries import Clock, drained
from tests.delivery.storms import Far, change, emitter, ids, record, story, told
from tests.stand_ins.api import ApiStandIn, problems

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
