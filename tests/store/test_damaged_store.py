"""A damaged database, or one of an older version: what can be read goes on, and the agent begins."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest

from agent.config.sections.destination import MAIN
from agent.model import Destination, EventStatus, State, Status
from agent.store import Change, Store, StoreError
from agent.store.connection import FILE
from agent.store.schema import MIGRATIONS
from tests.delivery.deliveries import NOW, critical, out
from tests.delivery.deliveries import opened as with_destination
from tests.examples import TIMES
from tests.store.filled import all_garbage, aside, change, filled, opened

# --- a damaged file ---------------------------------------------------------------------------------------------------


def garbage_header(file: Path) -> None:
    file.write_bytes(b"this is not a database, " + file.read_bytes()[24:])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def cut_in_the_middle(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def one_page_zeroed(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 4096 // 2 * 4096)
        opened.write(bytes(4096))


def directory_in_its_place(file: Path) -> None:
    file.unlink()
    (file / "sub").mkdir(parents=True)


def without_tables(file: Path) -> None:
    file.unlink()
    with sqlite3.connect(file) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    db.close()


DAMAGES = [
    garbage_header,
    all_garbage,
    emptied,
    cut_in_the_middle,
    one_page_zeroed,
    directory_in_its_place,
    without_tables,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_database_is_set_aside_with_its_date_and_the_agent_begins_anew(
    tmp_path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    filled(tmp_path)
    damage(tmp_path / FILE)
    with opened(tmp_path) as store:
        (kept,) = aside(tmp_path)
        assert re.fullmatch(rf"{FILE}\.corrupt-20\d{{6}}T\d{{6}}", kept.name)
        (notice,) = out(store).notices()
        assert "the state database was damaged" in notice.text
        assert kept.name in notice.text
        store.record([change(1, "new")])
        assert "new-1" in {stored.id for stored in store.history.pending()}
    assert "the state database was damaged" in caplog.text
    with opened(tmp_path) as store:
        assert len(aside(tmp_path)) == 1, "the new one is sound"


def test_what_can_still_be_read_is_carried_over(tmp_path: Path) -> None:
    filled(tmp_path)
    one_page_zeroed(tmp_path / FILE)
    with opened(tmp_path) as store:
        events = {stored.id for stored in store.history.pending()}
        assert len(events) > 100, "only what lay on the page is lost"
        assert len(store.states()) > 100
        assert f"carried over: {len(events)} events to be told" in out(store).notices()[0].text


DESCRIPTIONS = [
    (b"removed_at INTEGER", b"remoZed_at INTEGER"),
    (b"id TEXT NOT NULL UNIQUE", b"iZ TEXT NOT NULL UNIQUE"),
    (b"check_name TEXT NOT NULL", b"check_name TEXT NOT NUZL"),
    (b"subject TEXT,", b"subject TEXT;"),
    (b"'refused', 'dropped'", b"'reZused', 'dropped'"),
    (b"CREATE INDEX taken", b"CREATE INDEX taZen"),
    (b"CREATE TABLE facts", b"CREATE TABZE facts"),
    (b"WITHOUT ROWID", b"WITHZUT ROWID"),
]
"""A byte of what makes a table: SQLite reads another column, another rule, or nothing."""


@pytest.mark.parametrize(("right", "wrong"), DESCRIPTIONS)
def test_a_damaged_description_costs_its_own_table_at_most(tmp_path: Path, right: bytes, wrong: bytes) -> None:
    filled(tmp_path)
    whole = (tmp_path / FILE).read_bytes()
    places = [found.start() for found in re.finditer(re.escape(right), whole)]
    assert places
    for number, place in enumerate(places):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / FILE).write_bytes(whole[:place] + wrong[: len(right)] + whole[place + len(right) :])
        with opened(folder) as store:
            assert len(aside(folder)) == 1
            store.record([change(1, "new")], {"disk": {"seen": 8}})
            kept = len(store.history.pending()), len(store.states())
            assert max(kept) == 201 and min(kept) in (1, 201)


def test_what_an_index_lacks_is_told_all_the_same(tmp_path: Path) -> None:
    filled(tmp_path)
    raw = bytearray((tmp_path / FILE).read_bytes())
    leaves_of_indexes = [
        at for at in range(0, len(raw), 4096) if raw[at] == 10 and raw.find(b"eventsdisk", at, at + 4096) > 0
    ]
    assert leaves_of_indexes
    for at in leaves_of_indexes:
        raw[raw.find(b"eventsdisk", at) + 7] = ord("u")
    (tmp_path / FILE).write_bytes(raw)
    with opened(tmp_path) as store:
        assert len(aside(tmp_path)) == 1
        assert {due.id for due in out(store).due()} == {f"disk-{number}" for number in range(200)}


def test_a_damaged_format_is_no_reason_not_to_begin(tmp_path: Path) -> None:
    filled(tmp_path)
    raw = bytearray((tmp_path / FILE).read_bytes())
    raw[47] = 144
    (tmp_path / FILE).write_bytes(raw)
    with opened(tmp_path) as store:
        assert "the state database was damaged (unsupported file format)" in out(store).notices()[0].text
        store.record([change(1, "new")])


def test_what_is_not_in_the_file_yet_is_read_from_its_log(tmp_path: Path) -> None:
    filled(tmp_path)
    store = with_destination(tmp_path)
    store.record([change(number, "late") for number in range(20)])
    torn = tmp_path / "torn"
    shutil.copytree(tmp_path, torn, ignore=shutil.ignore_patterns("torn", "*-shm"))
    store.close()
    one_page_zeroed(torn / FILE)
    with opened(torn) as store:
        assert {f"late-{number}" for number in range(20)} <= {stored.id for stored in store.history.pending()}


def test_a_log_of_garbage_costs_what_was_in_it_and_no_more(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / f"{FILE}-wal").write_bytes(random.Random(1).randbytes(50_000))
    with opened(tmp_path) as store:
        assert store.history.backlog()["events"].count == 200
        assert aside(tmp_path) == []


def test_a_log_whose_database_was_moved_away_is_not_played_into_the_new_one(tmp_path: Path) -> None:
    store = with_destination(tmp_path)
    store.record([change(1)])
    left = tmp_path / "left"
    shutil.copytree(tmp_path, left, ignore=shutil.ignore_patterns("left", FILE, "*-shm"))
    store.close()
    with opened(left) as store:
        assert store.history.pending() == []
        assert aside(left) == []


@pytest.mark.parametrize("seed", range(8 * TIMES))
def test_whatever_flips_in_the_file_the_agent_starts_and_can_write(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    filled(tmp_path, 60)
    raw = bytearray((tmp_path / FILE).read_bytes())
    # Not the version: a higher one is refused, as it must be.
    places = [*range(60), *range(64, len(raw))]
    for _ in range(rng.choice([1, 20, 400])):
        raw[rng.choice(places)] = rng.randrange(256)
    (tmp_path / FILE).write_bytes(raw)
    with opened(tmp_path) as store:
        for _ in range(2):
            # Damage that shows only now is mended now; the recorder tries again what failed.
            try:
                store.record([change(1, "new")], {"disk": {"seen": 8}})
            except StoreError:
                continue
            break
        store.states(), store.memories(), store.last_runs(), out(store).due(), store.history.backlog()["events"]
        assert out(store).delivery(next(due.seq for due in out(store).due() if due.check == "new")).id == "new-1"


def test_damage_that_shows_while_the_agent_runs_is_mended_at_once(tmp_path: Path) -> None:
    # More than the page cache holds.
    filled(tmp_path, 3000)
    store = with_destination(tmp_path)
    garbage_header(tmp_path / FILE)
    raw = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(raw[:100] + bytes(len(raw) - 100))
    with pytest.raises(StoreError):
        store.record([change(1, "new")])
    store.record([change(1, "new")])
    assert "new-1" in {stored.id for stored in store.history.pending()}
    assert len(aside(tmp_path)) == 1
    assert "damaged" in out(store).notices()[0].text
    store.close()


def test_only_the_last_three_damaged_databases_are_kept(tmp_path: Path) -> None:
    for _ in range(6):
        filled(tmp_path, 2)
        all_garbage(tmp_path / FILE)
    with opened(tmp_path):
        assert len(aside(tmp_path)) == 3


def one_text_broken(file: Path) -> None:
    with sqlite3.connect(file) as db:
        db.execute("UPDATE states SET state = '{\"check\": 1' WHERE subject = '1'")
    db.close()


def first_page_of(table: str, file: Path) -> None:
    """Destroy the page at which a table begins."""
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    with file.open("r+b") as opened:
        opened.seek((page - 1) * 4096)
        opened.write(b"\xff" * 4096)


@pytest.mark.parametrize("damage", [one_text_broken, partial(first_page_of, "states")])
def test_a_problem_whose_state_is_lost_is_as_it_was_told(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    filled(tmp_path, 3)
    damage(tmp_path / FILE)
    with opened(tmp_path) as store:
        states = {state.subject: state for state in store.states()}
        assert states.keys() == {"0", "1", "2"}, "else it would never end for who was told"
        one = states["1"]
        assert (one.decided, one.notified, one.incident) == ("critical", "critical", "incident of disk")
        assert (one.notified_at, one.incident_since, one.incident_host, one.type) == (NOW + 1, NOW, "web-1", "http")


def test_where_what_waits_is_lost_what_ended_and_what_stands_is_told_once_more(tmp_path: Path) -> None:
    known: list[object] = []
    with opened(tmp_path) as store:
        store.record([change(1, "disk"), change(1, "web")])
        end = critical("disk-2", "1", EventStatus.OK)
        old = msgspec.structs.replace(critical("mail-2", "1", EventStatus.OK), at=NOW - 8 * 86_400_000)
        store.record([change(1, "mail"), Change(State("disk", "1"), end), Change(State("mail", "1"), old)])
        for one in store.history.pending()[:1]:
            out(store).mark_delivered(one.seq, "", NOW)
    first_page_of("deliveries", tmp_path / FILE)
    with contextlib.closing(Store.open(tmp_path)) as store:
        assert store.history.pending() == []
        targets = [Destination(MAIN, MAIN)]
        store.adopt(targets, [], NOW + 60_000, lambda to, knows: known.append(knows) or [])
        assert [one.id for one in store.history.pending()] == ["disk-2"]
        assert known == [{}], "the problem of web is to be told"
        store.adopt(targets, [], NOW + 60_000, lambda to, knows: [])
        assert len(store.history.pending()) == 1, "once"


# --- versions ---------------------------------------------------------------------------------------------------------


def test_a_database_of_version_1_is_brought_up_to_date_with_all_that_is_in_it(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / FILE)
    db.executescript((Path(__file__).parents[1] / "databases" / "version_1.sql").read_text())
    db.close()
    with pytest.raises(StoreError, match=r"older hostvigil .*restart the agent"):
        Store.read(tmp_path)
    with opened(tmp_path) as store:
        assert [stored.id for stored in store.history.pending()] == ["old-2", "old-3"]
        assert [stored.id for stored in store.history.refusals()] == ["old-4"]
        assert [(state.check, state.decided) for state in store.states()] == [("root-disk", Status.CRITICAL)]
        assert store.memories() == {"log": {"offset": 4711}}
        assert [due.id for due in out(store).due()] == ["old-2"]
        store.record([change(1, "new")])
        assert store.history.backlog()["events"].count == 3
    Store.read(tmp_path).close()


def test_a_damaged_database_of_version_1_is_salvaged_too(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / FILE)
    db.executescript((Path(__file__).parents[1] / "databases" / "version_1.sql").read_text())
    db.execute("DROP TABLE last_runs")
    db.close()
    with opened(tmp_path) as store:
        assert [stored.id for stored in store.history.pending()] == ["old-2", "old-3"]
        assert len(aside(tmp_path)) == 1
