"""Databases as earlier versions wrote them: taken over with nothing lost, doubled or renamed."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from agent.config.sections.destination import MAIN, TERMINAL
from agent.delivery.answer import Answer, Verdict
from agent.delivery.digest import Digest
from agent.delivery.sinks.truewatch.event import digest_event, event
from agent.engine.destinations import Targets, plan, selects, unknown_problems
from agent.model import Destination, EventStatus, Notification
from agent.store import Change, Store, notification
from agent.store.connection import FILE
from tests.delivery.deliveries import NOW, courier

FOLDER = Path(__file__).parents[1] / "databases"
API = Destination(MAIN, "the API")


class Far:
    """Takes everything, and keeps the bytes."""

    def __init__(self) -> None:
        self.posts: list[bytes] = []

    def render(self, told: Notification) -> bytes:
        return msgspec.json.encode(event(told))

    def bundle(self, many: Digest) -> bytes:
        return msgspec.json.encode(digest_event(many))

    def post(self, body: bytes) -> Answer:
        self.posts.append(body)
        return Answer(Verdict.DELIVERED, "", "TRACE-2")


def old(name: str, folder: Path) -> list[tuple[str, str, bytes, int]]:
    """Put an old database in place; return id, phase, body and members of its events, in their order."""
    db = sqlite3.connect(folder / FILE)
    db.executescript((FOLDER / f"{name}.sql").read_text())
    rows = db.execute("SELECT event_id, phase, CAST(body AS BLOB), members FROM events ORDER BY seq").fetchall()
    db.close()
    return rows


def adopted(store: Store, *wanted: Destination) -> list[str]:
    """Take over the destinations as the recorder does; return the checks that were restated."""
    restated: list[str] = []
    believed = store.states()

    def standing(to: Destination, known: Mapping[tuple[str, str], tuple[str, str]]) -> list[Notification]:
        states = unknown_problems(believed, known, to.only, {})
        restated.extend(state.check for state in states)
        return [
            Notification(f"restated {state.check}", state.check, state.subject, EventStatus.CRITICAL, NOW, incident="i")
            for state in states
        ]

    decided = plan(store.history.destinations(), Targets(wanted), store.ever_configured(but=TERMINAL))
    store.adopt(decided.destinations, decided.removed, NOW, standing)
    return restated


def told_all(store: Store) -> list[bytes]:
    far = Far()
    working = courier(store, far, lambda: 1000.0)
    while working.drain() == 0:
        pass
    return far.posts


def test_what_waited_is_told_in_the_bytes_that_were_tried_and_nothing_else_is(tmp_path: Path) -> None:
    before = old("version_2", tmp_path)
    waiting = {id_: body for id_, phase, body, _ in before if phase == "pending"}
    digests = [body for _, phase, body, members in before if phase == "pending" and members]
    store = Store.open(tmp_path, selects=selects)
    assert adopted(store, API) == [], "what stands was told, or waits"
    posts = told_all(store)
    members = {id_ for id_ in waiting if any(id_.encode() in body for body in digests)} - {
        msgspec.json.decode(body)["customTags"]["event_id"] for body in digests
    }
    singles = [body for id_, body in waiting.items() if id_ not in members]
    assert sorted(posts) == sorted(singles)
    assert store.history.pending() == []
    assert [one.id for one in store.history.refusals()] == [id_ for id_, phase, _, _ in before if phase == "refused"]
    store.close()


def test_each_event_keeps_its_name_and_its_facts(tmp_path: Path) -> None:
    before = old("version_2", tmp_path)
    store = Store.open(tmp_path)
    now = {one.id: one for one in store.history.latest(1000)}
    assert now.keys() == {id_ for id_, *_ in before}
    for id_, phase, body, members in before:
        tags = msgspec.json.decode(body)["customTags"]
        facts = notification(now[id_])
        assert (now[id_].phase, bool(facts)) == (phase, not members)
        if facts:
            assert event(facts)["customTags"].items() >= tags.items()
            assert (facts.check, facts.subject) == (tags["check_name"], tags.get("subject", ""))
    store.close()


def test_a_problem_that_was_told_is_closed_under_its_incident(tmp_path: Path) -> None:
    old("version_2", tmp_path)
    store = Store.open(tmp_path, selects=selects)
    adopted(store, API)
    told_all(store)
    (state,) = (state for state in store.states() if state.check == "told")
    over = Notification("over", "told", "", EventStatus.OK, NOW, incident=state.incident)
    store.record([Change(state, over)])
    assert [one.id for one in store.history.pending()] == ["over"]
    store.close()


@pytest.mark.parametrize(("wanted", "restated"), [((), []), ((API,), ["told"])])
def test_what_was_printed_is_known_to_the_terminal_and_to_nobody_else(
    tmp_path: Path, wanted: tuple[Destination, ...], restated: list[str]
) -> None:
    old("version_2_printed", tmp_path)
    store = Store.open(tmp_path, selects=selects)
    assert [one.name for one in store.history.destinations()] == [TERMINAL]
    assert adopted(store, *wanted) == restated
    assert [one.name for one in store.history.destinations()] == [wanted[0].name if wanted else TERMINAL]
    store.close()


def test_a_first_start_after_the_upgrade_can_be_killed_at_any_point(tmp_path: Path) -> None:
    old("version_2", tmp_path)
    Store.open(tmp_path).close()
    store = Store.open(tmp_path, selects=selects)
    assert adopted(store, API) == adopted(store, API) == []
    store.close()
