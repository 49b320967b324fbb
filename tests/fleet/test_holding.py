"""Silences, maintenance and parents over hosts: what is not told now, and what is told when that ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.settings import DependsOn, Maintenance
from agent.engine.state.transition import apply_result
from agent.engine.suppression.windows import Windows
from agent.fleet.holding import Holding, Rule, level
from agent.fleet.ledger import HostLife, NotesUpdate
from agent.fleet.mailbox import Letter, Mailbox
from agent.fleet.record import Record
from agent.fleet.sieve import Sieve
from agent.model import EventStatus, Notification, Policy, Reason, Result, Silence, State, Status
from tests.fleet.letters import NOW, none_told

CRITICAL, WARNING, OK = EventStatus.CRITICAL, EventStatus.WARNING, EventStatus.OK


def change(
    number: int,
    status: EventStatus,
    previous: EventStatus | None,
    incident: str = "a",
    host: str = "web-1",
    check: str = "shop",
) -> Letter:
    id_, tags = f"{host}-{check}-{number}", {"site": "berlin"}
    told = Notification(id_, check, "", status, NOW + number, "http", previous, 0, incident, tags=tags)
    return Letter(host, number, told, stored_at=NOW + number)


class Bench:
    """One relay's mailbox and sieve, whose clock the test moves; `number` of a letter is its moment."""

    def __init__(self, folder: Path, rules: Sequence[Rule] = (), windows: Sequence[Maintenance] = ()) -> None:
        self.record = Record(folder)
        self.now = 0
        self.holding = Holding(rules, windows, Windows().ends, self.record.notes)
        self.sieve = Sieve(self.holding, lambda: NOW + self.now)
        self.box = Mailbox()
        self.told: list[tuple[str, EventStatus, EventStatus | None]] = []
        self.done: list[str] = []

    def note(self, noted: NotesUpdate) -> None:
        self.record.take([(self.record.position + 1, 1.0, noted)])

    def silence(self, selector: str, since: int, until: int) -> None:
        self.note(NotesUpdate(silences=(Silence(selector, NOW + since, NOW + until),)))

    def put(self, *letters: Letter) -> None:
        for letter in letters:
            if parent := self.holding.parent(letter):
                self.note(NotesUpdate(parents=(parent,)))
            self.box.put(letter, none_told)

    def tell(self, now: int) -> None:
        """Tell all that may be told at a moment, as `Telling` does."""
        self.now = now
        for _ in range(3):
            free, ended = self.sieve.filter(self.box.ready(now / 1000), now / 1000)
            for held, left in ended:
                self.box.replace(held, left.remaining)
                self._finish(left.over)
            for queue in free:
                self.told += [(one.host, one.change.status, one.change.previous) for one in queue]
                self._finish(queue)

    def _finish(self, letters: Sequence[Letter]) -> None:
        names = [name for letter in letters for name in letter.names]
        self.done += [id_ for _, id_ in names]
        self.box.remove(self.box.letters(names))


def test_a_silence_over_hosts_holds_back_and_what_is_true_at_its_end_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.silence("site=berlin host=web-*", 0, 100_000)
    bench.put(change(1_000, CRITICAL, OK), change(1_000, CRITICAL, OK, host="db-1"))
    bench.tell(2_000)
    assert bench.told == [("db-1", CRITICAL, OK)]
    bench.put(change(50_000, WARNING, CRITICAL))
    bench.tell(99_000)
    assert len(bench.told) == 1 and sum(bench.sieve.count_by_reason().values()) == 2
    bench.tell(101_000)
    assert bench.told[1:] == [("web-1", WARNING, OK)]
    assert len(bench.done) == 3 and len(bench.box) == 0, "the host learns that both are settled"


def test_what_began_and_ended_in_a_silence_is_not_told_and_what_comes_after_it_is(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.silence("*", 0, 100_000)
    bench.put(change(1_000, CRITICAL, OK), change(50_000, OK, CRITICAL), change(150_000, CRITICAL, OK, "b"))
    bench.tell(160_000)
    assert bench.told == [("web-1", CRITICAL, OK)] and len(bench.done) == 3


def test_the_end_of_a_problem_that_was_told_before_is_told_after_the_silence(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.put(change(1, CRITICAL, OK))
    bench.tell(2)
    bench.silence("*", 10, 100_000)
    bench.put(change(20, OK, CRITICAL), change(30, CRITICAL, OK, "b"), change(40, OK, CRITICAL, "b"))
    bench.tell(50_000)
    bench.tell(100_001)
    assert bench.told == [("web-1", CRITICAL, OK), ("web-1", OK, CRITICAL)] and len(bench.done) == 4


def test_hosts_behind_a_router_that_is_down_are_silent_and_told_of_when_it_is_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [Rule("site=berlin", DependsOn(("mon-1/router",)), wait=60.0)])
    bench.put(change(1_000, CRITICAL, OK, host="web-1"), change(1_000, CRITICAL, OK, host="web-2"))
    bench.tell(30_000)
    assert bench.told == [], "the router may be heard of soon"
    bench.put(change(40_000, CRITICAL, OK, host="mon-1", check="router"))
    bench.tell(100_000)
    assert bench.told == [("mon-1", CRITICAL, OK)]
    bench.put(change(110_000, OK, CRITICAL, host="web-2"))
    bench.put(change(120_000, OK, CRITICAL, host="mon-1", check="router"))
    bench.tell(200_000)
    assert bench.told[1:] == [("web-1", CRITICAL, OK), ("mon-1", OK, CRITICAL)] or bench.told[1:] == [
        ("mon-1", OK, CRITICAL),
        ("web-1", CRITICAL, OK),
    ]
    assert len(bench.box) == 0, "web-2 was down only while the router was"


def test_a_parent_that_is_forgotten_holds_nothing_back_after_a_restart_either(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [Rule("site=berlin", DependsOn(("mon-1/router",)))])
    bench.put(change(1_000, CRITICAL, OK, host="mon-1", check="router"), change(2_000, CRITICAL, OK))
    bench.tell(3_000)
    assert [host for host, _, _ in bench.told] == ["mon-1"]
    bench.note(NotesUpdate(forgotten=("mon-1",)))
    bench.tell(5_000)
    assert [host for host, _, _ in bench.told] == ["mon-1", "web-1"]
    bench.record.close()
    again = Record(tmp_path)
    assert again.notes.parents == {}
    again.close()


def test_without_word_of_the_parent_a_problem_is_told_after_its_time_and_a_recovery_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [Rule("site=berlin", DependsOn(("mon-1/router",)), wait=60.0)])
    bench.put(change(1_000, CRITICAL, OK), change(1_000, OK, CRITICAL, host="web-2"))
    bench.tell(2_000)
    assert bench.told == [("web-2", OK, CRITICAL)]
    bench.tell(62_000)
    assert bench.told[1:] == [("web-1", CRITICAL, OK)]


@pytest.mark.parametrize(("every", "told"), [(False, 0), (True, 1)])
def test_several_parents_any_or_all(tmp_path: Path, every: bool, told: int) -> None:
    bench = Bench(tmp_path, [Rule("*", DependsOn(("gw-1", "mon-1/router"), all=every))])
    bench.note(NotesUpdate(hosts=(HostLife("gw-1", NOW, 60.0, turns=1, turned_at=NOW),)))
    bench.put(change(1_000, CRITICAL, OK))
    bench.tell(2_000)
    assert len(bench.told) == told
    bench.put(change(2_500, CRITICAL, OK, host="mon-1", check="router"))
    bench.put(change(3_000, CRITICAL, OK, host="web-2"))
    bench.tell(4_000)
    assert ("web-2", CRITICAL, OK) not in bench.told
    bench.note(NotesUpdate(hosts=(HostLife("gw-1", NOW, 60.0, turns=2, turned_at=NOW + 5_000),)))
    bench.tell(6_000)
    assert (("web-2", CRITICAL, OK) in bench.told) == every


def test_news_of_an_agent_and_a_maintenance_window(tmp_path: Path) -> None:
    window = Maintenance(cron="* * * * *", duration=60.0, select="site=berlin")
    bench = Bench(tmp_path, windows=[window])
    bench.put(change(1, CRITICAL, OK), change(2, EventStatus.INFO, None, host="web-2"))
    bench.tell(10)
    assert bench.told == [("web-2", EventStatus.INFO, None)]


@given(st.lists(st.sampled_from([Status.OK, Status.WARNING, Status.CRITICAL, Status.NODATA]), max_size=12), st.data())
def test_it_ends_as_on_one_host(statuses: list[Status], data: st.DataObject) -> None:
    """The engine with a silence, and the engine without one behind a relay with it: the same is true at the end."""
    begin = data.draw(st.integers(0, len(statuses)))
    alone, free = State("shop"), State("shop")
    before: list[EventStatus] = []
    held: list[Letter] = []
    for at, status in enumerate(statuses):
        reasons = (Reason("silenced"),) if at >= begin else ()
        alone = apply_result(alone, Result(status, ""), Policy(flapping=None), NOW + at, reasons).state
        step = apply_result(free, Result(status, ""), Policy(flapping=None), NOW + at)
        free = step.state
        if report := step.report:
            if at < begin:
                before.append(report.status)
            else:
                held.append(change(at, report.status, report.previous, report.incident))
    end = apply_result(alone, Result(statuses[-1], ""), Policy(flapping=None), NOW + 99).report if statuses else None
    left = level(tuple(held))
    known = before[-1] if before else OK
    final = left.remaining[-1].change.status if left.remaining else known
    assert final == (end.status if end else known)
    names = [name for letter in (*left.remaining, *left.over) for name in letter.names]
    assert sorted(names) == sorted(letter.name for letter in held), "each is told, covered or let go, once"
    assert len(left.remaining) <= 2, "the end of what was told before, and what is true now"
    if end is None and left.remaining:
        assert [one.change.status for one in left.remaining] == [OK, known], "another problem than the one told before"
