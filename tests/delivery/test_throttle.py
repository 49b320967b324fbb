"""Who waits after which answer, and for how long; what is said of it, once. Exact rules, without chance."""

from __future__ import annotations

import logging
import math
import random
from typing import Any

import pytest

from agent.delivery.answer import TEXT_LIMIT, Answer, Verdict, hide_body, plain
from agent.delivery.problems import DeliveryProblem, DeliveryProblems
from agent.delivery.throttle import (
    BAD_KEY_WAIT,
    FRESH_WAIT,
    LONGEST_WAIT,
    THROTTLED_WAIT,
    Limiter,
    Throttle,
    backoff,
    wait_after,
)
from agent.store import Due

NO = Answer(Verdict.UNAVAILABLE, "HTTP 502")
YES = Answer(Verdict.DELIVERED, "ok")


class Chance(random.Random):
    """Chance that is none: always so far between the two ends."""

    def __init__(self, share: float) -> None:
        super().__init__(0)
        self.share = share

    def uniform(self, a: float, b: float) -> float:
        return a + self.share * (b - a)


LEAST, MOST = Chance(0.0), Chance(1.0)


def due(seq: int, attempts: int = 0, check: str = "web", members: int = 0) -> Due:
    return Due(seq, f"id-{seq}", check, "", attempts, members, 1)


# --- how long -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tries", "seconds"), [(1, 1.0), (2, 2.0), (3, 4.0), (9, 256.0), (10, LONGEST_WAIT), (5000, LONGEST_WAIT)]
)
def test_each_failure_doubles_the_wait_up_to_five_minutes_cut_by_up_to_half(tries: int, seconds: float) -> None:
    assert (backoff(tries, MOST), backoff(tries, LEAST)) == (seconds, seconds / 2)


@pytest.mark.parametrize(
    ("verdict", "retry_after", "least", "most"),
    [
        (Verdict.BAD_KEY, 0, 0.8 * BAD_KEY_WAIT, BAD_KEY_WAIT),
        (Verdict.BAD_KEY, 900, 0.8 * BAD_KEY_WAIT, BAD_KEY_WAIT),
        (Verdict.THROTTLED, 0, *THROTTLED_WAIT),
        (Verdict.THROTTLED, 100, 100, 120),
        (Verdict.UNAVAILABLE, 0, 2, 4),
        (Verdict.UNAVAILABLE, 3, 3, 4),
        (Verdict.UNAVAILABLE, 9, 9, 9),
        (Verdict.UNAVAILABLE, 3600, LONGEST_WAIT, LONGEST_WAIT),
        (Verdict.THROTTLED, 3600, 3600, 4320),
    ],
)
def test_the_wait_is_by_the_answer(verdict: Verdict, retry_after: float, least: float, most: float) -> None:
    answer = Answer(verdict, "", retry_after=retry_after)
    assert wait_after(answer, 3, LEAST) == pytest.approx(least)
    assert wait_after(answer, 3, MOST) == pytest.approx(most)


# --- how fast -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "at_once"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (8, 6), (10, 8), (100, 75)])
def test_so_many_requests_of_a_minute_go_at_once(rate: float, at_once: int) -> None:
    limiter = Limiter(rate)
    sent = 0
    while sent < 200 and not limiter.wait(0.0):
        limiter.count(0.0)
        sent += 1
    assert sent == at_once


def test_three_quarters_of_a_minute_s_requests_go_at_once_the_rest_is_spread() -> None:
    limiter = Limiter(4.9)
    waits = []
    for _ in range(6):
        waits.append(limiter.wait(0.0))
        limiter.count(0.0)
    assert waits == [0.0, 0.0, 0.0, 30.0, 60.0, 60.0]
    assert limiter.wait(59.0) == 1.0
    assert limiter.wait(60.0) == 0.0


def test_requests_under_way_count_as_if_they_ended_now() -> None:
    limiter = Limiter(4)
    assert [limiter.wait(10.0, running) for running in range(6)] == [0.0, 0.0, 0.0, 30.0, 60.0, 60.0]
    limiter.count(5.0)
    assert limiter.wait(10.0, 2) == pytest.approx(27.5)  # half of what is left of the window of the first


@pytest.mark.parametrize(("rate", "left"), [(3, [3, 2, 1, 0, 0]), (0.5, [1, 0, 0, 0, 0]), (math.inf, [1_000_000] * 5)])
def test_what_is_left_of_the_window_is_told(rate: float, left: list[int]) -> None:
    limiter, found = Limiter(rate), []
    for _ in range(5):
        found.append(limiter.remaining(10.0))
        limiter.count(10.0)
    assert found == left
    assert limiter.remaining(10.0 + 60 / min(1.0, rate)) == left[0]


def test_less_than_one_a_minute_is_one_in_longer_windows_and_without_a_limit_nobody_waits() -> None:
    slow, free = Limiter(0.25), Limiter(math.inf)
    for limiter in (slow, free):
        limiter.count(0.0)
    assert [slow.wait(now) for now in (0.0, 100.0, 239.0, 240.0)] == [240.0, 140.0, 1.0, 0.0]
    assert free.wait(0.0) == 0.0


# --- who waits ------------------------------------------------------------------------------------------------------


class Way:
    """A throttle, and what became of its waits."""

    def __init__(self, rate: float = math.inf, **more: Any) -> None:
        self.problems = DeliveryProblems("ops", lambda: 10.0)
        self.throttle = Throttle(Limiter(rate), self.problems, MOST, **more)

    def fails(self, seq: int, attempts: int = 0, answer: Answer = NO, now: float = 10.0) -> DeliveryProblem:
        self.throttle.learn(due(seq, attempts), answer, now)
        return self.problems.now

    def wait(self, *waiting: Due, now: float = 10.0) -> float:
        return self.throttle.wait(waiting, now)


def test_a_delivery_that_fails_waits_itself_longer_each_time_and_no_other() -> None:
    way = Way()
    for attempts, wait in ((0, 1.0), (1, 2.0), (4, 16.0)):
        assert way.fails(1, attempts) is DeliveryProblem.ONE_CHECK
        assert way.wait(due(1, 1), due(2)) <= 0
        assert way.throttle.choose([due(1, 1)], 10.0) == wait
        assert way.throttle.choose([due(1, 1), due(2)], 10.0) == due(2)
        assert way.throttle.ready([due(1, 1), due(2)], 10.0) == [due(2)]


def test_a_pause_that_the_server_asks_for_is_for_all() -> None:
    way = Way()
    assert way.fails(1, answer=Answer(Verdict.UNAVAILABLE, "", retry_after=90.0)) is DeliveryProblem.ONE_CHECK
    assert way.wait(due(2)) == way.wait(due(1, 1)) == 90.0
    way.fails(1, 1, answer=Answer(Verdict.UNAVAILABLE, "", retry_after=3600.0))
    assert way.wait(due(2)) == LONGEST_WAIT, "a page of maintenance says an hour, and is gone in a minute"
    way.fails(2, 1, answer=Answer(Verdict.UNAVAILABLE, "", retry_after=3600.0))
    assert way.wait(due(2)) == LONGEST_WAIT


def test_two_that_fail_are_an_outage_in_which_all_wait_and_what_is_new_less_long() -> None:
    way = Way()
    way.fails(1)
    assert way.fails(2) is DeliveryProblem.OUTAGE
    assert way.wait(due(1, 1), due(2, 1)) == 2.0, "the second failure in a row"
    for _ in range(6):
        way.fails(2, 1)
    assert way.wait(due(1, 1), due(2, 1)) == 128.0
    assert way.wait(due(1, 1), due(3)) == FRESH_WAIT
    way.fails(2, 1, Answer(Verdict.UNAVAILABLE, "", retry_after=50.0))
    assert way.wait(due(3)) == 50.0
    assert way.throttle.choose([due(1, 3), due(2, 2), due(3)], 10.0) == due(3)


@pytest.mark.parametrize("verdict", [Verdict.DELIVERED, Verdict.REFUSED])
def test_what_gets_through_ends_an_outage_for_all(verdict: Verdict) -> None:
    way = Way()
    for seq in (1, 2, 3):
        way.fails(seq)
    assert way.fails(3, answer=Answer(verdict, "")) is DeliveryProblem.NONE
    assert way.wait(due(1, 1), due(2, 1)) <= 0
    assert way.throttle.choose([due(1, 1), due(2, 1)], 10.0) == due(1, 1)
    way.fails(1)
    way.fails(2)
    assert way.wait(due(1, 1), due(2, 1)) == 2.0, "counted from the beginning"


def test_what_gets_through_beside_one_that_fails_does_not_end_that_ones_wait() -> None:
    way = Way()
    way.fails(1)
    assert way.fails(2, answer=YES) is DeliveryProblem.ONE_CHECK
    assert way.throttle.choose([due(1, 1)], 10.0) == 1.0
    assert way.fails(1, answer=YES) is DeliveryProblem.NONE


def test_who_is_gone_waits_no_more_and_somebody_else_may_fail_alone() -> None:
    way = Way()
    way.fails(1)
    way.wait(due(2))
    assert way.fails(2) is DeliveryProblem.ONE_CHECK


def test_a_sign_of_life_that_gets_through_frees_all() -> None:
    way = Way()
    way.fails(1)
    way.throttle.nobody_waits()
    assert way.throttle.choose([due(1, 1)], 10.0) == due(1, 1)


@pytest.mark.parametrize(
    ("verdict", "problem", "wait", "refused"),
    [
        (Verdict.THROTTLED, DeliveryProblem.THROTTLED, 60.0, 0),
        (Verdict.BAD_KEY, DeliveryProblem.BAD_KEY, 300.0, 1),
    ],
)
def test_too_many_requests_or_a_bad_key_have_all_wait_and_the_key_is_read_again(
    verdict: Verdict, problem: DeliveryProblem, wait: float, refused: int
) -> None:
    calls: list[int] = []
    way = Way(on_bad_key=lambda: calls.append(1))
    assert way.fails(1, answer=Answer(verdict, "no")) is problem
    assert way.wait(due(1, 1)) == way.wait(due(2)) == wait
    assert len(calls) == refused
    assert way.throttle.choose([due(1, 1)], 10.0) == due(1, 1), "the notification is fine"
    assert Way().fails(1, answer=Answer(verdict, "no")) is problem, "who has no key to read is asked for none"


def test_the_limit_holds_beside_all_waits() -> None:
    way = Way(rate=0.5)
    way.throttle.count_request(10.0)
    assert way.wait(due(1)) == 120.0


# --- what is said ---------------------------------------------------------------------------------------------------


def test_a_problem_is_said_when_it_begins_and_its_length_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    now = [100.0]
    problems = DeliveryProblems("ops", lambda: now[0])
    problems.over()
    for problem, about in (
        (DeliveryProblem.ONE_CHECK, due(1)),
        (DeliveryProblem.ONE_CHECK, due(2)),
        (DeliveryProblem.OUTAGE, due(2, members=7)),
        (DeliveryProblem.THROTTLED, due(1)),
        (DeliveryProblem.BAD_KEY, due(1)),
    ):
        now[0] += 30
        problems.say(problem, about, "HTTP 502")
    now[0] += 30
    problems.over()
    problems.over()
    event = "ops: the event of web"
    every = "all are kept and tried again every few minutes"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"{event} could not be delivered, it is kept and tried again: HTTP 502"),
        (
            "WARNING",
            "ops: a digest of 7 changes: events cannot be delivered, all are kept and tried again: HTTP 502",
        ),
        ("WARNING", f"{event}: the API takes no more events for now, all are kept: HTTP 502"),
        ("ERROR", f"{event}: NO EVENT CAN BE DELIVERED, {every}: HTTP 502"),
        ("INFO", "ops: events are delivered again, after 2m 30s"),
    ]


def test_what_was_answered_is_in_what_is_said(caplog: pytest.LogCaptureFixture) -> None:
    way = Way()
    way.fails(1)
    way.fails(2)
    way.fails(2, answer=Answer(Verdict.THROTTLED, "slowly"))
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == ["HTTP 502", "HTTP 502", "slowly"]


def test_an_answer_is_shown_in_one_bounded_line_without_secrets() -> None:
    hide = str.upper
    answer = Answer(Verdict.REFUSED, "a\nb" + "c" * TEXT_LIMIT, "d\ne", 7.0)
    assert plain(answer, hide) == Answer(Verdict.REFUSED, "A B" + "C" * (TEXT_LIMIT - 4) + "…", "D E", 7.0)
    assert hide_body(b"se\xffcret", lambda text: text.replace("cret", "\udcff")) == "se\ufffd?".encode()
