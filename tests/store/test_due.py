"""What is due is known without a look at all that waits, as long as nobody else writes."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from pathlib import Path

from agent.model import EventStatus
from agent.store import Bundle, Outbox, Store
from agent.store.connection import FILE
from agent.store.deliveries import DUE_LIMIT
from tests.delivery.deliveries import NOW, change, opened, out

STEPS = ("change", "deliver", "refuse", "try", "keep", "bundle", "drop", "note", "look")


def take(step: str, number: int, store: Store, outbox: Outbox, folder: Path, turn: int) -> None:
    due = out(store).due()
    one = due[min(number, len(due) - 1)].seq if due else 0
    single = next((head.seq for head in due[number:] if not head.members), 0)
    if step == "look":
        assert outbox.due() == due
    elif step == "change":
        store.record([change(f"check-{turn}", f"subject {number}")])
    elif step == "deliver":
        outbox.mark_delivered(one, "yes", NOW)
    elif step == "refuse":
        outbox.mark_refused(single, "no", NOW)
    elif step == "try":
        outbox.count_try(one, "not now", NOW)
    elif step == "keep":
        outbox.keep_bytes(one, b"bytes")
    elif step == "bundle":
        members = tuple(head.seq for head in due if not head.members)[:2]
        outbox.bundle(Bundle(f"digest-{turn}", "", "", EventStatus.CRITICAL, NOW, "some", b"body", members))
    elif step == "drop":  # as a command of another process does
        with closing(sqlite3.connect(folder / FILE)) as other, other:
            other.execute("UPDATE deliveries SET phase = 'dropped' WHERE seq = ?", (single,))
    else:
        store.note([], {"check": {"turn": turn}})


def test_an_outbox_knows_what_a_new_one_reads_after_any_two_steps(tmp_path: Path) -> None:
    numbers = itertools.count(1)
    with closing(opened(tmp_path)) as store:
        outbox = out(store)
        for head, steps in zip(itertools.cycle((0, 2)), itertools.product(STEPS, STEPS), strict=False):
            for number in (0, 0, 1, 1, 2):
                take("change", number, store, outbox, tmp_path, next(numbers))
            for step in ("look", *steps, "look"):
                take(step, head, store, outbox, tmp_path, next(numbers))
            assert out(store).due()
            while out(store).due():
                take("deliver", 0, store, out(store), tmp_path, 0)


def test_what_waits_behind_a_digest_is_due_when_that_is_told(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as store:
        outbox = out(store)
        for turn, (step, number) in enumerate(
            (("change", 0), ("change", 1), ("bundle", 0), ("change", 0), ("look", 0))
        ):
            take(step, number, store, outbox, tmp_path, turn + 1)
        take("deliver", 0, store, outbox, tmp_path, 0)
        assert [one.id for one in outbox.due()] == ["check-4"]


def test_a_storm_is_told_in_its_order_and_all_that_waits_is_looked_at_seldom(tmp_path: Path) -> None:
    count, looks, told = DUE_LIMIT + 10, [], []
    with closing(opened(tmp_path)) as store:
        store.record([change(f"check{number}-1") for number in range(count)])
        outbox = out(store)
        store._db.read(lambda db: db.set_trace_callback(lambda text: looks.append("heads" in text)))
        while due := outbox.due():
            told.append(due[0].check)
            outbox.mark_delivered(due[0].seq, "yes", NOW)
    assert told == [f"check{number}" for number in range(count)]
    assert sum(looks) < 10
