"""What the agent tells of itself: signs of life, what a full outbox cost, start and stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.delivery.answer import Verdict
from agent.store import Bounds, Store
from tests.delivery.deliveries import Clock, drained, opened, out
from tests.delivery.storms import Far, change, emitter, record
from tests.processes.agent_process import agent_process
from tests.stand_ins.api import ApiStandIn


def test_a_heartbeat_is_sent_when_nothing_else_is_and_never_piles_up(store: Store, clock: Clock) -> None:
    far = Far(clock)
    working = emitter(store, far, clock, heartbeat=60)
    drained(working, clock, seconds=600)
    assert [body["title"] for body in far.taken] == ["INFO hostvigil on web-1: alive"] * 11
    far.answer = lambda body: Verdict.UNAVAILABLE
    record(store, change("web", 1))
    drained(working, clock, seconds=3600)
    far.taken.clear()
    far.answer = lambda body: Verdict.DELIVERED
    drained(working, clock, seconds=359)
    titles = [body["title"] for body in far.taken]
    assert any(title.startswith("CRITICAL web") for title in titles[:2])
    assert len(titles) <= 8
    assert store.history.backlog()["events"].count == 0


def test_a_heartbeat_that_gets_through_frees_what_waits(store: Store, clock: Clock) -> None:
    refuses_changes = True

    def answer(body: dict[str, Any]) -> Verdict:
        change_ = body["customTags"]["check_name"] != "hostvigil"
        return Verdict.UNAVAILABLE if refuses_changes and change_ else Verdict.DELIVERED

    far = Far(clock, answer)
    working = emitter(store, far, clock, heartbeat=60)
    record(store, change("web", 1))
    drained(working, clock, seconds=1000)
    refuses_changes = False
    far.taken.clear()
    while not far.taken:
        clock.now += working.drain()
    assert far.taken[0]["title"] == "INFO hostvigil on web-1: alive"
    alive = far.requests[-1]
    while len(far.taken) < 2:
        clock.now += working.drain()
    assert (far.taken[1]["customTags"]["check_name"], far.requests[-1]) == ("web", alive), "at once, not after minutes"


def test_what_a_full_outbox_cost_is_told_when_something_gets_through_and_not_in_the_outage(
    tmp_path: Path, clock: Clock
) -> None:
    store = opened(tmp_path, bounds=Bounds(20))
    far = Far(clock, lambda body: Verdict.UNAVAILABLE)
    working = emitter(store, far, clock)
    record(store, change("first", 1))
    drained(working, clock, seconds=60)
    record(store, *(change(f"down-{number}", 1) for number in range(60)))
    drained(working, clock, seconds=600)
    assert out(store).notices(), "there is something to say"
    assert "hostvigil" not in {stored.check for stored in store.history.pending()}, "it would push out changes"
    far.answer = lambda body: Verdict.DELIVERED
    drained(working, clock, seconds=4000)
    assert out(store).notices() == []
    assert "hostvigil" in {stored.check for stored in store.history.latest(200)}
    store.close()


def test_start_and_stop_are_told_where_that_is_wanted(tmp_path: Path) -> None:
    with ApiStandIn() as api, agent_process(tmp_path) as agent:
        agent.write(
            "agent.yaml",
            f"agent: {{hostname: web-1, events: {{endpoint: '{api.url}', api_key: {api.key}, start_stop: true}}}}\n"
            "checks: {here: {type: file, path: /, interval: 1h}}\n",
        )
        agent.start()
        api.wait_for(1)
        assert agent.stop() == 0
        api.wait_for(2)
        titles = [body["title"] for body in api.accepted]
    assert titles == ["INFO hostvigil on web-1: started, checks: 1", "INFO hostvigil on web-1: stopped"]
    assert api.rejections == []
