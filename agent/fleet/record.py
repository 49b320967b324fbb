"""A relay's own copy of the ledger, in its state directory: it outlives the broker's memory."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from agent.fleet import notes
from agent.fleet.ledger import CarryOver, Effect, Entry, Intent, Name, NotesUpdate, effect
from agent.plugin.ownership import open_to_others

log = logging.getLogger("hostvigil.relay")

FILE = "relay.db"
LOCK = "relay.lock"
TOLD_SECONDS = 7 * 86400.0
MOST_TOLD = 1_000_000
REQUEST_SECONDS = 120.0
NAMES_IN_ONE = 5_000
"""Names in one entry of the ledger: a message has an end."""

_TABLES = """
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS intents (id TEXT PRIMARY KEY, intent BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS told (host TEXT, id TEXT, at REAL NOT NULL, PRIMARY KEY (host, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (at REAL NOT NULL, key TEXT NOT NULL);
"""


class Record:
    """Everything that relays wrote into the ledger, as far as this one has read it. The relay's loop owns it.

    Times are Unix seconds of the broker's clock.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0 and (weak := open_to_others(str(directory))):
            raise OSError(f"the state directory of a relay of root: {weak}")
        self._lock = _lock(directory)
        self._db = _open(directory)
        self.intents: dict[str, Intent] = {}
        """Those that are not done."""
        self.members: set[Name] = set()
        """The changes that they tell."""
        self.notes = notes.Notes(self._db)
        self._load()
        self.read_until = 0.0
        """The broker's clock when the last entry was written."""
        self._read_at = 0.0

    def close(self) -> None:
        self._db.close()
        os.close(self._lock)

    def _load(self) -> None:
        rows = self._db.execute("SELECT intent FROM intents ORDER BY id")
        self.intents = {one.id: one for one in (msgspec.json.decode(row[0], type=Intent) for row in rows)}
        self.members = {name for intent in self.intents.values() for name in intent.members}

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Write all of it or nothing; sqlite3.Error where the disk does not take it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._load()
            self.notes.load()
            raise

    @property
    def ledger(self) -> str:
        """Return what names the ledger that was read; empty where none was."""
        return self._mark("ledger")

    @property
    def position(self) -> int:
        """Return the number of the last entry that was read of it."""
        return int(self._mark("position") or 0)

    @property
    def owes(self) -> bool:
        """Tell whether the ledger was not given yet what is known of the one before."""
        return self._mark("owes") == "yes"

    @property
    def notes_saved_at(self) -> float:
        """Return when the notes were last written as a whole; 0: never."""
        return float(self._mark("kept") or 0.0)

    def begin(self, ledger: str) -> None:
        """Another ledger is read from now on, from its beginning; it is owed what is known of the one before."""
        with self._transaction():
            self._set("owes", "yes" if self.ledger else "")
            self._set("ledger", ledger)
            self._set("position", "0")

    def clear_debt(self) -> None:
        self._set("owes", "")

    def take(self, entries: Sequence[tuple[int, float, Entry]]) -> None:
        """Take over entries: number, moment and content; on the disk when this returns."""
        if not entries:
            return
        with self._transaction():
            for _, at, entry in entries:
                self._apply(effect(entry, list(self.intents.values())), at)
            self._set("position", str(entries[-1][0]))
            self._trim(entries[-1][1])
        self.read_until, self._read_at = entries[-1][1], time.monotonic()

    def _apply(self, update: Effect, at: float) -> None:
        for intent in update.new_intents:
            if all(map(self.is_told, intent.members)):
                continue
            self.intents.setdefault(intent.id, intent)
            self._db.execute("INSERT OR IGNORE INTO intents VALUES (?, ?)", (intent.id, msgspec.json.encode(intent)))
        for id_ in update.finished_ids:
            self.intents.pop(id_, None)
            self._db.execute("DELETE FROM intents WHERE id = ?", (id_,))
        self._db.executemany("INSERT OR REPLACE INTO told VALUES (?, ?, ?)", [(*name, at) for name in update.names])
        if update.names:
            self._drop_told_intents()
        self.members = {name for intent in self.intents.values() for name in intent.members}
        if update.notes:
            self.notes.apply(update.notes)
        if update.notes and update.notes.whole:
            self._set("kept", str(at))
        if update.key:
            self._db.execute("INSERT INTO requests VALUES (?, ?)", (at, update.key))

    def _drop_told_intents(self) -> None:
        """Of another ledger it may be known that an intent is told, without its end."""
        for intent in list(self.intents.values()):
            if all(map(self.is_told, intent.members)):
                del self.intents[intent.id]
                self._db.execute("DELETE FROM intents WHERE id = ?", (intent.id,))

    def _trim(self, now: float) -> None:
        self._db.execute("DELETE FROM requests WHERE at < ?", (now - REQUEST_SECONDS,))
        self._db.execute("DELETE FROM told WHERE at < ?", (now - TOLD_SECONDS,))

    def is_told(self, name: Name) -> bool:
        return self._db.execute("SELECT 1 FROM told WHERE host = ? AND id = ?", name).fetchone() is not None

    def requests(self) -> list[tuple[str, float]]:
        """Return the requests of the last minutes: the key and the moment."""
        return [(key, at) for at, key in self._db.execute("SELECT at, key FROM requests ORDER BY at")]

    def export_entries(self) -> list[CarryOver | NotesUpdate]:
        """Return all that is known, for a ledger that knows nothing of it."""
        query = "SELECT host, id FROM told ORDER BY at DESC LIMIT ?"
        names = [(host, id_) for host, id_ in self._db.execute(query, (MOST_TOLD,))]
        parts = [tuple(names[at : at + NAMES_IN_ONE]) for at in range(0, len(names), NAMES_IN_ONE)]
        return [
            *(CarryOver((intent,)) for intent in self.intents.values()),
            *(CarryOver(told=part) for part in parts),
            *self.notes.all(),
        ]

    def broker_clock(self) -> float:
        """Return what the broker's clock says now, by what it said last."""
        return self.read_until + time.monotonic() - self._read_at

    def _mark(self, name: str) -> str:
        row = self._db.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def _set(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, value))


def _lock(directory: Path) -> int:
    """Take the directory for this process; OSError where another relay has it."""
    file = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise OSError(f"{directory} is in use by another relay: each has a `state` of its own") from None
    return file


def _open(directory: Path) -> sqlite3.Connection:
    """Open the database; a damaged one is set aside, for the broker's ledger holds the same."""
    path = directory / FILE
    try:
        return _connect(path)
    except sqlite3.DatabaseError as error:
        log.error("%s is damaged (%s): it is set aside, and read anew from the broker", path, error)
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(FILE + end).replace(path.with_name(f"{FILE}{end}.damaged"))
        return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600))
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.executescript(_TABLES + notes.TABLES)
        if db.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("some of it cannot be read")
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db
