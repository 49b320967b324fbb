"""The bounds of what waits to be told: the least urgent goes first, is counted, and that is told."""

from __future__ import annotations

from pathlib import Path

import msgspec

from agent.model import EventStatus, Notification
from agent.store import Bounds
from tests.delivery.deliveries import Clock, drained, opened, out
from tests.delivery.storms import Far, change, emitter, record, story, told


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
