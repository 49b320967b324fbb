"""The tables, and how an older database becomes today's."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable

from agent.store.old_events import carry_over
from agent.store.rows import StoreError

# One entry a version, never edited after a release: `PRAGMA user_version` counts the entries applied.
MIGRATIONS: tuple[tuple[str | Callable[[sqlite3.Connection], None], ...], ...] = (
    (
        """CREATE TABLE states (
            check_name TEXT, subject TEXT, state TEXT NOT NULL,
            PRIMARY KEY (check_name, subject)) WITHOUT ROWID""",
        "CREATE TABLE memories (check_name TEXT PRIMARY KEY, memory TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE last_runs (
            check_name TEXT, subject TEXT, last_run TEXT NOT NULL,
            PRIMARY KEY (check_name, subject)) WITHOUT ROWID""",
        # AUTOINCREMENT: a number is never used twice, even after the newest rows were trimmed.
        """CREATE TABLE events (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            event_id TEXT NOT NULL UNIQUE,
            check_name TEXT NOT NULL,
            subject TEXT NOT NULL,
            status TEXT NOT NULL,
            created INTEGER NOT NULL,
            body BLOB NOT NULL,
            phase TEXT NOT NULL DEFAULT 'pending' CHECK (phase IN ('pending', 'delivered', 'refused')),
            attempts INTEGER NOT NULL DEFAULT 0,
            answer TEXT NOT NULL DEFAULT '',
            answered_at INTEGER NOT NULL DEFAULT 0)""",
        "CREATE INDEX outbox ON events (check_name, seq, created) WHERE phase = 'pending'",
        "CREATE INDEX set_aside ON events (seq) WHERE phase = 'refused'",
    ),
    (
        # A digest is an event that tells `members` others; each of those names it by its number.
        "ALTER TABLE events ADD COLUMN members INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE events ADD COLUMN digest INTEGER",
        "DROP INDEX outbox",
        "CREATE INDEX outbox ON events (check_name, subject, seq, created) WHERE phase = 'pending' AND members = 0",
        "CREATE INDEX digests ON events (seq) WHERE phase = 'pending' AND members > 0",
        "CREATE INDEX gathered ON events (digest) WHERE phase = 'pending' AND digest IS NOT NULL",
        """CREATE TABLE remarks (
            name TEXT PRIMARY KEY,
            count INTEGER NOT NULL,
            told INTEGER NOT NULL DEFAULT 0,
            text TEXT NOT NULL) WITHOUT ROWID""",
    ),
    (
        # What happened is stored once; what became of it is stored for each destination.
        """CREATE TABLE notifications (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            check_name TEXT NOT NULL,
            subject TEXT NOT NULL,
            status TEXT NOT NULL,
            created INTEGER NOT NULL,
            facts BLOB)""",
        """CREATE TABLE deliveries (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            destination TEXT NOT NULL,
            id TEXT NOT NULL,
            check_name TEXT NOT NULL,
            subject TEXT NOT NULL,
            status TEXT NOT NULL,
            created INTEGER NOT NULL,
            size INTEGER NOT NULL,
            title TEXT NOT NULL DEFAULT '',
            body BLOB,
            phase TEXT NOT NULL DEFAULT 'pending' CHECK (phase IN ('pending', 'delivered', 'refused', 'dropped')),
            attempts INTEGER NOT NULL DEFAULT 0,
            answer TEXT NOT NULL DEFAULT '',
            answered_at INTEGER NOT NULL DEFAULT 0,
            members INTEGER NOT NULL DEFAULT 0,
            digest INTEGER,
            UNIQUE (destination, id))""",
        "CREATE INDEX waiting ON deliveries (destination, check_name, subject, seq, created)"
        " WHERE phase = 'pending' AND members = 0",
        "CREATE INDEX waiting_digests ON deliveries (destination, seq) WHERE phase = 'pending' AND members > 0",
        "CREATE INDEX taken ON deliveries (digest) WHERE phase = 'pending' AND digest IS NOT NULL",
        "CREATE INDEX put_aside ON deliveries (seq) WHERE phase = 'refused'",
        """CREATE TABLE destinations (
            name TEXT PRIMARY KEY,
            identity TEXT NOT NULL,
            selector TEXT NOT NULL,
            removed_at INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID""",
        # The problems that a destination was told, and not told the end of.
        """CREATE TABLE known_problems (
            destination TEXT, check_name TEXT, subject TEXT, incident TEXT NOT NULL, status TEXT NOT NULL,
            PRIMARY KEY (destination, check_name, subject)) WITHOUT ROWID""",
        "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        "ALTER TABLE remarks RENAME TO notices",
        carry_over,
        "DROP TABLE events",
    ),
    (
        # When the broker of a fleet took it; until its relay's receipt it is pending, but is not to be sent.
        "ALTER TABLE deliveries ADD COLUMN handed_at INTEGER NOT NULL DEFAULT 0",
        "DROP INDEX waiting",
        "CREATE INDEX waiting ON deliveries (destination, check_name, subject, seq, created, handed_at)"
        " WHERE phase = 'pending' AND members = 0",
    ),
)


def migrate(db: sqlite3.Connection) -> None:
    """Bring the database to today's tables, one transaction a version; StoreError when it is newer than we are."""
    for version in range(read_version(db), len(MIGRATIONS)):
        # Nobody rolls back: whoever meets an error here closes the connection, and with it the version never began.
        db.execute("BEGIN IMMEDIATE")
        for step in MIGRATIONS[version]:
            if isinstance(step, str):
                db.execute(step)
            else:
                step(db)
        db.execute(f"PRAGMA user_version = {version + 1}")
        db.execute("COMMIT")


def require_today(db: sqlite3.Connection) -> None:
    """StoreError when the tables are not today's, for those who may not change them."""
    if (version := read_version(db)) < len(MIGRATIONS):
        raise StoreError(
            f"the database is of an older hostvigil (its version is {version}, this one knows {len(MIGRATIONS)}):"
            " restart the agent, which brings it up to date"
        )


def read_version(db: sqlite3.Connection) -> int:
    """Return the version of the tables; StoreError when a newer hostvigil wrote them."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise StoreError(
            f"the database was written by a newer hostvigil (its version is {version}, this one knows"
            f" {len(MIGRATIONS)}): install that one, or move hostvigil.db away to begin anew"
        )
    return version


def wrong_part(db: sqlite3.Connection) -> str:
    """Return the name of a table or an index of ours that is missing, or is another one; empty when all are right."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as right:
        migrate(right)
        there = _statements(db)
        return next((name for name, statement in _statements(right).items() if there.get(name) != statement), "")


def _statements(db: sqlite3.Connection) -> dict[str, str]:
    """Return what makes each table and index, without blanks and quotes: versions of SQLite may set them otherwise."""
    rows = db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {name: "".join(sql.replace('"', "").split()) for name, sql in rows}
