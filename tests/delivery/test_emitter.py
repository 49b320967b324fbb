from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.api import Duration
from agent.config.settings import EventsSettings
from agent.delivery.answer import Answer, Verdict
from agent.delivery.courier import Courier
from agent.delivery.digest import Digest
from agent.delivery.emitter import Emitter
from agent.delivery.sinks.truewatch.api import Api
from agent.delivery.throttle import FRESH_WAIT, LONGEST_WAIT, Limiter, backoff, wait_after
from agent.model import Notification
from agent.store import Phase, Store
from agent.store.connection import FILE
from tests.api_stand_in import ApiStandIn
from tests.deliveries import courier, opened, record


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def api() -> Iterator[ApiStandIn]:
    with ApiStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path)
    yield made
    made.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "hostvigil")
    return caplog


def client(api: ApiStandIn, **changes: Any) -> Api:
    return Api(msgspec.structs.replace(EventsSettings(api.url, api.key, timeout=Duration(2.0)), **changes))


def started(store: Store, sink: Any) -> Emitter:
    working = Emitter("events", courier(store, sink, time.monotonic))
    working.start()
    return working


def stop(working: Emitter) -> None:
    working.leave()
    working.join()


def drained(working: Courier, clock: Clock, seconds: float = math.inf) -> float:
    """Let the emitter work until it wants to be woken or `seconds` have passed; return how long that took."""
    began = clock.now
    while (wait := working.drain()) < math.inf and clock.now + wait <= began + seconds:
        clock.now += wait
    return clock.now - began


def ids(api: ApiStandIn) -> list[str]:
    return [event["customTags"]["event_id"] for event in api.accepted]


class Scripted:
    """Takes notifications as the test says: a function of the id."""

    def __init__(self, answer: Callable[[str], Verdict]) -> None:
        self.answer = answer
        self.posts: list[str] = []

    def render(self, told: Notification) -> bytes:
        return told.id.encode()

    def bundle(self, many: Digest) -> bytes:
        return b"+".join(told.id.encode() for told in many.changes)

    def post(self, body: bytes) -> Answer:
        name = body.decode()
        self.posts.append(name)
        return Answer(self.answer(name), "scripted")


# --- order and identity ---------------------------------------------------------------------------------------------


def test_events_are_told_in_order_and_then_history(api: ApiStandIn, store: Store, clock: Clock) -> None:
    record(store, "disk-1", "sshd-1", "disk-2")
    drained(courier(store, client(api), clock), clock)
    assert ids(api) == ["disk-1", "sshd-1", "disk-2"]
    assert store.history.pending() == []
    assert {stored.phase for stored in store.history.latest()} == {Phase.DELIVERED}
    assert {stored.answer for stored in store.history.latest()} == {"TRACE-5EB2700B-52BF-40D7-A547-90FB7EC855DD"}


FAULTS = ["throttle", "throttle_workspace", "throttle_429", "bad_key", "404", "500", "502", "503", "not_success"]
FAULTS += ["garbage", "html_200", "array", "empty", "redirect", "reset"]


@pytest.mark.parametrize("fault", FAULTS)
def test_after_any_fault_the_same_bytes_arrive_once(api: ApiStandIn, store: Store, clock: Clock, fault: str) -> None:
    record(store, "disk-1", "disk-2")
    api.fail_next(fault)
    took = drained(courier(store, client(api), clock), clock)
    assert ids(api) == ["disk-1", "disk-2"]
    assert api.requests[0] == api.requests[1]
    assert api.rejections == []
    assert took > 0.4, "it waited before it tried again"


@pytest.mark.parametrize("fault", ["hang", "drip", "drip_headers"])
def test_a_server_that_never_ends_its_answer_is_a_fault_too(
    api: ApiStandIn, store: Store, clock: Clock, fault: str
) -> None:
    record(store, "disk-1")
    api.fail_next(fault)
    drained(courier(store, client(api, timeout=0.3), clock), clock, seconds=0)
    api.wait_for_requests(1)
    assert ids(api) == []
    # A busy machine answers in more than 0.3 s, too: the second try has the time that it needs.
    drained(courier(store, client(api, timeout=60), clock), clock)
    assert ids(api) == ["disk-1"]


def test_an_answer_that_got_lost_makes_a_duplicate_with_the_same_id(
    api: ApiStandIn, store: Store, clock: Clock
) -> None:
    record(store, "disk-1", "disk-2")
    api.fail_next("accept_then_reset")
    drained(courier(store, client(api), clock), clock)
    assert ids(api) == ["disk-1", "disk-1", "disk-2"]
    assert api.duplicates == {"disk-1": 2}
    assert api.requests[0] == api.requests[1]


def test_a_restart_with_a_backlog_goes_on_where_it_was(api: ApiStandIn, tmp_path: Path, clock: Clock) -> None:
    store = opened(tmp_path)
    record(store, "disk-1", "disk-2", "sshd-1")
    api.fail_next("", "500", "500")
    first = courier(store, client(api), clock)
    for _ in range(3):
        first.drain()
    store.close()
    store = opened(tmp_path)
    drained(courier(store, client(api), clock), clock)
    assert sorted(ids(api)) == ["disk-1", "disk-2", "sshd-1"]
    assert api.duplicates == {}
    store.close()


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


# --- the thread -----------------------------------------------------------------------------------------------------


def test_the_thread_sleeps_until_it_is_woken(api: ApiStandIn, store: Store) -> None:
    working = started(store, client(api))
    record(store, "disk-1")
    working.wake()
    api.wait_for(1)
    record(store, "disk-2")
    working.wake()
    api.wait_for(2)
    stop(working)
    assert not working._thread.is_alive()


def test_a_backlog_is_told_at_the_start_without_being_woken(api: ApiStandIn, store: Store) -> None:
    record(store, "disk-1")
    working = started(store, client(api))
    api.wait_for(1)
    stop(working)
    assert ids(api) == ["disk-1"]


def test_stopping_does_not_wait_for_a_hanging_server(
    api: ApiStandIn, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    store = opened(tmp_path)
    record(store, "disk-1")
    api.down = "hang"
    working = started(store, client(api, timeout=60))
    api.wait_for_requests(1)
    before = time.monotonic()
    stop(working)
    assert time.monotonic() - before < 5, "0.8 s, on a machine that is not busy"
    store.close()
    api.end_hanging()
    working._thread.join(10)
    assert not working._thread.is_alive()
    assert log.records == [] or "could not be delivered" in log.text
    assert "bug" not in log.text
    again = opened(tmp_path)
    assert [stored.id for stored in again.history.pending()] == ["disk-1"]
    again.close()


@pytest.mark.parametrize("where", ["render", "post"])
def test_an_event_that_meets_a_bug_of_ours_holds_up_nobody(
    where: str, store: Store, clock: Clock, log: pytest.LogCaptureFixture
) -> None:
    class Buggy(Scripted):
        def render(self, told: Notification) -> bytes:
            if where == "render" and told.id == "disk-1":
                raise OverflowError("year 292277026 is out of range")
            return super().render(told)

        def post(self, body: bytes) -> Answer:
            if where == "post" and b"disk-1" in body:
                raise KeyError("bug")
            return super().post(body)

    record(store, "disk-1", "sshd-1", "sshd-2")
    delivery = Buggy(lambda name: Verdict.DELIVERED)
    drained(courier(store, delivery, clock), clock, seconds=60)
    assert delivery.posts == ["sshd-1", "sshd-2"]
    assert "a bug of ours: events: " in log.text
    left = store.history.refusals() if where == "render" else store.history.pending()
    assert [one.id for one in left] == ["disk-1"]


def test_a_bug_does_not_end_the_thread(store: Store, log: pytest.LogCaptureFixture) -> None:
    raised = threading.Event()

    class Buggy(Scripted):
        def post(self, body: bytes) -> Answer:
            raised.set()
            raise KeyError("bug")

    record(store, "disk-1")
    working = started(store, Buggy(lambda name: Verdict.DELIVERED))
    assert raised.wait(5)
    assert working._thread.is_alive()
    stop(working)
    assert "a bug of ours" in log.text
    assert len(store.history.pending()) == 1


# --- secrets --------------------------------------------------------------------------------------------------------


def test_the_key_is_in_no_row_and_in_no_log(
    api: ApiStandIn, tmp_path: Path, clock: Clock, log: pytest.LogCaptureFixture
) -> None:
    log.set_level(logging.DEBUG)
    store = opened(tmp_path)
    record(store, "disk-1", "sshd-1", "raid-1", "http-1")
    api.fail_next("echo_key", "bad_key", "throttle", "refuse", "echo_key", "reset")
    drained(courier(store, client(api), clock), clock)
    assert len(api.accepted) == 3
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert (tmp_path / FILE).exists()
    assert api.key.encode() not in files
    assert api.key not in log.text
    store.close()
    assert api.key.encode() not in (tmp_path / FILE).read_bytes()
