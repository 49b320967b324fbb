"""The emitter: order, the same bytes on every try, its thread, and no secret in rows or log."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from agent.delivery.answer import Answer, Verdict
from agent.delivery.emitter import Emitter
from agent.model import Notification
from agent.store import Phase, Store
from agent.store.connection import FILE
from tests.delivery.deliveries import Clock, courier, drained, opened, record
from tests.delivery.emitting import Scripted, client, ids
from tests.stand_ins.api import ApiStandIn


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "hostvigil")
    return caplog


def started(store: Store, sink: Any) -> Emitter:
    working = Emitter("events", courier(store, sink, time.monotonic))
    working.start()
    return working


def stop(working: Emitter) -> None:
    working.leave()
    working.join()


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
