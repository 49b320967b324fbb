"""The agent's side: what a broker loses and a relay forgets costs time, and no change."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config.sections.destination import MAIN
from agent.delivery.agent_news import AgentNews
from agent.delivery.handover.beats import Beats
from agent.delivery.handover.courier import HandoverCourier, Message, Unreachable
from agent.delivery.handover.message import Receipt, decode, encode, host_of, token
from agent.delivery.problems import DeliveryProblems
from agent.fleet.mailbox import Letter, Mailbox
from agent.fleet.watching import Sign, parse_sign
from agent.model import Notification
from agent.store import Phase
from tests.delivery.deliveries import NOW, no_news, opened, out, record
from tests.fleet.letters import letter

AFTER = 120.0
NEVER = 1e9
SAID = '{"host":{"host":"web-1","os":"linux"},"tags":{"env":"prod"},"ttl":0.0}'


class FakeBroker:
    """Keeps messages as a stream does, and drops the same id within a minute."""

    def __init__(self) -> None:
        self.connected = False
        self.number = 1
        self.relay_there = True
        self.down = False
        self.stream: list[tuple[str, bytes]] = []
        self.waiting: list[Receipt] = []
        self.connects = 0
        self.beats: list[bytes] = []

    def connect(self) -> None:
        if self.down:
            raise Unreachable("down")
        self.connected = True
        self.connects += 1

    def memory(self) -> str:
        return str(self.number) if self.relay_there else ""

    def publish(self, messages: Sequence[Message]) -> list[int]:
        if self.down:
            raise Unreachable("down")
        known = {id_ for id_, _ in self.stream}
        self.stream += [(one.id, one.body) for one in messages if one.id not in known]
        return [one.seq for one in messages]

    def beat(self, message: bytes) -> None:
        if self.down:
            raise Unreachable("down")
        self.beats.append(message)

    def receipts(self) -> list[Receipt]:
        found, self.waiting = (self.waiting if self.connected else []), []
        return found

    def close(self) -> None:
        self.connected = False

    def forget(self) -> None:
        self.number += 1
        self.stream.clear()
        self.connected = False


class Bench:
    """A store, a courier whose clocks the test moves, and the broker."""

    def __init__(self, folder: Path, every: float = NEVER) -> None:
        self.store = opened(folder)
        self.broker = FakeBroker()
        self.now = 0.0
        outbox = out(self.store)
        self.courier = HandoverCourier(
            outbox,
            self.broker,
            AgentNews(outbox, no_news, self.store.append),
            DeliveryProblems(MAIN, lambda: self.now),
            Beats(every, lambda: letter("web-1", 1).change, random.Random(1)),
            AFTER,
            lambda: self.now,
            lambda: NOW + int(self.now * 1000),
        )

    def drain(self) -> float:
        while (wait := self.courier.drain()) == 0:
            pass
        return wait

    def ids(self) -> list[str]:
        return [id_ for id_, _ in self.broker.stream]

    def phases(self) -> dict[str, Phase]:
        return {one.id: one.phase for one in self.store.history.latest()}


def test_a_change_is_handed_over_once_and_goes_only_at_its_receipt(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    record(bench.store, "disk-1", "load-1", "disk-2")
    bench.drain()
    assert sorted(bench.ids()) == ["disk-1", "disk-2", "load-1"]
    assert set(bench.phases().values()) == {Phase.PENDING}
    bench.broker.waiting = [Receipt("disk-1", "told"), Receipt("load-1", "refused", "HTTP 400"), Receipt("?", "told")]
    bench.drain()
    assert bench.phases() == {"disk-1": Phase.DELIVERED, "load-1": Phase.REFUSED, "disk-2": Phase.PENDING}
    bench.broker.waiting = [Receipt("disk-2", "told")]
    assert bench.drain() > NEVER / 2
    assert not bench.broker.connected, "it is connected only while something waits"
    assert bench.store.retry("load-1") == 1
    bench.drain()
    assert bench.store.history.backlog()[MAIN].count == 1


def test_why_nothing_can_be_handed_over_is_shown_and_costs_no_time_afterwards(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    record(bench.store, "disk-1")
    bench.broker.down = True
    for _ in range(3):
        bench.now += bench.drain()
    assert bench.store.history.progress()[MAIN].trouble == "down"
    bench.broker.down = False
    bench.drain()
    assert bench.ids() == ["disk-1"]
    assert bench.store.history.progress() == {}, "what the broker has is on its way"
    bench.broker.stream.clear()
    bench.now += AFTER
    bench.drain()
    assert bench.ids() == ["disk-1"], "it is handed over again after the usual time"
    assert bench.store.history.progress()[MAIN].trouble == "handed over, not told yet"


def test_each_message_names_the_change_before_it_of_its_subject(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    record(bench.store, "disk-1", "load-1", "disk-2")
    bench.drain()
    found = {id_: decode(body) for id_, body in bench.broker.stream}
    assert {id_: after for id_, (_, after) in found.items()} == {"disk-1": "", "load-1": "", "disk-2": "disk-1"}
    assert found["disk-1"][0].summary == "disk-1"


def test_without_a_receipt_it_is_handed_over_again_and_ever_more_seldom(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    record(bench.store, "disk-1")
    at: list[float] = []
    while bench.now < 3600:
        bench.broker.stream.clear()
        bench.drain()
        at += [bench.now] if bench.broker.stream else []
        bench.now += 10
    assert at[:4] == [0, 120, 360, 840] and len(at) == 5


def test_a_broker_with_a_new_memory_gets_all_again_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    record(bench.store, "disk-1", "disk-2", "disk-3")
    bench.drain()
    bench.broker.forget()
    bench.drain()
    assert bench.ids() == ["disk-1", "disk-2", "disk-3"]
    bench.broker.forget()
    bench.broker.relay_there = False
    bench.drain()
    assert bench.ids() == [], "nobody can say yet that it is a new one"
    bench.broker.relay_there = True
    bench.now += 5
    bench.drain()
    assert bench.ids() == ["disk-1", "disk-2", "disk-3"]


def test_a_host_says_that_it_lives_and_is_connected_for_that_only(tmp_path: Path) -> None:
    bench, waits = Bench(tmp_path, every=60), []
    while bench.now < 600:
        waits.append(bench.drain())
        assert not bench.broker.connected
        bench.now += waits[-1]
    assert 54 <= min(waits) <= max(waits) <= 60 and len(bench.broker.beats) == len(waits)
    assert parse_sign("web-1", 0.0, bench.broker.beats[0]) == Sign("web-1", 0.0, 180.0, SAID)


def test_hosts_that_began_together_do_not_connect_together(tmp_path: Path) -> None:
    hosts = [Beats(60, lambda: letter("web-1", 1).change, random.Random(seed)) for seed in range(200)]
    now = dict.fromkeys(hosts, 0.0)
    for host in hosts * 20:
        host.note_sent(now[host])
        now[host] += host.wait(now[host])
    assert max(now.values()) - min(now.values()) > 15


def test_a_broker_that_is_down_is_asked_ever_more_seldom_and_loses_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.broker.down = True
    record(bench.store, "disk-1")
    waits = []
    for _ in range(12):
        waits.append(bench.drain())
        bench.now += waits[-1]
    assert 0.5 <= waits[0] <= 1 and 150 <= waits[-1] <= 300
    bench.broker.down = False
    bench.drain()
    assert bench.ids() == ["disk-1"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(["change", "drain", "relay", "receipts lost", "new memory", "down", "up", "minutes"]),
        max_size=40,
    )
)
def test_whatever_fails_each_change_reaches_the_relay_in_its_order(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        box, told, count = Mailbox(), list[str](), 0

        def relay(lose: bool = False) -> None:
            for number, (_, body) in enumerate(bench.broker.stream):
                change, after = decode(body)
                if change.id not in told:
                    box.put(Letter("web-1", number, change, after), lambda name: name[1] in told)
            for queue in box.ready(0.0):
                told.extend(one.change.id for one in queue)
                box.remove(queue)
            if not lose:
                bench.broker.waiting = [Receipt(id_, "told") for id_, _ in bench.broker.stream if id_ in told]
                bench.broker.stream = [(id_, body) for id_, body in bench.broker.stream if id_ not in told]

        for step in steps:
            if step == "change":
                count += 1
                record(bench.store, f"disk-{count}")
            elif step == "drain":
                bench.drain()
            elif step.startswith("re"):
                relay(lose=step == "receipts lost")
            elif step == "new memory":
                bench.broker.forget()
            elif step == "minutes":
                bench.now += 600
            else:
                bench.broker.down = step == "down"
        bench.broker.down = False
        for _ in range(3 * count + 3):
            bench.now += 7200
            bench.drain()
            relay()
        assert told == [f"disk-{number}" for number in range(1, count + 1)]
        assert bench.drain() > NEVER / 2
        bench.store.close()


@given(st.text(min_size=1, max_size=60))
def test_a_hosts_word_in_subjects_is_one_plain_word_and_its_own(host: str) -> None:
    word = token(host)
    assert word.isascii() and not set(word) & set(". *>\t\r\n")
    if "=" not in host.strip("=") and host.isprintable() and not host.startswith("=") and not host.endswith("="):
        assert host_of(word) == host


def test_a_change_with_very_long_details_is_cut_and_not_refused() -> None:
    import msgspec

    told = Notification("1", "c", "", letter("a", 1).change.status, NOW, details="x" * 1_000_000)
    assert len(decode(encode(msgspec.json.encode(told)))[0].details) == 8000
