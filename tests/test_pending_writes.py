"""What is forgotten before it was written: nothing of it is kept, and what is to be told is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.engine.recorder.pending import PendingWrites
from agent.model import Result, Status
from agent.store import LastRun, Store
from tests.deliveries import change, opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = opened(tmp_path)
    yield store
    store.close()


def run(check: str, subject: str) -> LastRun:
    return LastRun(check, subject, Result(Status.OK, "well", subject), 1000, 0.1, 0)


def waiting(store: Store) -> PendingWrites:
    """A change and a last result of `web` and of `db`, each with two subjects."""
    pending = PendingWrites(store, lambda: None, lambda: 100.0)
    for check in ("web", "db"):
        pending.remember(check, {"of": check})
        for number, subject in enumerate(("/", "/cart"), 1):
            pending.change(change(f"{check}-{number}", subject))
            pending.note(run(check, subject))
    return pending


def kept(store: Store) -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[str]]:
    """The subjects whose state and whose last result the store has, and the checks that remember something."""
    states = sorted((state.check, state.subject) for state in store.states())
    return states, sorted((one.check, one.subject) for one in store.last_runs()), sorted(store.memories())


DB, WEB = [("db", "/"), ("db", "/cart")], [("web", "/"), ("web", "/cart")]


def test_what_is_not_forgotten_is_written(store: Store) -> None:
    waiting(store).write(everything=True)
    assert kept(store) == (DB + WEB, DB + WEB, ["db", "web"])


def test_of_a_check_that_is_forgotten_only_what_is_to_be_told_is_left(store: Store) -> None:
    pending = waiting(store)
    pending.forget("web")
    pending.write(everything=True)
    assert kept(store) == (DB, DB, ["db"])
    assert sorted(one.check for one in store.history.latest(10)) == ["db", "db", "web", "web"]


def test_of_a_subject_that_is_forgotten_only_what_is_to_be_told_is_left(store: Store) -> None:
    pending = waiting(store)
    pending.forget("web", "/cart")
    pending.write(everything=True)
    left = [*DB, ("web", "/")]
    assert kept(store) == (left, left, ["db", "web"])
    assert len(store.history.latest(10)) == 4
