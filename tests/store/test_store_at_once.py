"""All of a record or nothing, whoever writes or is killed at the same time."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent.config.sections.destination import MAIN
from agent.model import Destination, State
from agent.store import Change, Store, StoreError
from tests.delivery.deliveries import NOW, change, critical, nothing_stands, opened, out, record
from tests.host import needs


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path / "state")
    yield made
    made.close()


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
from agent.model import Result, Status
from agent.store import LastRun
from tests.delivery.deliveries import NOW, change, opened
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
