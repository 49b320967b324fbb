from __future__ import annotations

import fcntl
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent.config.destinations import MAIN
from agent.model import Destination, EventStatus, Metric, Notification, Result, State, Status
from agent.store import Backlog, Change, LastRun, Phase, Store, StoreError, holder
from agent.store.connection import FILE
from agent.store.deliveries import HISTORY_LIMIT, REFUSED_LIMIT
from agent.store.lock import LOCK, lock
from agent.store.outbox import TRIM_EVERY
from agent.store.schema import MIGRATIONS
from tests.delivery.deliveries import change, critical, nothing_stands, opened, out, record
from tests.host import needs

NOW = 1_700_000_000_000


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


# --- who may open it ------------------------------------------------------------------------------------------------


def test_a_second_agent_is_told_who_holds_the_directory(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=rf"in use by another hostvigil \(process {os.getpid()}, since 20"):
        Store.open(tmp_path / "state")
    held = holder(tmp_path / "state")
    assert held is not None
    assert held.pid == os.getpid()


def test_who_asks_for_a_moment_who_works_here_keeps_no_agent_from_its_start(tmp_path: Path) -> None:
    os.close(lock(tmp_path))
    asking = os.open(tmp_path / LOCK, os.O_RDONLY)
    fcntl.flock(asking, fcntl.LOCK_SH)
    with pytest.raises(StoreError, match="in use by another"):
        lock(tmp_path, patience=0)
    threading.Timer(0.05, os.close, [asking]).start()
    os.close(lock(tmp_path, patience=60))


def test_the_lock_ends_with_the_agent(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    assert holder(tmp_path) is None
    Store.open(tmp_path).close()


def test_the_command_line_reads_while_the_agent_writes_and_cannot_write(store: Store, tmp_path: Path) -> None:
    store.record([change("root-disk-1", "/")])
    reader = Store.read(tmp_path / "state")
    assert len(reader.history.pending()) == 1
    store.record([change("root-disk-2", "/")])
    assert len(reader.history.pending()) == 2
    with pytest.raises(StoreError, match="readonly"):
        reader.record([change("root-disk-3", "/")])
    reader.close()


def test_reading_after_the_agent_has_ended(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.record([change("root-disk-1", "/")])
    store.close()
    reader = Store.read(tmp_path)
    assert len(reader.history.pending()) == 1
    reader.close()


def test_reading_where_no_agent_ever_ran_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"holds no hostvigil\.db: has the agent run"):
        Store.read(tmp_path)
    with pytest.raises(StoreError, match=r"nowhere holds no hostvigil\.db"):
        Store.read(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_the_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 5}")
    db.close()
    for way in (Store.open, Store.read):
        with pytest.raises(StoreError, match="written by a newer hostvigil"):
            way(tmp_path)
    assert holder(tmp_path) is None


def test_a_state_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        Store.open(tmp_path / "file" / "state")
    with pytest.raises(StoreError, match="file"):
        Store.open(tmp_path / "file")


def test_nobody_else_can_read_the_files(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = opened(tmp_path / "state")
        store.record([change("root-disk-1", "/")])
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "state").iterdir()}
    names = (FILE, f"{FILE}-wal", f"{FILE}-shm", "agent.lock", "hostvigil.reserve")
    assert modes == dict.fromkeys(names, 0o600)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    store.close()


def test_a_database_that_is_a_symlink_to_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / FILE).symlink_to(tmp_path / "victim")
    with pytest.raises(StoreError):
        Store.open(tmp_path / "state")
    assert not (tmp_path / "victim").exists()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.record([change("root-disk-1", "/")])


# --- all or nothing -------------------------------------------------------------------------------------------------


def test_what_fails_half_way_leaves_nothing(store: Store) -> None:
    impossible = msgspec.structs.replace(critical("root-disk-2", "/"), at=2**70)
    with pytest.raises((StoreError, OverflowError)):
        store.record([change("root-disk-1", "/"), Change(State("root-disk", "/", events=2), impossible)])
    assert store.states() == []
    assert store.history.pending() == []
    store.record([change("root-disk-1", "/")])
    assert len(store.history.pending()) == 1


def test_threads_write_and_deliver_at_the_same_time(store: Store) -> None:
    count = 200

    def deliver() -> None:
        done = 0
        while done < count:
            for stored in out(store).due():
                out(store).mark_delivered(stored.seq, "", NOW)
                done += 1

    thread = threading.Thread(target=deliver)
    thread.start()
    for number in range(1, count + 1):
        store.record([change(f"root-disk-{number}", "/")])
    thread.join(20)
    assert not thread.is_alive()
    assert store.history.backlog()["events"].count == 0
    assert [stored.seq for stored in store.history.latest(count)] == list(range(count, 0, -1))


WRITER = """
import sys
from pathlib import Path
from tests.delivery.deliveries import change, opened
store = opened(Path(sys.argv[1]))
number = max((state.events for state in store.states()), default=0)
print("going", flush=True)
while True:
    number += 1
    store.record([change(f"root-disk-{number}", "/"), change(f"sshd-{number}", "/")], {"sshd": {"number": number}})
"""


def test_a_kill_at_any_moment_leaves_state_and_event_in_step(tmp_path: Path) -> None:
    rng = random.Random(1)
    last = 0
    for _ in range(6):
        child = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"going\n"
        time.sleep(rng.uniform(0.0, 0.06))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        store = opened(tmp_path)
        states = {state.check: state.events for state in store.states()}
        numbers = [int(stored.id.split("-")[-1]) for stored in store.history.pending() if stored.check == "sshd"]
        assert len(set(states.values())) <= 1
        now = states.get("sshd", 0)
        assert numbers == list(range(1, now + 1))
        assert store.memories().get("sshd", {}).get("number", 0) == now
        assert now >= last
        last = now
        store.close()
    assert last > 6


def test_a_record_waits_for_the_disk_and_a_note_does_not(tmp_path: Path) -> None:
    script = """
import sys, os
from pathlib import Path
from tests.store.test_store import LastRun, NOW, Result, Status, change, opened
store = opened(Path(sys.argv[1]))
runs = [LastRun("disk", str(n), Result(Status.OK, "x"), NOW, 0.1, 0) for n in range(20)]
store.note(runs); store.record([change("root-disk-1", "/")])
for n in range(20): store.note(runs)
os.write(1, b"MARK\\n")
for n in range(10): store.record([change(f"root-disk-{n + 2}", "/")])
os.write(1, b"MARK\\n")
"""
    trace = tmp_path / "trace"
    command = [
        needs.command("strace", "strace"),
        "-f",
        "-e",
        "trace=fsync,fdatasync,write",
        "-o",
        str(trace),
        sys.executable,
        "-c",
        script,
    ]
    if subprocess.run([*command, tmp_path / "state"], capture_output=True).returncode:
        needs.missing("the permission to trace a child")
    before, between, _ = trace.read_text().split('"MARK\\n"')
    assert between.count("sync(") == 10
    # Making the database and its destination syncs some twenty times; the notes after it not at all.
    assert before.count("sync(") <= 26


def test_a_late_answer_changes_nothing_of_what_was_settled_meanwhile(store: Store) -> None:
    store.record([change("root-disk-1", "/")])
    seq = store.history.pending()[0].seq
    out(store).mark_delivered(seq, "trace", NOW)
    out(store).count_try(seq, "timed out", NOW)
    out(store).mark_refused(seq, "no", NOW)
    out(store).unbundle(seq)
    assert [(stored.phase, stored.answer) for stored in store.history.latest()] == [("delivered", "trace")]


def test_a_late_answer_of_another_address_under_the_same_name_is_none_of_the_new_one(store: Store) -> None:
    """Else what only the old one heard counts as told to the new one."""
    record(store, "disk-1")
    old = out(store)
    seq = old.due()[0].seq
    store.adopt([Destination(MAIN, "another address")], [], NOW, nothing_stands)
    old.keep_bytes(seq, b"in the old one's words")
    old.count_try(seq, "HTTP 502", NOW)
    old.mark_delivered(seq, "taken", NOW)
    old.mark_refused(seq, "no", NOW)
    (waiting,) = store.history.pending()
    assert (waiting.id, waiting.body, waiting.attempts) == ("disk-1", None, 0)
    out(store).mark_delivered(seq, "taken", NOW)
    assert store.history.pending() == []


def test_a_kill_while_the_first_database_is_made_leaves_nothing_that_looks_damaged(tmp_path: Path) -> None:
    (tmp_path / "hostvigil.db.first").touch()
    store = Store.open(tmp_path)
    assert out(store).notices() == []
    store.close()
