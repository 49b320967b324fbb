"""The SQLite file of the history: bulk data that must never delay, bloat or damage the store's.

A damaged file is set aside and begun anew. A power cut may lose the last minutes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from agent.store.connection import private
from agent.store.damage import is_damage
from agent.store.encode import as_text
from agent.view.history import notes
from agent.view.history.points import Block, Key
from agent.view.history.rows import HOUR, ChangeRow, Life, Passer

log = logging.getLogger("hostvigil.history")

FILE = "history.db"
ASIDE = "history.db.damaged"
VERSION = 1
STEPS = 200
"""How often at the most something is dropped at once for the bound."""
CHANGES_A_STEP = 2000

PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "cache_size = -256",  # KiB
    "journal_size_limit = 4194304",
)
TABLES = (
    # AUTOINCREMENT: the number of a metric that is gone is never another's.
    """CREATE TABLE series (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        check_name TEXT NOT NULL, subject TEXT NOT NULL, metric TEXT NOT NULL, unit TEXT NOT NULL,
        seen INTEGER NOT NULL,
        UNIQUE (check_name, subject, metric, unit))""",
    # The key is hour and series in one number (`key_of`): what is written together, and dropped together, stands
    # together; and SQLite fills the pages of a table that only grows at its end, which it does not with two columns.
    "CREATE TABLE fine (key INTEGER PRIMARY KEY, data BLOB NOT NULL)",
    """CREATE TABLE hourly (
        key INTEGER PRIMARY KEY, n INTEGER NOT NULL, low REAL NOT NULL, high REAL NOT NULL, mean REAL NOT NULL)""",
    """CREATE TABLE changes (
        seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, check_name TEXT NOT NULL, subject TEXT NOT NULL,
        result TEXT NOT NULL, decided TEXT NOT NULL, flapping INTEGER NOT NULL, notified TEXT NOT NULL,
        why TEXT NOT NULL, summary TEXT NOT NULL)""",
    "CREATE INDEX of_check ON changes (check_name, subject, at)",
    "CREATE TABLE lives (since INTEGER PRIMARY KEY, until INTEGER NOT NULL)",
    f"PRAGMA user_version = {VERSION}",
)


SERIES_BITS = 24
"""So many metrics may there ever have been: 16 million."""


def key_of(hour: int, series: int = 0) -> int:
    return (hour << SERIES_BITS) + series


class Keep(msgspec.Struct, frozen=True):
    """How much of the history is kept: hours of single minutes, hours of sums by the hour, bytes in all."""

    fine_hours: int
    hourly_hours: int
    most_bytes: int


def open_history(directory: Path) -> sqlite3.Connection:
    """Open the file for writing; make it where there is none, or a damaged one. OSError, sqlite3.Error: it fails."""
    try:
        return _open(directory)
    except (sqlite3.Error, UnicodeDecodeError, NotADirectoryError) as error:
        if not is_damage(error) and not isinstance(error, NotADirectoryError):
            raise
        set_aside(directory, str(error))
        return _open(directory)


def set_aside(directory: Path, why: str) -> None:
    """Move a damaged file away, in the place of the one before it."""
    with contextlib.suppress(FileNotFoundError, IsADirectoryError):
        (directory / ASIDE).unlink()
    (directory / FILE).rename(directory / ASIDE)
    for end in ("-wal", "-shm"):
        (directory / (FILE + end)).unlink(missing_ok=True)
    log.error("%s: the history was damaged (%s), is set aside as %s and begun anew", directory, why, ASIDE)


def _open(directory: Path) -> sqlite3.Connection:
    file = directory / FILE
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(file.lstat().st_mode):
            raise NotADirectoryError("it is no regular file")
    db = sqlite3.connect(private(file), timeout=5, isolation_level=None, check_same_thread=False)
    try:
        for pragma in PRAGMAS:
            db.execute(f"PRAGMA {pragma}")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            with transaction(db):
                for statement in TABLES:
                    db.execute(statement)
        elif version != VERSION:
            raise sqlite3.OperationalError(f"it is of version {version}, this hostvigil knows version {VERSION}")
        db.execute(notes.TABLE)
    except BaseException:
        db.close()
        raise
    return db


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Write all that is done inside, or nothing of it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def series_id(db: sqlite3.Connection, key: Key, hour: int) -> int:
    """Return the number of a metric; a new one gets one."""
    names = tuple(map(as_text, key))
    query = "SELECT id FROM series WHERE check_name = ? AND subject = ? AND metric = ? AND unit = ?"
    if existing := db.execute(query, names).fetchone():
        return int(existing[0])
    row = db.execute(
        "INSERT INTO series (check_name, subject, metric, unit, seen) VALUES (?, ?, ?, ?, ?)", (*names, hour)
    )
    return int(row.lastrowid or 0)


def read_blocks(db: sqlite3.Connection, keys: Sequence[int]) -> dict[int, Block]:
    """Return what is written of hours of metrics already."""
    places = ",".join("?" * len(keys))
    query = f"SELECT key, data, n, low, high, mean FROM fine JOIN hourly USING (key) WHERE key IN ({places})"  # noqa: S608 - same
    return {key: Block(key >> SERIES_BITS, *block) for key, *block in db.execute(query, keys)}


def write_blocks(db: sqlite3.Connection, blocks: Mapping[int, Block]) -> None:
    """Write hours of metrics, those that are there already anew."""
    db.executemany("INSERT OR REPLACE INTO fine VALUES (?, ?)", [(key, block.data) for key, block in blocks.items()])
    db.executemany(
        "INSERT OR REPLACE INTO hourly VALUES (?, ?, ?, ?, ?)",
        [(key, block.count, block.low, block.high, block.mean) for key, block in blocks.items()],
    )


def write_changes(db: sqlite3.Connection, changes: Sequence[ChangeRow]) -> None:
    """Add changes of state, within the caller's transaction."""
    db.executemany(
        "INSERT INTO changes (at, check_name, subject, result, decided, flapping, notified, why, summary)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            tuple(as_text(one) if isinstance(one, str) else one for one in msgspec.structs.astuple(row))
            for row in changes
        ],
    )


def forget(db: sqlite3.Connection, passers: Iterable[Passer], hour: int) -> None:
    """Take out what was written of subjects that only came and went: their begin, their end, and what they measured."""
    for passer in passers:
        names = (as_text(passer.check), as_text(passer.subject))
        own = "check_name = ? AND subject = ?"
        # More than its begin and its end: it was here before, and that is somebody's history.
        few = f"(SELECT count(*) FROM changes WHERE {own}) <= 2"  # noqa: S608 - our own words
        if not db.execute(f"DELETE FROM changes WHERE {own} AND {few}", names * 2).rowcount:  # noqa: S608 - same
            continue
        hours = range(passer.since // HOUR, hour + 1)
        for (series,) in db.execute(f"SELECT id FROM series WHERE {own}", names).fetchall():  # noqa: S608 - same
            keys = [(key_of(earlier_hour, series),) for earlier_hour in hours]
            db.executemany("DELETE FROM fine WHERE key = ?", keys)
            db.executemany("DELETE FROM hourly WHERE key = ?", keys)
            db.execute("DELETE FROM series WHERE id = ?", (series,))


def write_life(db: sqlite3.Connection, life: Life) -> None:
    db.execute("INSERT OR REPLACE INTO lives VALUES (?, ?)", (life.since, life.until))


def mark_seen(db: sqlite3.Connection, series: Iterable[int], hour: int) -> None:
    db.executemany("UPDATE series SET seen = ? WHERE id = ?", [(hour, one) for one in series])


def prune(db: sqlite3.Connection, keep: Keep, hour: int) -> None:
    """Drop what is too old; then, while the file is too large, the oldest of it."""
    oldest = hour - keep.hourly_hours
    db.execute("DELETE FROM fine WHERE key < ?", (key_of(hour - keep.fine_hours),))
    db.execute("DELETE FROM hourly WHERE key < ?", (key_of(oldest),))
    db.execute("DELETE FROM series WHERE seen < ?", (oldest,))
    db.execute("DELETE FROM changes WHERE seq IN (SELECT seq FROM changes WHERE at < ? LIMIT 10000)", (oldest * HOUR,))
    db.execute("DELETE FROM lives WHERE until < ?", (oldest * HOUR,))
    notes.prune(db, oldest * HOUR)
    for _ in range(STEPS):
        if bytes_in_use(db) <= keep.most_bytes or not _drop_oldest(db, hour):
            return


def bytes_in_use(db: sqlite3.Connection) -> int:
    """Return the bytes in use; what was dropped is used again and does not count."""
    pages, free, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _drop_oldest(db: sqlite3.Connection, hour: int) -> bool:
    """Drop a day of minutes, else a month of hours, else some changes; never the open hour."""
    for table, span in (("fine", 24), ("hourly", 720)):
        first = db.execute(f"SELECT min(key) FROM {table}").fetchone()[0]  # noqa: S608 - our own names
        if first is not None and first < key_of(hour):
            until = min((first >> SERIES_BITS) + span, hour)
            db.execute(f"DELETE FROM {table} WHERE key < ?", (key_of(until),))  # noqa: S608 - our own names
            return True
    query = "DELETE FROM changes WHERE seq IN (SELECT seq FROM changes ORDER BY seq LIMIT ?)"
    return db.execute(query, (CHANGES_A_STEP,)).rowcount > 0


def exists(directory: Path) -> bool:
    return os.path.lexists(directory / FILE)
