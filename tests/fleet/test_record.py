"""A relay's record: what it took over it knows after any end, and one directory is one relay's."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.fleet.ledger import CarryOver, Completion, Entry, Intent, Split, Takeover, Try, decode, encode
from agent.fleet.record import FILE, Record
from tests.host import needs


def intent(id_: str, *names: str) -> Intent:
    return Intent(id_, f"body of {id_}", tuple(("host", name) for name in names))


def taken(record: Record, *entries: Entry) -> None:
    first = record.position + 1
    record.take([(first + number, 1000.0 + first + number, entry) for number, entry in enumerate(entries)])


def test_a_relay_of_root_takes_no_directory_that_others_may_lead_elsewhere(tmp_path: Path) -> None:
    needs.root()
    for owner, mode in ((5, 0o700), (0, 0o777), (0, 0o1777), (0, 0o770)):
        os.chown(tmp_path, owner, 0)
        tmp_path.chmod(mode)
        with pytest.raises(OSError, match=f"relay of root: .*{tmp_path}"):
            Record(tmp_path)
        assert not list(tmp_path.iterdir())


def test_what_was_written_is_known_after_a_restart(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.begin("ledger one")
    taken(
        record,
        Takeover("me", 1),
        Try("a", "key", intent("a", "1", "2")),
        Try("b", "key", intent("b", "3")),
        Completion("a"),
    )
    record.close()
    again = Record(tmp_path)
    assert (again.ledger, again.position, list(again.intents)) == ("ledger one", 4, ["b"])
    assert again.is_told(("host", "1")) and not again.is_told(("host", "3")) and not again.is_told(("other", "1"))
    assert again.members == {("host", "3")} and [key for key, _ in again.requests()] == ["key", "key"]
    taken(again, Split("b"))
    assert not again.intents and not again.is_told(("host", "3"))
    again.close()


def test_what_was_refused_may_be_tried_again(tmp_path: Path) -> None:
    record = Record(tmp_path)
    taken(record, Try("a", "key", intent("a", "1")), Completion("a", refused=True))
    assert not record.intents and not record.is_told(("host", "1"))
    record.close()


def test_what_one_record_carries_over_another_one_knows(tmp_path: Path) -> None:
    old, new = Record(tmp_path / "old"), Record(tmp_path / "new")
    old.begin("one")
    taken(old, Try("a", "key", intent("a", "1")), Completion("a"), Try("b", "key", intent("b", "2")))
    assert not old.owes
    old.begin("two")
    assert old.owes
    taken(new, *old.export_entries())
    assert new.is_told(("host", "1")) and list(new.intents) == ["b"]
    old.clear_debt()
    assert not old.owes
    old.close()
    new.close()


@given(
    st.permutations(
        [CarryOver((intent("a", "1", "2"),)), CarryOver(told=(("host", "1"),)), CarryOver(told=(("host", "2"),))]
    )
)
def test_an_intent_that_somebody_knows_as_told_is_not_sent_again(entries: list[Entry]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        record = Record(Path(folder))
        taken(record, *entries)
        assert not record.intents and not record.members
        record.close()


def test_a_directory_is_one_relays(tmp_path: Path) -> None:
    first = Record(tmp_path)
    with pytest.raises(OSError, match="in use by another relay"):
        Record(tmp_path)
    first.close()
    Record(tmp_path).close()


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_record_is_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    record = Record(tmp_path)
    assert record.position == 0 and (tmp_path / f"{FILE}.damaged").read_bytes() == content
    record.close()


def test_a_disk_that_takes_no_more_leaves_the_record_as_it_was(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.begin("one")
    taken(record, Try("a", "key", intent("a", "1")))
    record._db.execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.Error):
        taken(record, Completion("a"))
    record._db.execute("PRAGMA query_only = OFF")
    assert list(record.intents) == ["a"] and record.position == 1
    taken(record, Completion("a"))
    assert record.is_told(("host", "1"))
    record.close()


@pytest.mark.parametrize(
    "entry",
    [Takeover("me", 1), Try("a", "k", intent("a", "1")), Try("a", "k"), Completion("a", True), Split("a"), CarryOver()],
)
def test_entries_are_read_as_they_were_written(entry: Entry) -> None:
    assert decode(encode(entry)) == entry
