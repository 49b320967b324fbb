"""Hosts that give signs of life: who is missing is told once, who is back as well, and nobody else."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.delivery.handover.message import Beat, encode_beat
from agent.fleet.ledger import HostLife, NotesUpdate
from agent.fleet.record import Record
from agent.fleet.watching import LONGEST, SHORTEST, Sign, Watch, describe_turn, estimate_arrival, farewell, parse_sign
from agent.model import EventStatus
from tests.fleet.letters import NOW, letter

TTL = 60.0


def signs(host: str, at: float, ttl: float = TTL) -> Sign:
    found = parse_sign(host, at, msgspec.json.encode(Beat(ttl, {"host": host, "os": "linux"}, {"site": "berlin"})))
    assert found
    return found


class Bench:
    """What relays know, and the watch of the one at work."""

    def __init__(self) -> None:
        self.known: dict[str, HostLife] = {}
        self.told: list[tuple[str, EventStatus, str, str]] = []
        self.watch = Watch(self.known, 0.0)

    def take_over(self, now: float) -> None:
        self.watch = Watch(self.known, now)

    def look(self, now: float, *found: Sign) -> None:
        for life in self.watch.look(found, now, NOW + int(1000 * now)):
            if told := describe_turn(life, self.known.get(life.host)):
                self.told.append((life.host, told[0].status, told[0].id, told[1]))
            self.known[life.host] = life

    def statuses(self) -> list[tuple[str, EventStatus]]:
        return [(host, status) for host, status, _, _ in self.told]


def test_who_is_not_heard_of_for_its_time_is_told_once_and_again_when_it_is_back() -> None:
    bench = Bench()
    for now in range(0, 100, 5):
        bench.look(now, signs("a", now), *([signs("b", now)] if now < 20 else []))
    assert bench.statuses() == [("b", EventStatus.NODATA)]
    bench.look(100, signs("b", 100))
    bench.look(105)
    assert bench.statuses() == [("b", EventStatus.NODATA), ("b", EventStatus.OK)]
    assert bench.told[1][3] == bench.told[0][2], "the end names what it is the end of"


def test_a_relay_that_takes_over_gives_each_host_its_whole_time() -> None:
    bench = Bench()
    bench.look(0, signs("a", 0), signs("b", 0))
    bench.take_over(1000.0)
    bench.look(1000, signs("a", 990))
    bench.look(1059)
    assert bench.told == []
    bench.look(1060)
    assert bench.statuses() == [("a", EventStatus.NODATA), ("b", EventStatus.NODATA)]
    bench.take_over(2000.0)
    bench.look(2500, signs("a", 1000))
    assert len(bench.told) == 2, "an old sign is none, and missing is told once"


@given(st.lists(st.tuples(st.sampled_from(["look", "a", "b", "take over"]), st.floats(0, 50)), max_size=60))
def test_each_problem_has_one_end_and_an_id_of_its_own(steps: list[tuple[str, float]]) -> None:
    bench, now, last = Bench(), 0.0, {"a": -1e9, "b": -1e9}
    began = 0.0
    for what, later in steps:
        now += later
        if what == "take over":
            bench.take_over(now)
            began = now
        elif what == "look":
            bench.look(now)
        else:
            last[what] = now
            bench.look(now, signs(what, now))
        for host, life in bench.known.items():
            heard = max(last[host], began)
            assert life.missing or now < heard + TTL or what == "take over"
            assert not life.missing or now >= last[host] + TTL
    for host in last:
        own = [status for one, status, _, _ in bench.told if one == host]
        assert own == [EventStatus.NODATA, EventStatus.OK] * (len(own) // 2) + [EventStatus.NODATA] * (len(own) % 2)
    assert len({id_ for _, _, id_, _ in bench.told}) == len(bench.told)


def test_a_host_that_is_forgotten_while_it_is_missing_has_its_problem_closed() -> None:
    well = HostLife("a", NOW, TTL)
    missing = HostLife("a", NOW, TTL, turns=1, turned_at=NOW)
    assert farewell(well, NOW) is None
    problem, told = describe_turn(missing, well), farewell(missing, NOW + 1)
    assert problem and told and (told.status, told.incident) == (EventStatus.OK, problem[0].incident)


def test_a_sign_of_life_says_what_it_may_and_no_more() -> None:
    assert parse_sign("a", 0.0, b"{") is None and parse_sign("a", 0.0, b'{"ttl": "long"}') is None
    assert signs("a", 0.0, 0.0).ttl == SHORTEST and signs("a", 0.0, 1e300).ttl == LONGEST
    many = msgspec.structs.replace(letter("a", 1).change, tags={f"tag-{n}": "x" * 20 for n in range(100)})
    assert msgspec.json.decode(encode_beat(60, many), type=Beat) == Beat(60)
    long = msgspec.json.encode(Beat(60, {"host": "x" * 1900}))
    assert (found := parse_sign("a", 0.0, long)) and len(found.beat) < 100


@pytest.mark.parametrize("step", [-3600.0, 0.0, 3600.0])
def test_a_brokers_clock_that_is_set_makes_no_host_missing(step: float) -> None:
    bench, broker = Bench(), NOW / 1000
    for now in range(0, 300, 5):
        stored = broker + now + (step if now > 100 else 0.0)
        at = estimate_arrival(stored, broker + now, now, now - 5)
        bench.look(now, signs("a", at))
    assert bench.told == [] and estimate_arrival(broker, broker + 500, 1000, 0.0) == 500


def test_what_is_known_of_hosts_outlives_relay_and_broker(tmp_path: Path) -> None:
    lives = tuple(HostLife(f"host-{number}", NOW, TTL, '{"ttl":0.0}', number % 3) for number in range(1000))
    record = Record(tmp_path / "a")
    record.begin("one")
    record.take([(1, 1.0, NotesUpdate(hosts=lives)), (2, 2.0, NotesUpdate(forgotten=("host-7",)))])
    record.close()
    record, other = Record(tmp_path / "a"), Record(tmp_path / "b")
    assert len(record.notes.hosts) == 999 and record.notes.hosts["host-8"] == lives[8]
    newer = msgspec.structs.replace(lives[9], turns=9)
    other.take([(1, 3.0, NotesUpdate(hosts=(newer,)))])
    other.take([(2 + number, 3.0, entry) for number, entry in enumerate(record.export_entries())])
    assert other.notes.hosts == {**record.notes.hosts, "host-9": newer}
    assert (record.notes_saved_at, other.notes_saved_at) == (0.0, 3.0)
    record.close()
    other.close()
