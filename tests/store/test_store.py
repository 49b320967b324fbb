"""What a store keeps over restarts: states, events, memories, and in which order events are due."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.model import EventStatus, Metric, Notification, Result, State, Status
from agent.store import Backlog, Change, LastRun, Phase, Store
from agent.store.deliveries import HISTORY_LIMIT, REFUSED_LIMIT
from agent.store.outbox import TRIM_EVERY
from tests.delivery.deliveries import NOW, change, opened, out


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path / "state")
    yield made
    made.close()


def reopened(store: Store, directory: Path) -> Store:
    store.close()
    return opened(directory)


def test_states_events_memories_and_notes_are_there_after_a_restart(tmp_path: Path) -> None:
    store = opened(tmp_path)
    run = LastRun(
        "root-disk", "/", Result(Status.OK, "62% used", "/", "", (Metric("used", 62, "%"),)), NOW, 0.1, NOW + 9
    )
    store.record([change("root-disk-1", "/")], {"root-disk": {"seen": [1, 2]}})
    store.note([run], {"sshd": {"pid": 7}})
    store = reopened(store, tmp_path)
    assert store.states() == [change("root-disk-1", "/").state]
    assert store.memories() == {"root-disk": {"seen": [1, 2]}, "sshd": {"pid": 7}}
    assert store.last_runs() == [run]
    assert [stored.id for stored in store.history.pending()] == ["root-disk-1"]
    store.close()


def test_a_state_is_replaced_by_the_next_one(store: Store) -> None:
    store.record([change("root-disk-1", "/"), change("root-disk-2", "/")])
    store.record([change("root-disk-3", "/"), change("sshd-1", "/")])
    assert {(state.check, state.events) for state in store.states()} == {("root-disk", 3), ("sshd", 1)}


def test_due_is_the_oldest_event_of_every_check(store: Store) -> None:
    store.record(
        [
            change("root-disk-1", "/"),
            change("root-disk-2", "/"),
            change("sshd-1", "/"),
            change("root-disk-3", "/"),
            change("sshd-2", "/"),
        ]
    )
    assert [stored.id for stored in out(store).due()] == ["root-disk-1", "sshd-1"]
    out(store).mark_delivered(out(store).due()[0].seq, "TRACE-1", NOW)
    assert [stored.id for stored in out(store).due()] == ["root-disk-2", "sshd-1"]


def test_a_delivered_event_is_history_with_its_answer(store: Store) -> None:
    store.record([change("root-disk-1", "/")])
    out(store).count_try(1, "HTTP 502", NOW + 5)
    out(store).mark_delivered(1, "TRACE-1", NOW + 9)
    assert store.history.pending() == []
    (told,) = store.history.latest()
    assert (told.phase, told.attempts, told.answer, told.answered_at) == (Phase.DELIVERED, 2, "TRACE-1", NOW + 9)


def test_a_body_is_the_same_bytes_after_tries_and_restarts(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.record([change("root-disk-1", "/")])
    seq = out(store).due()[0].seq
    assert out(store).delivery(seq).body is None
    out(store).keep_bytes(seq, b"first")
    out(store).keep_bytes(seq, b"second")
    before = out(store).delivery(seq)
    out(store).count_try(seq, "HTTP 500", NOW)
    store = reopened(store, tmp_path)
    after = out(store).delivery(out(store).due()[0].seq)
    assert after.body == before.body == b"first"
    assert (after.id, after.created, after.attempts) == (before.id, before.created, 1)
    store.close()


def test_a_refused_event_is_set_aside_until_somebody_retries_it(store: Store) -> None:
    store.record([change("root-disk-1", "/"), change("root-disk-2", "/"), change("sshd-1", "/")])
    out(store).mark_refused(1, "HTTP 400: bad parameter", NOW)
    out(store).mark_refused(3, "HTTP 400: bad parameter", NOW)
    assert [stored.id for stored in out(store).due()] == ["root-disk-2"]
    assert [stored.answer for stored in store.history.refusals()] == ["HTTP 400: bad parameter"] * 2
    assert store.retry("no such event") == 0
    assert store.retry("sshd-1") == 1
    assert store.retry() == 1
    assert [stored.id for stored in store.history.pending()] == ["root-disk-1", "root-disk-2", "sshd-1"]
    assert store.history.refusals() == []


def test_a_command_beside_a_running_agent_retries_refused_events(store: Store, tmp_path: Path) -> None:
    store.record([change("root-disk-1", "/")])
    out(store).mark_refused(1, "HTTP 400", NOW)
    beside = Store.beside(tmp_path / "state")
    assert beside.retry() == 1
    beside.close()
    assert len(out(store).due()) == 1


def test_the_backlog_counts_what_is_still_to_be_told(store: Store) -> None:
    assert store.history.backlog()["events"] == Backlog(0, 0, 0)
    store.record([change("root-disk-1", "/"), change("root-disk-2", "/"), change("sshd-1", "/")])
    out(store).mark_delivered(1, "", NOW)
    out(store).mark_refused(3, "no", NOW)
    assert store.history.backlog()["events"] == Backlog(1, NOW + 2, 1)


def test_the_same_event_recorded_again_is_one_event(store: Store) -> None:
    store.record([change("root-disk-1", "/")])
    store.record([change("root-disk-1", "/")])
    assert len(store.history.pending()) == 1


def test_the_history_is_bounded_and_pending_events_are_never_trimmed(store: Store) -> None:
    many = HISTORY_LIMIT + 3 * TRIM_EVERY
    store.record([change(f"root-disk-{number}", "/") for number in range(1, many + 1)])
    outbox = out(store)
    keep = outbox.due()[0].seq
    with store._db.transaction() as db:
        db.execute("UPDATE deliveries SET phase = 'delivered' WHERE seq > ? AND seq <= ?", (keep, many - TRIM_EVERY))
    for seq in range(many - TRIM_EVERY + 1, many + 1):
        outbox.mark_delivered(seq, "", NOW)
    history = store.history.latest(many)
    assert len(history) == HISTORY_LIMIT + 1
    assert history[-1].seq == keep


def test_refused_events_are_bounded_too(store: Store) -> None:
    many = REFUSED_LIMIT + TRIM_EVERY
    store.record([change(f"root-disk-{number}", "/") for number in range(1, many + 1)])
    with store._db.transaction() as db:
        db.execute("UPDATE deliveries SET phase = 'refused' WHERE seq <= ?", (many - TRIM_EVERY,))
    outbox = out(store)
    for seq in range(many - TRIM_EVERY + 1, many + 1):
        outbox.mark_refused(seq, "no", NOW)
    assert [stored.seq for stored in store.history.refusals()] == list(range(TRIM_EVERY + 1, many + 1))


def test_a_forgotten_check_leaves_its_events(store: Store) -> None:
    store.record([change("root-disk-1", "/"), change("sshd-1", "/")], {"root-disk": {"a": 1}})
    store.record([], forgotten=[("root-disk", None)])
    assert [state.check for state in store.states()] == ["sshd"]
    assert store.memories() == {}
    assert len(store.history.pending()) == 2


def test_a_mount_whose_name_is_not_utf8_can_be_stored(store: Store) -> None:
    name = os.fsdecode(b"/mnt/caf\xe9")
    bad = Notification("id", "disk", name, EventStatus.CRITICAL, NOW, summary=name)
    store.record([Change(State("disk", name), bad)], {"disk": {name: 1}})
    store.note([LastRun("disk", name, Result(Status.OK, name, name), NOW, 0.1, 0)])
    assert store.states()[0].subject == store.history.pending()[0].subject == "/mnt/caf?"
