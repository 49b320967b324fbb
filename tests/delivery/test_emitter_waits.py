"""What waits for what, for how long, and within which limit."""

from __future__ import annotations

import logging
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.delivery.answer import Answer, Verdict
from agent.delivery.emitter import Emitter
from agent.delivery.throttle import FRESH_WAIT, LONGEST_WAIT, Limiter, backoff, wait_after
from agent.store import Store
from tests.delivery.deliveries import Clock, courier, drained, record
from tests.delivery.emitting import Scripted, client, ids
from tests.stand_ins.api import ApiStandIn


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "hostvigil")
    return caplog


# --- what waits for what --------------------------------------------------------------------------------------------


def test_a_refused_event_is_set_aside_with_the_answer_and_holds_up_nobody(
    api: ApiStandIn, store: Store, clock: Clock, log: pytest.LogCaptureFixture
) -> None:
    record(store, "disk-1", "disk-2", "sshd-1")
    api.fail_next("refuse")
    working = courier(store, client(api), clock)
    assert drained(working, clock) == 0
    assert ids(api) == ["disk-2", "sshd-1"]
    (refused,) = store.history.refusals()
    assert refused.answer == "HTTP 400: ft.InvalidParam bad parameter"
    assert "events: event disk-1 of disk was refused and is set aside" in log.text
    assert store.retry("disk-1") == 1
    drained(working, clock)
    assert ids(api) == ["disk-2", "sshd-1", "disk-1"]


def test_one_poisonous_event_holds_up_its_own_check_only(store: Store, clock: Clock) -> None:
    delivery = Scripted(lambda title: Verdict.UNAVAILABLE if title == "disk-1" else Verdict.DELIVERED)
    working = courier(store, delivery, clock)
    record(store, "disk-1", "disk-2", "sshd-1")
    for number in range(2, 200):
        drained(working, clock, seconds=60)
        record(store, f"sshd-{number}")
        assert drained(working, clock, seconds=0) == 0
        assert delivery.posts[-1] == f"sshd-{number}", "told at once"
    assert "disk-2" not in delivery.posts
    assert delivery.posts.count("disk-1") < 60, "3 h: tried every few minutes only"


def test_several_poisonous_events_delay_the_others_by_half_a_minute_at_most(store: Store, clock: Clock) -> None:
    delivery = Scripted(lambda title: Verdict.UNAVAILABLE if title.startswith("bad") else Verdict.DELIVERED)
    working = courier(store, delivery, clock)
    record(store, "bad-1", "badder-1", "sshd-1")
    for number in range(2, 50):
        drained(working, clock, seconds=400)
        record(store, f"sshd-{number}")
        drained(working, clock, seconds=FRESH_WAIT)
        assert f"sshd-{number}" in delivery.posts


def test_in_an_outage_requests_stay_few_and_all_is_told_afterwards_in_order(
    api: ApiStandIn, store: Store, clock: Clock, log: pytest.LogCaptureFixture
) -> None:
    record(store, *(f"check{number}-1" for number in range(30)), *(f"check{number}-2" for number in range(30)))
    api.down = "502"
    working = courier(store, client(api), clock)
    drained(working, clock, seconds=3600)
    assert len(api.requests) <= 60, "one or two a minute, however many events wait"
    record(store, "late-1")
    api.down = ""
    took = drained(working, clock)
    assert took <= LONGEST_WAIT
    assert len(api.accepted) == 61
    assert api.duplicates == {}
    for number in range(30):
        assert [title for title in ids(api) if title.startswith(f"check{number}-")] == [
            f"check{number}-1",
            f"check{number}-2",
        ]
    messages = [entry.getMessage() for entry in log.records]
    assert len(messages) == 3, messages
    assert "events: the event of check0 could not be delivered" in messages[0]
    assert "all are kept and tried again: HTTP 502" in messages[1]
    assert "delivered again, after" in messages[2]


def test_a_quiet_outage_asks_every_five_minutes(store: Store, clock: Clock) -> None:
    delivery = Scripted(lambda title: Verdict.UNAVAILABLE)
    record(store, "disk-1", "sshd-1")
    working = courier(store, delivery, clock)
    drained(working, clock, seconds=3600)
    before = len(delivery.posts)
    drained(working, clock, seconds=3600)
    assert 11 <= len(delivery.posts) - before <= 25


def test_a_throttled_agent_waits_and_loses_nothing(
    api: ApiStandIn, store: Store, clock: Clock, log: pytest.LogCaptureFixture
) -> None:
    record(store, "disk-1", "sshd-1")
    api.fail_next("throttle", "throttle_workspace")
    took = drained(courier(store, client(api), clock), clock)
    assert 30 <= took <= 120
    assert ids(api) == ["disk-1", "sshd-1"]
    assert log.text.count("takes no more events for now") == 1


def test_retry_after_is_honoured(api: ApiStandIn, store: Store, clock: Clock) -> None:
    record(store, "disk-1", "sshd-1")
    api.fail_next("503")
    working = courier(store, client(api), clock)
    drained(working, clock, seconds=119)
    assert len(api.requests) == 1, "the server spoke for all events"
    drained(working, clock)
    assert len(api.accepted) == 2


def test_a_bad_key_keeps_everything_and_is_said_loudly_once(
    api: ApiStandIn, store: Store, clock: Clock, log: pytest.LogCaptureFixture
) -> None:
    record(store, "disk-1", "sshd-1")
    working = courier(store, client(api, api_key="the_secret_by_mistake"), clock)
    drained(working, clock, seconds=3600)
    assert 12 <= len(api.requests) <= 16
    assert len(store.history.pending()) == 2
    (said,) = log.records
    assert said.levelno == logging.ERROR
    assert "NO EVENT CAN BE DELIVERED" in said.getMessage()
    assert "not its secret" in said.getMessage()
    assert "the_secret_by_mistake" not in log.text
    # Corrected on the platform: the running agent finds out by itself.
    api.key = "the_secret_by_mistake"
    assert drained(working, clock) <= 300
    assert ids(api) == ["disk-1", "sshd-1"]


def test_one_event_that_a_firewall_does_not_like_holds_up_no_other(api: ApiStandIn, store: Store, clock: Clock) -> None:
    record(store, "disk-1", "sshd-1", "disk-2", "web-1")
    api.fault_for = lambda event: "blocked" if event["customTags"]["event_id"] == "disk-1" else ""
    working = courier(store, client(api), clock)
    drained(working, clock, seconds=3600)
    assert ids(api) == ["sshd-1", "web-1"]
    assert len(store.history.pending()) == 2, "it is kept, and so is what comes after it"
    api.fault_for = lambda event: ""
    drained(working, clock)
    assert ids(api) == ["sshd-1", "web-1", "disk-1", "disk-2"]


def test_a_corrected_key_drains_the_backlog_after_a_restart(api: ApiStandIn, store: Store, clock: Clock) -> None:
    record(store, "disk-1", "disk-2", "sshd-1")
    drained(courier(store, client(api, api_key="wrong"), clock), clock, seconds=3000)
    assert drained(courier(store, client(api), clock), clock) == 0
    assert len(api.accepted) == 3


def test_a_delivered_event_is_not_sent_again_while_the_disk_is_full(store: Store, clock: Clock, tmp_path: Path) -> None:
    delivery = Scripted(lambda title: Verdict.DELIVERED)
    record(store, "disk-1", "disk-2")
    working = courier(store, delivery, clock)
    thread = Emitter("events", working)
    store._db.rows("PRAGMA query_only = ON")
    for _ in range(5):
        assert thread._drain_or_say_why_not() >= 1
    assert delivery.posts == ["disk-1"]
    store._db.rows("PRAGMA query_only = OFF")
    drained(working, clock)
    assert delivery.posts == ["disk-1", "disk-2"]


# --- the limit ------------------------------------------------------------------------------------------------------


def test_a_storm_stays_within_the_limit(store: Store, clock: Clock) -> None:
    sent: list[float] = []

    def answer(title: str) -> Verdict:
        sent.append(clock.now)
        return Verdict.DELIVERED

    record(store, *(f"check{number}-1" for number in range(100)))
    took = drained(courier(store, Scripted(answer), clock, rate=20), clock)
    assert len(sent) == 100
    assert 240 <= took <= 300
    assert most_in_a_minute(sent) == 20


def most_in_a_minute(times: list[float]) -> int:
    return max(sum(start <= other < start + 60 for other in times) for start in times)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 30),
    st.lists(st.tuples(st.floats(0, 40), st.floats(0, 5)), min_size=1, max_size=120),
)
def test_no_sixty_seconds_ever_hold_more_than_the_rate(rate: int, asks: list[tuple[float, float]]) -> None:
    limiter, now, arrivals = Limiter(rate), 0.0, []
    for pause, duration in asks:
        now += pause
        now += limiter.wait(now)
        # The API counts it at some moment between the start and the end.
        arrivals.append(now + duration / 2)
        now += duration
        limiter.count(now)
    # A hair less than a minute: sums of floats.
    assert max(sum(at <= other < at + 59.999 for other in arrivals) for at in arrivals) <= rate


def test_less_than_one_a_minute_is_possible() -> None:
    limiter = Limiter(0.5)
    assert limiter.wait(0) == 0
    limiter.count(0)
    assert limiter.wait(10) == 110


# --- pure decisions -------------------------------------------------------------------------------------------------


def test_waiting_grows_from_a_second_to_five_minutes_with_jitter() -> None:
    rng = random.Random(3)
    for tries, most in [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (10_000, 300)]:
        waits = [backoff(tries, rng) for _ in range(200)]
        assert most / 2 <= min(waits) < max(waits) <= most


def test_each_answer_has_its_wait() -> None:
    rng = random.Random(3)
    assert 15 <= wait_after(Answer(Verdict.THROTTLED, ""), 1, rng) <= 60
    assert 100 <= wait_after(Answer(Verdict.THROTTLED, "", retry_after=100), 1, rng) <= 120
    assert 240 <= wait_after(Answer(Verdict.BAD_KEY, ""), 1, rng) <= 300
    assert wait_after(Answer(Verdict.UNAVAILABLE, "", retry_after=200), 1, rng) == 200
