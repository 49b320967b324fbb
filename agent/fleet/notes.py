"""What relays note down beside what is told: hosts that live, parents of others, silences."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

import msgspec

from agent.fleet.ledger import HostLife, NotesUpdate, ParentStatus
from agent.model import Silence

TABLES = """
CREATE TABLE IF NOT EXISTS notes (kind TEXT, name TEXT, value BLOB NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;
"""
IN_ONE = 300
"""Hosts in one entry of the ledger: a message has an end."""


class Notes:
    """A part of a relay's record: in memory, and on the disk by the record's transactions. The relay's loop owns it."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.hosts: dict[str, HostLife] = {}
        """By the host's word in subjects."""
        self.parents: dict[tuple[str, str, str], ParentStatus] = {}
        """By host, check and subject."""
        self.silences: tuple[Silence, ...] = ()
        self.load()

    def load(self) -> None:
        """Read what the disk has: at the start, and after a transaction that failed."""
        rows = self._db.execute("SELECT kind, value FROM notes").fetchall()
        lives = (msgspec.json.decode(value, type=HostLife) for kind, value in rows if kind == "host")
        self.hosts = {life.host: life for life in lives}
        parents = (msgspec.json.decode(value, type=ParentStatus) for kind, value in rows if kind == "parent")
        self.parents = {one.key: one for one in parents}
        silences = (value for kind, value in rows if kind == "silences")
        self.silences = msgspec.json.decode(next(silences, b"[]"), type=tuple[Silence, ...])

    def apply(self, update: NotesUpdate) -> None:
        """Take over what is new, within the caller's transaction."""
        for life in update.hosts:
            current = self.hosts.get(life.host)
            # What a relay carries over of an earlier ledger may be older than what is known.
            if current is None or (current.since, current.turns) <= (life.since, life.turns):
                self.hosts[life.host] = life
                self._keep("host", life.host, life)
        for host in update.forgotten:
            self._forget(host)
        for parent in update.parents:
            self.parents[parent.key] = parent
            self._keep("parent", _name(parent.key), parent)
        if update.silences is not None:
            self.silences = update.silences
            self._keep("silences", "", update.silences)

    def _forget(self, host: str) -> None:
        """A host that was taken out holds nothing back any more either."""
        self.hosts.pop(host, None)
        self._db.execute("DELETE FROM notes WHERE kind = 'host' AND name = ?", (host,))
        for key in [key for key in self.parents if key[0] == host]:
            del self.parents[key]
            self._db.execute("DELETE FROM notes WHERE kind = 'parent' AND name = ?", (_name(key),))

    def _keep(self, kind: str, name: str, value: object) -> None:
        row = (kind, name, msgspec.json.encode(value))
        self._db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", row)

    def all(self) -> Iterator[NotesUpdate]:
        """Yield everything, for a ledger that knows nothing of it."""
        yield from in_parts(self.hosts.values())
        yield NotesUpdate(parents=tuple(self.parents.values()), silences=self.silences, whole=True)


def _name(key: tuple[str, str, str]) -> str:
    return "\0".join(key).encode("utf-8", "replace").decode()


def in_parts(lives: Iterable[HostLife]) -> Iterator[NotesUpdate]:
    """Yield hosts in as many entries as they need."""
    hosts = tuple(lives)
    for at in range(0, len(hosts), IN_ONE):
        yield NotesUpdate(hosts=hosts[at : at + IN_ONE])
