"""Versions 1 and 2 kept events, worded for the one API there was: what of them is carried over, and how."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from agent.model import EventStatus, Notification
from agent.store.encode import as_json, as_text

MAIN = "events"
TERMINAL = "terminal"

_OWN = ("check_name", "check_type", "subject", "previous_status", "incident_id", "event_id", "agent_version", "digest")
_HOST = ("host", "host_ip", "os", "os_version", "arch")


def carry_over(db: sqlite3.Connection) -> None:
    """Make notifications and deliveries of the events: what waits keeps the bytes that were tried already."""
    names = [row[1] for row in db.execute("PRAGMA table_info(events)")]
    destination = _destination(db)
    for row in db.execute("SELECT * FROM events ORDER BY seq").fetchall():
        insert(db, dict(zip(names, row, strict=True)), destination)
    if db.execute("SELECT count(*) FROM deliveries").fetchone()[0]:
        db.execute("INSERT INTO destinations (name, identity, selector) VALUES (?, '', '*')", (destination,))
    db.execute("UPDATE notices SET name = name || ':' || ? WHERE name IN ('superseded', 'lost')", (destination,))
    insert_known_problems(db, destination)


def _destination(db: sqlite3.Connection) -> str:
    """Return the destination of the old events. The terminal gave no trace id; an API had something to answer."""
    rows = db.execute("SELECT count(*) FILTER (WHERE phase = 'delivered' AND answer = ''), count(*) FROM events")
    printed_count, told_count = rows.fetchone()
    return TERMINAL if told_count and printed_count == told_count else MAIN


def insert_known_problems(db: sqlite3.Connection, destination: str) -> None:
    """Note each open problem as known to the one destination there was: it was told, or waits."""
    for check, subject, text in db.execute("SELECT check_name, subject, state FROM states").fetchall():
        state = _object(text)
        status = state.get("reported", "ok")
        if status != "ok":
            values = (destination, check, subject, str(state.get("incident", "")), str(status))
            db.execute("INSERT OR REPLACE INTO known_problems VALUES (?, ?, ?, ?, ?)", values)


def insert(db: sqlite3.Connection, row: Mapping[str, Any], destination: str) -> None:
    """Insert one event as notification and delivery, unless it is there already."""
    is_digest = bool(row.get("members"))
    raw = row["body"].encode() if isinstance(row["body"], str) else bytes(row["body"])
    body = _object(raw)
    about = (as_text(row["check_name"]), as_text(row["subject"]), row["status"], row["created"])
    facts = facts_of(row, body)
    if not is_digest:
        insert_facts(db, row, facts)
    values = {
        "seq": row["seq"],
        "destination": destination,
        "id": row["event_id"],
        **dict(zip(("check_name", "subject", "status", "created"), about, strict=True)),
        "size": len(as_json(facts)),
        "title": str(body.get("title", "")) if is_digest else "",
        "body": raw if row["phase"] != "delivered" and destination == MAIN else None,
        **{name: row[name] for name in ("phase", "attempts", "answer", "answered_at")},
        "members": row.get("members", 0),
        "digest": row.get("digest"),
    }
    marks = ", ".join("?" * len(values))
    query = f"INSERT OR IGNORE INTO deliveries ({', '.join(values)}) VALUES ({marks})"  # noqa: S608 - our own names
    db.execute(query, tuple(values.values()))


def insert_facts(db: sqlite3.Connection, row: Mapping[str, Any], facts: Notification) -> None:
    """Put in a notification with these facts, unless there is one of its id."""
    db.execute(
        "INSERT OR IGNORE INTO notifications (id, check_name, subject, status, created, facts)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            *(row["event_id"], as_text(row["check_name"]), as_text(row["subject"])),
            *(row["status"], row["created"], as_json(facts).encode()),
        ),
    )


def facts_of(row: Mapping[str, Any], body: Mapping[str, Any]) -> Notification:
    """Read back, from an event's words, what happened; where there are none, what the row says."""
    tags = {str(name): str(value) for name, value in _mapping(body.get("customTags")).items()}
    message = str(body.get("message", ""))
    fields = dict(_lines(message))
    return Notification(
        id=row["event_id"],
        check=row["check_name"],
        subject=row["subject"],
        status=_status(row["status"]) or EventStatus.NODATA,
        at=row["created"],
        type=tags.get("check_type", ""),
        previous=_status(tags.get("previous_status", "")),
        incident=tags.get("incident_id", ""),
        summary=fields.get("summary") or fields.get(row["subject"]) or str(body.get("title", "")),
        details=message,
        host={name: tags[name] for name in _HOST if name in tags},
        tags={name: value for name, value in tags.items() if name not in (*_HOST, *_OWN)},
        agent_version=tags.get("agent_version", ""),
    )


def _lines(message: str) -> Iterator[tuple[str, str]]:
    for line in message.split("\n"):
        name, colon, text = line.removeprefix("- ").partition(": ")
        if colon and line.startswith("- "):
            yield name, text


def _status(word: str) -> EventStatus | None:
    """Read a status by the API's word or by ours (`flapping` is the API's `error`)."""
    return next((one for one in EventStatus if word in (one.value, one.name.lower())), None)


def _object(text: str | bytes) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
