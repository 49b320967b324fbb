"""The history of one check, as it was written; another process may be writing meanwhile."""

from __future__ import annotations

import contextlib
import math
import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from agent.store import StoreError
from agent.view.history import notes
from agent.view.history.file import FILE, SERIES_BITS, key_of
from agent.view.history.points import SLOTS
from agent.view.history.rows import HOUR, MINUTE, ChangeRow, Life, NoteRow

MOST_CHANGES = 10_000


class MetricCourse(msgspec.Struct, frozen=True):
    """The course of one metric: by the minute as far as that is kept, before it one mean an hour."""

    subject: str
    name: str
    unit: str
    points: tuple[tuple[int, float], ...]
    """Unix milliseconds and value."""
    low: float
    high: float
    mean: float
    """Of all that was measured in these hours, also between the points."""


class Past(msgspec.Struct, frozen=True):
    """What was of one check from `since` to `until`."""

    check: str
    since: int
    until: int
    changes: tuple[ChangeRow, ...] = ()
    """In the order of happening; of each subject also the last one before `since`."""
    lives: tuple[Life, ...] = ()
    """When an agent was at work."""
    metrics: tuple[MetricCourse, ...] = ()
    notes: tuple[NoteRow, ...] = ()
    """What people did, whichever check it is about."""


def past(directory: Path, check: str, since: int, until: int) -> Past:
    """Read it, from `since` to `until` in Unix milliseconds; StoreError when there is none or it cannot be read."""
    if not (directory / FILE).exists():
        raise StoreError(f"{directory} holds no {FILE}: the agent has not written one yet, or agent.history is false")
    with _reading(directory) as db:
        return Past(
            check=check,
            since=since,
            until=until,
            changes=tuple(_changes(db, check, since, until)),
            lives=_lives(db, since),
            metrics=tuple(_metrics(db, check, since, until)),
            notes=notes.read(db, since, until),
        )


class Recent(msgspec.Struct, frozen=True):
    """What changed of all checks from some moment on."""

    changes: dict[tuple[str, str], list[ChangeRow]] = {}
    """By check and subject, in the order of happening; each begins with the last one before that moment."""
    lives: tuple[Life, ...] = ()


def recent(directory: Path, since: int) -> Recent:
    """Read the latest changes since then (Unix milliseconds), at most MOST_CHANGES; none where there is no file.

    StoreError as `past`.
    """
    if not (directory / FILE).exists():
        return Recent()
    with _reading(directory) as db:
        changes = {key: _with_before(db, key, rows) for key, rows in _latest(db, since).items()}
        return Recent(changes, _lives(db, since))


@contextlib.contextmanager
def _reading(directory: Path) -> Iterator[sqlite3.Connection]:
    """Open the file, to read all of one moment; StoreError where that cannot be done."""
    try:
        with contextlib.closing(sqlite3.connect(directory / FILE, timeout=5, isolation_level=None)) as db:
            db.execute("PRAGMA query_only = ON")
            db.execute("BEGIN")
            yield db
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise StoreError(f"the history {directory / FILE} cannot be read: {error}") from error


def _lives(db: sqlite3.Connection, since: int) -> tuple[Life, ...]:
    return tuple(Life(*row) for row in db.execute("SELECT since, until FROM lives WHERE until >= ?", (since,)))


def _latest(db: sqlite3.Connection, since: int) -> dict[tuple[str, str], list[ChangeRow]]:
    """Read backwards as far as needed: there is no index over time alone."""
    changes: dict[tuple[str, str], list[ChangeRow]] = {}
    for row in db.execute(f"SELECT {_COLUMNS} FROM changes ORDER BY seq DESC LIMIT ?", (MOST_CHANGES,)):  # noqa: S608
        if row[0] < since:
            break
        changes.setdefault((row[1], row[2]), []).append(_change(row))
    return changes


def _with_before(db: sqlite3.Connection, key: tuple[str, str], rows: list[ChangeRow]) -> list[ChangeRow]:
    before = db.execute(
        f"SELECT {_COLUMNS} FROM changes WHERE check_name = ? AND subject = ? AND at < ? ORDER BY at DESC LIMIT 1",  # noqa: S608
        (*key, rows[-1].at),
    ).fetchall()
    return [*map(_change, before), *reversed(rows)]


_COLUMNS = "at, check_name, subject, result, decided, flapping, notified, why, summary"


def _changes(db: sqlite3.Connection, check: str, since: int, until: int) -> Iterator[ChangeRow]:
    # Of the row with the greatest seq: SQLite takes the bare columns from there.
    before = db.execute(
        f"SELECT {_COLUMNS}, max(seq) FROM changes WHERE check_name = ? AND at < ? GROUP BY subject",  # noqa: S608
        (check, since),
    )
    yield from sorted((_change(row[:-1]) for row in before), key=lambda row: row.at)
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM changes WHERE check_name = ? AND at >= ? AND at <= ?"  # noqa: S608 - our own names
        " ORDER BY seq DESC LIMIT ?",
        (check, since, until, MOST_CHANGES),
    ).fetchall()
    yield from (_change(row) for row in reversed(rows))


def _change(row: Sequence[Any]) -> ChangeRow:
    at, check, subject, result, decided, flapping, *words = row
    return ChangeRow(at, check, subject, result, decided, bool(flapping), *words)


def _metrics(db: sqlite3.Connection, check: str, since: int, until: int) -> Iterator[MetricCourse]:
    (oldest,) = db.execute("SELECT min(key) FROM hourly").fetchone()
    first = max(since // HOUR, (oldest or 0) >> SERIES_BITS)  # each hour is looked up: a century has 876,000
    query = "SELECT id, subject, metric, unit FROM series WHERE check_name = ? ORDER BY subject, metric, unit"
    for series, subject, name, unit in db.execute(query, (check,)).fetchall():
        hours = _hours(db, series, first, until // HOUR)
        points = tuple(point for hour in hours for point in _points(hour) if since <= point[0] <= until)
        if points:
            count = sum(hour.count for hour in hours)
            yield MetricCourse(
                subject=subject,
                name=name,
                unit=unit,
                points=points,
                low=min(hour.low for hour in hours),
                high=max(hour.high for hour in hours),
                mean=sum(hour.mean * (hour.count / count) for hour in hours),
            )


class _Hour(msgspec.Struct, frozen=True):
    hour: int
    count: int
    low: float
    high: float
    mean: float
    data: bytes | None


def _hours(db: sqlite3.Connection, series: int, first: int, last: int) -> list[_Hour]:
    query = "SELECT n, low, high, mean, data FROM hourly LEFT JOIN fine USING (key) WHERE key = ?"
    rows = ((hour, db.execute(query, (key_of(hour, series),)).fetchone()) for hour in range(first, last + 1))
    return [_Hour(hour, *row) for hour, row in rows if row]


def _points(hour: _Hour) -> Iterator[tuple[int, float]]:
    if hour.data is None or len(hour.data) != SLOTS * 4:
        yield hour.hour * HOUR + HOUR // 2, hour.mean
        return
    for minute, value in enumerate(array("f", hour.data)):
        if not math.isnan(value):
            # What is too large for float32 is infinite there.
            finite = min(max(value, hour.low), hour.high) if math.isinf(value) else value
            yield hour.hour * HOUR + minute * MINUTE, finite
