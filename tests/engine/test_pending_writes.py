"""What waits to be written: when it is, what a full disk costs, and that nothing is kept of what is forgotten."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.engine.recorder.pending import NOTE_SECONDS, RETRY_SECONDS, PendingWrites
from agent.engine.recorder.write_buffer import WriteBuffer
from agent.model import Result, State, Status
from agent.store import Change, LastRun, Store, StoreError
from tests.delivery.deliveries import change, opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = opened(tmp_path)
    yield store
    store.close()


def run(check: str, subject: str) -> LastRun:
    return LastRun(check, subject, Result(Status.OK, "well", subject), 1000, 0.1, 0)


def waiting(store: Store) -> tuple[WriteBuffer, PendingWrites]:
    """A change and a last result of `web` and of `db`, each with two subjects."""
    buffer = WriteBuffer()
    for check in ("web", "db"):
        buffer.remember(check, {"of": check})
        for number, subject in enumerate(("/", "/cart"), 1):
            buffer.change(change(f"{check}-{number}", subject))
            buffer.note(run(check, subject))
    return buffer, PendingWrites(store, buffer, lambda: None, lambda: 100.0)


def kept(store: Store) -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[str]]:
    """The subjects whose state and whose last result the store has, and the checks that remember something."""
    states = sorted((state.check, state.subject) for state in store.states())
    return states, sorted((one.check, one.subject) for one in store.last_runs()), sorted(store.memories())


DB, WEB = [("db", "/"), ("db", "/cart")], [("web", "/"), ("web", "/cart")]


def test_what_is_not_forgotten_is_written(store: Store) -> None:
    _, pending = waiting(store)
    pending.write(everything=True)
    assert kept(store) == (DB + WEB, DB + WEB, ["db", "web"])


def test_of_a_check_that_is_forgotten_only_what_is_to_be_told_is_left(store: Store) -> None:
    buffer, pending = waiting(store)
    buffer.forget("web")
    pending.write(everything=True)
    assert kept(store) == (DB, DB, ["db"])
    assert sorted(one.check for one in store.history.latest(10)) == ["db", "db", "web", "web"]


def test_of_a_subject_that_is_forgotten_only_what_is_to_be_told_is_left(store: Store) -> None:
    buffer, pending = waiting(store)
    buffer.forget("web", "/cart")
    pending.write(everything=True)
    left = [*DB, ("web", "/")]
    assert kept(store) == (left, left, ["db", "web"])
    assert len(store.history.latest(10)) == 4


# --- when it is written ---------------------------------------------------------------------------------------------


class Disk:
    """A store that keeps a diary, and may be full."""

    def __init__(self) -> None:
        self.diary: list[tuple[Any, ...]] = []
        self.full = False
        self.now = 100.0
        self.told = 0
        self.buffer = WriteBuffer()
        self.pending = PendingWrites(self, self.buffer, self.tell, lambda: self.now)  # type: ignore[arg-type]

    def tell(self) -> None:
        self.told += 1

    def record(self, changes: Any, memories: Any = None, forgotten: Any = ()) -> None:
        self._write("changes", [one.state.check for one in changes], dict(memories or {}), set(forgotten))

    def note(self, runs: list[LastRun], memories: Any) -> None:
        self._write("notes", [one.check for one in runs], dict(memories))

    def keep_fact(self, name: str, value: str) -> None:
        self._write("fact", name, value)

    def _write(self, *what: Any) -> None:
        if self.full:
            raise StoreError("the disk is full")
        self.diary.append(what)


@pytest.fixture
def disk(caplog: pytest.LogCaptureFixture) -> Disk:
    caplog.set_level(logging.INFO)
    return Disk()


def test_a_change_is_written_at_once_with_what_is_remembered_and_before_it_the_last_result(disk: Disk) -> None:
    buffer, pending = disk.buffer, disk.pending
    assert pending.next_write() == math.inf
    buffer.change(change("web-1"))
    buffer.note(run("web", ""))
    buffer.remember("web", {"a": 1})
    assert pending.next_write() == 0.0
    assert not pending.nothing_to_tell
    pending.write()
    assert disk.diary == [("notes", ["web"], {}), ("changes", ["web"], {"web": {"a": 1}}, set())]
    assert disk.told == 1
    assert pending.nothing_to_tell
    assert pending.next_write() == math.inf


def test_a_state_that_tells_nothing_is_written_and_nobody_is_woken_for_it(disk: Disk) -> None:
    disk.buffer.change(Change(State("web")))
    disk.pending.write()
    assert (len(disk.diary), disk.told) == (1, 0)


def test_of_what_is_forgotten_no_last_result_is_written_before(disk: Disk) -> None:
    disk.buffer.note(run("db", ""))
    disk.buffer.change(change("web-1"))
    disk.buffer.forget("web", "/x")
    disk.pending.write()
    assert disk.diary == [("changes", ["web"], {}, {("web", "/x")}), ("notes", ["db"], {})]


def test_what_is_nice_to_know_is_written_once_a_second(disk: Disk) -> None:
    values = iter(("one", "two"))
    for of in ("web", "db"):
        disk.buffer.note(run(of, ""))
        disk.buffer.fact("silent", lambda: next(values))
        disk.pending.write()
    assert disk.diary == [("notes", ["web"], {}), ("fact", "silent", "one")]
    assert disk.pending.next_write() == disk.now + NOTE_SECONDS
    disk.now += NOTE_SECONDS
    disk.pending.write()
    assert disk.diary[2:] == [("notes", ["db"], {}), ("fact", "silent", "two")]


def test_what_is_remembered_alone_is_written_too(disk: Disk) -> None:
    """A run that has begun and pushes its end is all that there is, and is awaited after a kill as well."""
    disk.buffer.remember("backup", {"runs": [1]})
    assert disk.pending.next_write() == 0.0
    disk.pending.write()
    assert disk.diary == [("notes", [], {"backup": {"runs": [1]}})]
    assert disk.pending.next_write() == math.inf


def test_at_the_end_all_is_written_whatever_the_time(disk: Disk) -> None:
    disk.buffer.note(run("web", ""))
    disk.pending.write()
    disk.full = True
    disk.buffer.change(change("web-1"))
    disk.pending.write()
    disk.full = False
    disk.buffer.note(run("db", ""))
    disk.diary.clear()
    disk.pending.write()
    assert disk.diary == []
    disk.pending.write(everything=True)
    assert [what for what, *_ in disk.diary] == ["notes", "changes"]


def test_while_the_disk_takes_nothing_changes_are_held_and_that_is_said_once(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.full = True
    disk.buffer.change(Change(State("web", bad=1)))
    disk.buffer.change(Change(State("web", bad=2)))
    for _ in range(2):
        disk.pending.write()
        assert len(caplog.records) == 1
        assert disk.pending.next_write() == disk.now + RETRY_SECONDS
        disk.now += RETRY_SECONDS
    disk.full = False
    disk.pending.write()
    assert disk.diary == [("changes", ["web"], {}, set())], "of states the latest"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "nothing can be written; changes are held in memory until it can: the disk is full"),
        ("WARNING", "writing works again; the changes held in memory are written"),
    ]
    disk.buffer.change(change("web-1"))
    assert disk.pending.next_write() == 0.0


def test_what_is_nice_to_know_is_lost_on_a_full_disk_but_not_what_is_remembered(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.full = True
    disk.buffer.note(msgspec.structs.replace(run("web", ""), next_at=2000))
    disk.buffer.note(run("backup", ""))
    disk.buffer.remember("web", {"a": 1})
    disk.pending.write()
    assert [record.getMessage() for record in caplog.records] == [
        "the last results could not be noted: the disk is full"
    ]
    disk.full = False
    assert disk.pending.next_write() == disk.now + RETRY_SECONDS
    disk.now += RETRY_SECONDS
    disk.pending.write()
    assert disk.diary == [("notes", ["backup"], {"web": {"a": 1}})], (
        "nobody runs it, so there is no fresh one to be had"
    )


def test_who_waits_for_it_hears_when_all_that_came_before_is_written(disk: Disk) -> None:
    heard: list[str] = []
    disk.buffer.note(run("web", ""))
    disk.pending.write()
    disk.diary.clear()
    disk.full = True
    disk.buffer.change(change("web-1"))
    disk.buffer.note(run("db", ""))
    disk.pending.receipt(lambda: heard.append("a"))
    disk.pending.receipt(lambda: heard.append("b"))
    disk.pending.write()
    assert heard == []
    disk.full = False
    disk.now += RETRY_SECONDS
    disk.buffer.note(run("mail", ""))
    disk.pending.write()
    assert heard == ["a", "b"]
    assert disk.diary == [("notes", ["db", "mail"], {}), ("changes", ["web"], {}, set())]
    disk.buffer.note(run("late", ""))
    disk.pending.receipt(lambda: heard.append("c"))
    disk.pending.write()
    assert heard == ["a", "b", "c"]
    assert disk.diary[-1] == ("notes", ["late"], {}), "though it is not a second later"
    disk.pending.write()
    assert heard == ["a", "b", "c"], "each once"


def test_a_bug_in_one_change_costs_what_is_of_its_check(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    record = disk.record

    def odd(changes: Any, memories: Any = None, forgotten: Any = ()) -> None:
        if any(one.state.subject == "/odd" for one in changes):
            raise ValueError("too large")
        record(changes, memories or {}, forgotten)

    disk.record = odd  # type: ignore[method-assign]
    disk.buffer.forget("gone")
    disk.buffer.forget("db", "/")
    disk.buffer.forget("web", "/old")
    for name, subject in (("web-1", "/"), ("web-2", "/odd"), ("web-3", "/cart"), ("db-1", "")):
        disk.buffer.change(change(name, subject))
    for name in ("web", "db", "mail"):
        disk.buffer.remember(name, {"of": name})
    disk.pending.write()
    assert disk.diary == [
        ("changes", [], {}, {("web", "/old")}),
        ("changes", ["web"], {}, set()),
        ("changes", ["web"], {}, set()),
        ("changes", ["db"], {"db": {"of": "db"}}, {("db", "/")}),
        ("changes", [], {"mail": {"of": "mail"}}, set()),
        ("changes", [], {}, {("gone", None)}),
    ]
    said = [entry.getMessage().partition(": Change(")[0] for entry in caplog.records]
    assert said == [
        "a bug of ours: what waits is written check by check",
        "a bug of ours: web is written change by change",
        "a bug of ours: this is lost",
    ]


def test_a_bug_in_one_last_result_costs_what_is_of_its_check(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    note = disk.note

    def odd(runs: list[LastRun], memories: Any) -> None:
        if any(one.check == "web" for one in runs):
            raise ValueError("too large")
        note(runs, memories)

    disk.note = odd  # type: ignore[method-assign]
    for name in ("web", "db"):
        disk.buffer.note(run(name, ""))
        disk.buffer.remember(name, {"of": name})
    disk.buffer.note(run("mail", ""))
    disk.pending.write()
    assert disk.diary == [("notes", ["db"], {"db": {"of": "db"}}), ("notes", ["mail"], {})]
    assert [entry.getMessage() for entry in caplog.records if entry.exc_info] == [
        "a bug of ours: the last results are written check by check",
        "a bug of ours: the last results of web are lost",
    ]
