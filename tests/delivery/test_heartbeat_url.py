"""`agent.heartbeat_url`: asked after each healthy minute, and never of an agent that cannot do its work."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.config.drop_ins import load
from agent.config.settings import AgentSettings, Config, EventsSettings
from agent.config.types.catalog import Catalog
from agent.delivery.dead_mans_ping import TIMEOUT_SECONDS, DeadMansPing
from agent.delivery.sinks.wire import Way
from tests.stand_ins.web_service import WebService


class World:
    """The schedule and the recorder of a ping, by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.ticks: list[Callable[[], None]] = []
        self.receipts: list[Callable[[], None]] = []
        self.spans: list[float] = []
        self.ping = DeadMansPing(self.every, self.receipts.append, monotonic=lambda: self.now)

    def every(self, seconds: float, act: Callable[[], None]) -> None:
        self.spans.append(seconds)
        self.ticks.append(act)

    def apply(self, url: str) -> None:
        self.ping.apply(Config(), Config(agent=AgentSettings(heartbeat_url=url)))

    def minute(self, writes: bool = True) -> None:
        self.now += 60
        for tick in self.ticks:
            tick()
        if writes:
            receipts, self.receipts[:] = self.receipts[:], []
            for receipt in receipts:
                receipt()

    def settled(self) -> None:
        until = time.monotonic() + 60
        while not self.ping._busy.acquire(timeout=0.05):
            assert time.monotonic() < until
        self.ping._busy.release()


def test_it_is_asked_after_each_minute_in_which_all_was_written() -> None:
    world = World()
    with WebService() as service:
        world.apply(f"{service.url}/ping/1234")
        world.minute()
        service.wait_for(1)
        world.settled()
        world.minute(writes=False)
        world.minute(writes=False)
        world.settled()
        assert len(service.posts) == 1
        world.minute()
        service.wait_for(2)
        world.settled()
        # Those of three minutes are written at once: whether that is one request depends on how long the first takes.
        assert 2 <= len(service.posts) <= 4
        assert {post.path for post in service.posts} == {"/ping/1234"}
        assert service.posts[0].headers["accept-encoding"] == "identity"
    assert world.spans == [60.0]


def test_an_agent_that_starts_over_and_over_never_asks() -> None:
    with WebService() as service:
        for _ in range(5):
            world = World()
            world.apply(service.url)
            world.now += 30
            for tick in world.ticks:
                tick()
            assert world.receipts == []


def test_who_has_no_address_has_no_tick_and_one_that_goes_is_not_asked() -> None:
    world = World()
    world.apply("")
    assert world.ticks == []
    world.apply("http://127.0.0.1:1/")
    world.apply("")
    world.apply("http://127.0.0.1:1/")
    world.apply("")
    assert len(world.ticks) == 1
    world.minute()
    assert not world.ping._busy.locked()


def test_trouble_is_said_once_without_the_address_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    world = World()
    with WebService() as service:
        service.answer = lambda post: (404, b"no such check")
        world.apply(f"{service.url}/ping/1234-5678-secret")
        for _ in range(3):
            world.minute()
            world.settled()
        service.answer = lambda post: (200, b"ok")
        for _ in range(2):
            world.minute()
            world.settled()
    said = [record.getMessage() for record in caplog.records]
    assert said == ["agent.heartbeat_url does not answer as it should: HTTP 404", "agent.heartbeat_url answers again"]


@pytest.mark.parametrize(
    ("body", "words"), [(b"OK (not found)", "OK (not found)"), (b"OK (not found)\xff", "OK (not found)\ufffd")]
)
def test_a_service_that_knows_no_such_check_says_so_by_a_200(
    body: bytes, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    with WebService(lambda post: (200, body)) as service:
        world.apply(f"{service.url}/ping/1234-5678-secret")
        world.minute()
        world.settled()
    assert [record.getMessage() for record in caplog.records] == [
        f"agent.heartbeat_url does not answer as it should: it says {words!r}"
    ]


def test_while_one_request_hangs_no_other_begins() -> None:
    world = World()
    with WebService() as service:
        service.hangs.set()
        world.apply(service.url)
        for _ in range(5):
            world.minute()
        assert {thread.daemon for thread in threading.enumerate() if thread.name == "heartbeat"} == {True}
        service.hangs.clear()
        world.settled()
        assert len(service.posts) == 1


@pytest.mark.parametrize("text", ["hc-ping.com/1234", "ftp://a.example/", "https:///x", "https://a b/"])
def test_what_is_no_address_is_a_problem_that_does_not_quote_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"agent:\n  heartbeat_url: {text}\n")
    config = load(tmp_path, Catalog(), {})
    assert config.agent.heartbeat_url == ""
    (problem,) = (one for one in config.problems if "heartbeat_url" in one.text)
    assert "is not an address" in problem.text
    assert text not in problem.text
    assert not config.agent_readable


def test_the_first_minute_is_over_a_moment_before_its_end() -> None:
    world = World()
    world.apply("http://127.0.0.1:1/")
    (tick,) = world.ticks
    for seconds, asked in ((59.0, 0), (60 * 0.99, 1)):
        world.now = 1000.0 + seconds
        tick()
        assert len(world.receipts) == asked


def test_a_service_is_well_with_any_answer_of_200_and_its_client_is_kept_as_long_as_the_way_is() -> None:
    world = World()
    assert world.ping._trouble() == "", "no address, no trouble"
    with WebService() as service:
        world.apply(service.url)
        kept = []
        for status, trouble in ((200, ""), (299, ""), (300, "HTTP 300")):
            service.answer = lambda post, status=status: (status, b"")  # type: ignore[misc]
            assert world.ping._trouble() == trouble
            assert world.ping._client is not None
            kept.append(world.ping._client[1])
    assert kept[0] is kept[1] is kept[2]
    events = EventsSettings(proxy="http://127.0.0.1:1", ca_file="/nowhere/ca.pem")
    world.ping.apply(Config(), Config(agent=AgentSettings(heartbeat_url="https://127.0.0.1:1/", events=events)))
    assert "/nowhere/ca.pem" in world.ping._trouble()
    assert world.ping._client is not None
    assert world.ping._client[0] == Way(TIMEOUT_SECONDS, "http://127.0.0.1:1", "/nowhere/ca.pem")
    assert world.ping._client[1] is not kept[0]


def test_what_makes_the_address_secret_is_hidden_wherever_it_stands(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.apply("https://hc.example/1234/x://secret/5678")
    world.ping._say("cannot GET 1234/x://secret/5678 of hc.example")
    assert [record.getMessage() for record in caplog.records] == [
        "agent.heartbeat_url does not answer as it should: cannot GET *** of hc.example"
    ]
