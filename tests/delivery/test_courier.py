"""One request a step: what is sent, what is written down of it, and in which order. Without a store or a network."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from agent.delivery.agent_news import AgentNews
from agent.delivery.answer import Answer, Verdict
from agent.delivery.bundling import Bundling
from agent.delivery.choosing import DIGEST_TRIES
from agent.delivery.courier import Courier
from agent.delivery.problems import DeliveryProblem, DeliveryProblems
from agent.delivery.throttle import Limiter, Throttle
from agent.model import Notification
from agent.store import Delivery, Due, Phase, StoreError
from tests.delivery.deliveries import critical, no_news
from tests.delivery.test_throttle import MOST, due

YES = Answer(Verdict.DELIVERED, "taken")
NO = Answer(Verdict.UNAVAILABLE, "HTTP 502")


class Outbox:
    """Deliveries by their seq, and a diary of what is written down."""

    destination = "ops"

    def __init__(self, *waiting: Due) -> None:
        self.rows = {one.seq: one for one in waiting}
        self.bodies: dict[int, bytes | None] = {}
        self.facts = {one.seq: msgspec.json.encode(critical(f"web-{one.seq}")) for one in waiting}
        self.diary: list[tuple[Any, ...]] = []
        self.full = False

    def due(self) -> list[Due]:
        return list(self.rows.values())

    def notices(self) -> list[Any]:
        return []

    def delivery(self, seq: int) -> Delivery:
        return Delivery(
            *(seq, "ops", f"id-{seq}", "web", "", "critical", 0, "", self.bodies.get(seq), Phase.PENDING, 0, "", 0, 0),
            facts=self.facts.get(seq),
        )

    def waiting(self, check: str, subject: str, most: int) -> list[Delivery]:
        return []

    def keep_bytes(self, seq: int, body: bytes) -> None:
        self._write("keep", seq, body)

    def mark_delivered(self, seq: int, answer: str, at: int) -> None:
        assert type(at) is int
        assert abs(at - time.time() * 1000) < 60_000
        self._write("delivered", seq, answer)
        del self.rows[seq]

    def count_try(self, seq: int, answer: str, at: int) -> None:
        self._write("tried", seq, answer)
        self.rows[seq] = msgspec.structs.replace(self.rows[seq], attempts=self.rows[seq].attempts + 1)

    def mark_refused(self, seq: int, answer: str, at: int) -> None:
        self._write("refused", seq, answer)
        del self.rows[seq]

    def unbundle(self, seq: int) -> None:
        self._write("unbundled", seq)
        del self.rows[seq]

    def _write(self, *what: Any) -> None:
        if self.full:
            raise StoreError("the disk is full")
        self.diary.append(what)


class Sink:
    """Gives the answers of a list, the last one for ever."""

    def __init__(self, answers: Sequence[Answer | Exception]) -> None:
        self.answers = list(answers)
        self.posts: list[bytes] = []

    def render(self, told: Notification) -> bytes:
        return f"{told.check} {told.summary}".encode()

    def post(self, body: bytes) -> Answer:
        self.posts.append(body)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class House:
    """A courier, its clock, and all that stands around it."""

    def __init__(
        self,
        *waiting: Due,
        answers: Sequence[Answer | Exception] = (YES,),
        rate: float = math.inf,
        heartbeat: float = 0,
    ) -> None:
        self.now = 1000.0
        self.outbox, self.sink = Outbox(*waiting), Sink(answers)
        self.problems = DeliveryProblems("ops", lambda: self.now)
        self.bundling = Bundling(self.outbox, self.sink, math.inf)  # type: ignore[arg-type]
        self.limiter = Limiter(rate)
        self.courier = Courier(
            self.outbox,  # type: ignore[arg-type]
            self.sink,  # type: ignore[arg-type]
            Throttle(self.limiter, self.problems, MOST),
            self.bundling,
            AgentNews(self.outbox, no_news, lambda *_: None, heartbeat),  # type: ignore[arg-type]
            self.problems,
            lambda: self.now,
        )

    def drain(self) -> float:
        return self.courier.drain()


def test_what_gets_through_is_written_down_with_its_bytes_before_it_is_sent() -> None:
    house = House(due(1), due(2), answers=[Answer(Verdict.DELIVERED, "taken", "TRACE-1"), YES])
    assert [house.drain(), house.drain(), house.drain()] == [0.0, 0.0, math.inf]
    assert house.outbox.diary == [
        ("keep", 1, b"web web-1"),
        ("delivered", 1, "TRACE-1"),
        ("keep", 2, b"web web-2"),
        ("delivered", 2, "taken"),
    ]
    assert house.sink.posts == [b"web web-1", b"web web-2"]


def test_what_was_sent_before_is_sent_in_the_same_bytes() -> None:
    house = House(due(1))
    house.outbox.bodies[1] = b"as it was"
    house.drain()
    assert house.sink.posts == [b"as it was"]
    assert house.outbox.diary == [("delivered", 1, "taken")]


def test_what_fails_is_tried_again_after_its_wait() -> None:
    house = House(due(1), answers=[NO, YES])
    assert [house.drain(), house.drain(), house.problems.now] == [0.0, 1.0, DeliveryProblem.ONE_CHECK]
    house.now += 1
    assert house.drain() == 0.0
    assert house.outbox.diary[1:] == [("tried", 1, "HTTP 502"), ("keep", 1, b"web web-1"), ("delivered", 1, "taken")]
    assert house.problems.now is DeliveryProblem.NONE


def test_what_is_refused_is_set_aside_and_said(caplog: pytest.LogCaptureFixture) -> None:
    house = House(due(1), answers=[Answer(Verdict.REFUSED, "bad parameter")])
    assert house.drain() == 0.0
    assert house.outbox.diary[-1] == ("refused", 1, "bad parameter")
    assert [record.getMessage() for record in caplog.records] == [
        "ops: event id-1 of web was refused and is set aside (see: hostvigil events --refused): bad parameter"
    ]


def test_a_digest_that_is_refused_is_taken_apart(caplog: pytest.LogCaptureFixture) -> None:
    house = House(due(1, members=8), answers=[Answer(Verdict.REFUSED, "bad parameter")])
    house.outbox.bodies[1] = b"many"
    assert house.drain() == 0.0
    assert house.outbox.diary == [("unbundled", 1)]
    assert house.bundling._most == 4
    assert caplog.records[0].getMessage().endswith(": bad parameter")


def test_in_trouble_a_digest_that_failed_often_is_taken_apart_and_in_none_it_is_sent() -> None:
    for problem, apart in (
        (DeliveryProblem.ONE_CHECK, True),
        (DeliveryProblem.OUTAGE, True),
        (DeliveryProblem.NONE, False),
        (DeliveryProblem.THROTTLED, False),
        (DeliveryProblem.BAD_KEY, False),
    ):
        house = House(due(1, DIGEST_TRIES, members=8))
        house.outbox.bodies[1] = b"many"
        house.problems.now = problem
        assert house.drain() == 0.0
        assert house.outbox.diary[0][0] == ("unbundled" if apart else "delivered"), problem


def test_what_came_of_the_last_request_is_written_down_before_anything_else(caplog: pytest.LogCaptureFixture) -> None:
    house = House(due(1), due(2))
    house.outbox.full = True
    for _ in range(3):
        with pytest.raises(StoreError):
            house.drain()
    assert house.sink.posts == [b"web web-1"], "though its bytes could not be kept"
    house.outbox.full = False
    assert house.drain() == 0.0
    assert house.outbox.diary == [("delivered", 1, "taken"), ("keep", 2, b"web web-2"), ("delivered", 2, "taken")]


def test_what_cannot_be_read_or_worded_is_set_aside_unsent(caplog: pytest.LogCaptureFixture) -> None:
    house = House(due(1), due(2))
    house.outbox.facts[1] = b"{"
    house.drain()
    house.sink.render = lambda told: 1 / 0  # type: ignore[assignment,method-assign,return-value]
    house.drain()
    assert house.sink.posts == []
    assert house.outbox.diary == [
        ("refused", 1, "its facts cannot be read"),
        ("refused", 2, "a bug of hostvigil, see its log: ZeroDivisionError"),
    ]
    bugs = [record for record in caplog.records if record.exc_info]
    assert [bug.getMessage() for bug in bugs] == ["a bug of ours: ops: event id-2 cannot be worded"]


def test_a_bug_in_a_sink_is_an_outage_of_it(caplog: pytest.LogCaptureFixture) -> None:
    house = House(due(1), answers=[KeyError("x")])
    house.drain()
    assert house.outbox.diary[-1] == ("tried", 1, "a bug of hostvigil, see its log: KeyError")
    assert caplog.records[0].getMessage() == "a bug of ours: ops: an event could not be sent"
    assert caplog.records[0].exc_info


def test_a_bug_in_putting_together_has_them_go_singly_and_an_error_of_the_store_does_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    house = House(due(1))
    house.bundling.wait = lambda *_: 1 / 0  # type: ignore[method-assign]
    assert house.drain() == 0.0
    assert house.outbox.rows == {}
    assert caplog.records[0].getMessage() == "a bug of ours: ops: changes cannot be put together, they go singly"

    def full(ready: Sequence[Due], scarce: bool, now: float) -> float:
        raise StoreError("full")

    house.bundling.wait = full  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        house.drain()


@pytest.mark.parametrize(
    ("problem", "asked_with"),
    [(DeliveryProblem.NONE, [False]), (DeliveryProblem.THROTTLED, [True]), (DeliveryProblem.OUTAGE, [])],
)
def test_requests_are_scarce_while_the_api_takes_no_more_and_in_an_outage_nothing_is_bundled(
    problem: DeliveryProblem, asked_with: list[bool]
) -> None:
    house = House(due(1))
    asked: list[tuple[Sequence[Due], bool, float]] = []

    def wait(ready: Sequence[Due], scarce: bool, now: float) -> float:
        asked.append((ready, scarce, now))
        return 3.0

    house.bundling.wait = wait  # type: ignore[method-assign]
    house.problems.now = problem
    assert house.drain() == (3.0 if asked_with else 0.0)
    assert asked == [([due(1)], scarce, 1000.0) for scarce in asked_with]
