"""What the limit, signs of life, and what gets through mean for the next step of a courier."""

from __future__ import annotations

import logging
import math

import pytest

from agent.delivery.answer import Answer
from tests.delivery.test_courier import NO, YES, House
from tests.delivery.test_throttle import due


def test_the_limit_has_all_wait_and_without_anything_to_tell_nobody_waits_for_it() -> None:
    house = House(due(1), due(2), rate=0.5)
    house.drain()
    assert house.drain() == 120.0
    house.now += 119.5
    assert house.drain() == 0.5
    house.outbox.rows.clear()
    assert house.drain() == math.inf


def test_a_sign_of_life_is_sent_where_nothing_else_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    house = House(due(1), answers=[YES, YES, NO, YES], heartbeat=60)
    assert [house.drain(), house.drain(), house.drain()] == [0.0, 0.0, 60.0]
    assert house.sink.posts == [b"web web-1", b"hostvigil alive"]
    house.now += 60
    house.sink.answers = [NO, YES]
    assert house.drain() == 60.0
    assert [record.getMessage() for record in caplog.records] == ["ops: the heartbeat did not get through: HTTP 502"]


def test_a_sign_of_life_counts_against_the_limit_and_waits_for_it() -> None:
    house = House(rate=0.5, heartbeat=60)
    assert house.drain() == 0.0
    house.now += 60
    assert house.drain() == 60.0, "the limit, though it is time for a sign"
    house.now += 60
    assert house.drain() == 0.0
    assert len(house.sink.posts) == 2


def test_one_that_waits_after_a_failure_does_not_hold_up_signs_of_life_which_free_it() -> None:
    house = House(due(1, 8), answers=[NO, YES], heartbeat=60)
    house.drain()
    assert house.drain() == 0.0, "alive"
    house.drain()
    assert house.sink.posts == [b"web web-1", b"hostvigil alive", b"web web-1"]


@pytest.mark.parametrize(("answer", "most", "through"), [(YES, 8, True), (NO, 4, False)])
def test_only_what_gets_through_lets_digests_grow_and_the_store_speak(answer: Answer, most: int, through: bool) -> None:
    house = House(due(1), answers=[answer])
    house.bundling._most = 4
    house.drain()
    assert house.bundling._most == most
    assert house.courier._news._has_delivered is through
