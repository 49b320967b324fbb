"""Which emitters there are, of what they are made, and whom the store is to know: by the settings alone."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.config.sections.destination import MAIN, TERMINAL, WebhookSettings
from agent.config.sections.values import Rate
from agent.config.settings import AgentSettings, EventsSettings
from agent.delivery import emitters as room
from agent.delivery.answer import Answer, Verdict
from agent.delivery.courier import Courier
from agent.delivery.emitters import Emitters, collect_remotes, courier, destinations, sink_of
from agent.delivery.handover.courier import HandoverCourier
from agent.delivery.problems import DeliveryProblem
from agent.delivery.sinks.terminal import Terminal
from agent.delivery.sinks.truewatch.api import Api
from agent.delivery.sinks.webhook.webhook import Webhook
from agent.delivery.throttle import BAD_KEY_WAIT
from agent.model import Destination, EventStatus, Notification
from agent.plugin.units import Duration
from agent.store import Store
from agent.system.redactor import redactor
from tests.delivery.deliveries import no_news, opened, out, record
from tests.stand_ins.web_service import WebService

API = EventsSettings(endpoint="https://api.example/", api_key="key-123456")
BROKER = EventsSettings(broker="nats://127.0.0.1:1")


def hook(url: str = "https://hook.example/x", **more: Any) -> WebhookSettings:
    return WebhookSettings(type="webhook", url=url, **more)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path, MAIN, "ops")
    yield made
    made.close()


# --- whom the settings name -----------------------------------------------------------------------------------------


def test_the_main_destination_is_there_where_it_has_an_address_and_stands_before_the_others() -> None:
    ops = hook()
    assert collect_remotes(AgentSettings()) == {}
    assert collect_remotes(AgentSettings(destinations={"ops": ops})) == {"ops": ops}
    for events in (API, BROKER):
        assert list(collect_remotes(AgentSettings(events=events, destinations={"ops": ops})).items()) == [
            (MAIN, events),
            ("ops", ops),
        ]


def identity(settings: EventsSettings | WebhookSettings) -> str:
    main = isinstance(settings, EventsSettings)
    agent = AgentSettings(events=settings) if main else AgentSettings(destinations={"ops": settings})  # type: ignore[arg-type,dict-item]
    (one,) = destinations(agent)
    return one.identity


def test_a_destination_is_another_one_exactly_when_its_address_is_another() -> None:
    """These are in databases: whoever changes them has each destination told anew what stands."""
    assert identity(API) == identity(EventsSettings(endpoint="https://api.example", api_key="other"))
    assert identity(API) == "1800d6732066874eceb57ce2e485872c"
    assert identity(BROKER) == "b3bfcea1e411f33515916732dd6ba75e"
    assert identity(hook()) == identity(hook(body="other", only="web-*")) == "8ede8db02d3edb0dfc769e6922d9b3ba"
    different: list[EventsSettings | WebhookSettings] = [
        API,
        EventsSettings(endpoint="https://api.example/X", api_key="k"),
        EventsSettings(endpoint="https://api2.example", api_key="k"),
        BROKER,
        EventsSettings(broker="nats://127.0.0.1:2"),
        hook(),
        hook("https://hook.example/y"),
        EventsSettings(endpoint="https://hook.example/x", api_key="k"),
        EventsSettings(endpoint="nats://127.0.0.1:1"),
    ]
    assert len({identity(one) for one in different}) == len(different)


def test_an_address_of_odd_letters_has_an_identity_too() -> None:
    assert identity(hook("https://hook.example/\udcff")) != identity(hook("https://hook.example/?"))


def test_a_destination_has_its_name_and_what_it_asks_for() -> None:
    found = destinations(AgentSettings(events=API, destinations={"ops": hook(only="web-*")}))
    assert found == (Destination(MAIN, identity(API), "*"), Destination("ops", identity(hook()), "web-*"))
    assert destinations(AgentSettings(events=BROKER)) == (Destination(MAIN, identity(BROKER), "*"),)


@pytest.mark.parametrize(("settings", "kind"), [(API, Api), (hook(), Webhook), (None, Terminal)])
def test_each_kind_of_settings_has_its_sink(settings: Any, kind: type) -> None:
    assert type(sink_of(settings)) is kind


@pytest.mark.parametrize("kind", [EventsSettings, WebhookSettings])
def test_what_a_destination_echoes_is_stored_without_the_secrets_of_the_agent(store: Store, kind: type) -> None:
    with WebService(lambda post: (500, b"cannot read r0utingkey77")) as service:
        settings = hook(service.url) if kind is WebhookSettings else EventsSettings(service.url, "key-123456")
        record(store, "web-1")
        courier(out(store), settings, no_news, store.append, hide=redactor(["r0utingkey77"])).drain()
    answers = [one.answer for one in store.history.pending() if one.destination == MAIN]
    assert len(answers) == 1
    assert answers[0].startswith("HTTP 500: cannot read ***")


# --- of what a courier is made --------------------------------------------------------------------------------------


def made(store: Store, settings: Any, on_bad_key: Callable[[], None] = lambda: None) -> Courier:
    found = courier(out(store, MAIN), settings, no_news, store.append, on_bad_key)
    assert isinstance(found, Courier)
    return found


@pytest.mark.parametrize(
    ("settings", "rate", "above", "heartbeat"),
    [
        (EventsSettings(endpoint="https://api.example"), 20, 10.0, 0.0),
        (
            EventsSettings(endpoint="https://a", rate_limit=Rate(7), digest_above=3, heartbeat=Duration(30)),
            7,
            3.0,
            30.0,
        ),
        (hook(), 60, math.inf, 0.0),
        (hook(rate_limit=7, digest_above=3), 7, 3.0, 0.0),
        (None, 0, math.inf, 0.0),
    ],
)
def test_rate_digests_and_signs_of_life_are_as_the_settings_say(
    store: Store, settings: Any, rate: int, above: float, heartbeat: float
) -> None:
    working = made(store, settings)
    assert working._throttle._limiter._most == rate
    assert working._bundling._above == above
    assert working._news.heartbeat == heartbeat
    assert working._throttle._problems is working._problems
    assert working._bundling._sink is working._sink
    assert type(working._sink) is type(sink_of(settings))
    assert working._bundling._outbox is working._news._outbox is working._outbox
    assert (working._news._compose, working._news._append) == (no_news, store.append)
    assert working._outbox.destination == working._problems._destination == MAIN


def test_to_a_broker_it_is_handed_over_under_the_name_that_the_host_has_now(store: Store) -> None:
    asked: list[tuple[str, str, EventStatus]] = []

    def compose(*what: Any) -> Notification:
        asked.append(what)
        return no_news(*what)

    settings = EventsSettings(broker="nats://127.0.0.1:1", republish_after=Duration(30), heartbeat=Duration(20))
    working = courier(out(store), settings, compose, store.append)
    assert isinstance(working, HandoverCourier)
    assert working._outbox.destination == working._problems._destination == MAIN
    assert working._broker._word == "web-1"  # type: ignore[attr-defined]
    assert working._news.heartbeat == 0.0, "what lives is said by its beats"
    assert (working._news._outbox, working._news._append) == (working._outbox, store.append)
    assert working._news._compose is compose
    assert (working._beats._seconds, working._republish_after) == (20.0, 30.0)
    assert working._problems._clock is time.monotonic
    assert isinstance(working._beats._rng, random.Random)
    assert working._beats._about().summary == "alive"
    assert asked == [("heartbeat", "alive", EventStatus.INFO)] * 2
    nameless = courier(
        out(store), settings, lambda *what: msgspec.structs.replace(no_news(*what), host={}), store.append
    )
    assert nameless._broker._word == "="  # type: ignore[union-attr]


def test_a_key_that_is_refused_is_told_to_whoever_can_read_it_again(store: Store) -> None:
    refused: list[int] = []
    working = made(store, hook(), lambda: refused.append(1))
    record(store, "web-1")
    working._sink = Fixed(Answer(Verdict.BAD_KEY, "no"))
    working.drain()
    assert refused == [1]
    assert working._problems.now is DeliveryProblem.BAD_KEY
    assert 0.7 * BAD_KEY_WAIT < working.drain() <= BAD_KEY_WAIT, "the clock of what waits is the real one"


class Fixed:
    """A sink with one answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def render(self, told: object) -> bytes:
        return b"x"

    bundle = render

    def post(self, body: bytes) -> Answer:
        return self.answer


# --- which of them are at work --------------------------------------------------------------------------------------


class Carrying:
    """Stands for a courier: who began, who was woken, who ended, and in which order."""

    def __init__(self, name: str, settings: object, diary: list[str]) -> None:
        self.name = name
        self.settings = settings
        self.diary = diary
        self.drained = threading.Semaphore(0)
        self.meanwhile: Callable[[], object] = lambda: None

    def drain(self) -> float:
        self.diary.append(f"{self.name} drains")
        self.drained.release()
        self.meanwhile()
        return math.inf

    def close(self) -> None:
        self.diary.append(f"{self.name} ends")

    def wait_for_a_drain(self) -> None:
        assert self.drained.acquire(timeout=60)


class Works:
    """Emitters of couriers that only keep a diary."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.diary: list[str] = []
        self.made: dict[str, Carrying] = {}
        monkeypatch.setattr(room, "courier", self.courier)
        self.around = (no_news, lambda told, notice: None, lambda: None, str)
        self.emitters = Emitters(lambda name: name, *self.around)  # type: ignore[arg-type,return-value]

    def courier(self, name: str, settings: object, *around: object) -> Carrying:
        assert around == self.around
        self.made[name] = Carrying(name, settings, self.diary)
        return self.made[name]

    def apply(self, told: list[str], **settings: Any) -> None:
        self.diary.clear()
        self.emitters.apply(AgentSettings(**settings), told)

    def hanging(self, **settings: Any) -> threading.Event:
        """Have `ops` at work on a request that hangs until what is returned is set."""
        answered = threading.Event()
        self.apply(["ops"], **settings)
        self.made["ops"].wait_for_a_drain()
        self.made["ops"].meanwhile = lambda: answered.wait(60)
        self.emitters.wake()
        self.made["ops"].wait_for_a_drain()
        return answered


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> Iterator[Works]:
    made = Works(monkeypatch)
    yield made
    made.emitters.stop()


def test_who_is_told_and_configured_has_an_emitter_and_only_a_change_of_its_settings_makes_another(
    works: Works,
) -> None:
    works.apply([MAIN, "ops"], events=API, destinations={"ops": hook(), "held": hook()})
    assert works.made.keys() == {MAIN, "ops"}
    assert [one.settings for one in works.made.values()] == [API, hook()]
    for one in works.made.values():
        one.wait_for_a_drain()
    main, ops = works.made.values()
    works.apply([MAIN, "ops"], events=API, destinations={"ops": hook(only="web")})
    assert works.made[MAIN] is main
    assert works.made["ops"] is not ops
    works.made["ops"].wait_for_a_drain()
    assert works.diary == ["ops ends", "ops drains"]
    works.apply(["ops"], events=API, destinations={"ops": hook(only="web")})
    assert works.diary == ["events ends"]
    works.emitters.wake()
    works.made["ops"].wait_for_a_drain()
    assert works.diary == ["events ends", "ops drains"]


def test_who_tells_the_same_address_by_other_settings_waits_for_the_request_that_is_under_way(works: Works) -> None:
    """Else a service that is only slow hears the same twice."""
    answered = works.hanging(destinations={"ops": hook()})
    works.apply(["ops"], destinations={"ops": hook(only="web-*")})
    replaced = works.made["ops"]
    works.apply(["ops"], destinations={"ops": hook(only="db-*")})
    assert not replaced.drained.acquire(blocking=False), "it had no turn"
    answered.set()
    works.made["ops"].wait_for_a_drain()
    assert works.diary == ["ops ends", "ops ends", "ops drains"]


def test_who_has_had_no_turn_yet_ends_at_once_without_a_farewell(works: Works) -> None:
    answered = works.hanging(destinations={"ops": hook()})
    works.apply(["ops"], destinations={"ops": hook(only="web-*")})
    works.emitters.stop(True)
    assert "ops drains" not in works.diary
    answered.set()


def test_who_tells_another_address_waits_for_nobody(works: Works) -> None:
    answered = works.hanging(destinations={"ops": hook()})
    works.apply(["ops"], destinations={"ops": hook("https://hook.example/y")})
    works.made["ops"].wait_for_a_drain()
    assert works.diary == ["ops drains"]
    answered.set()


def test_the_terminal_is_told_where_that_is_said(works: Works) -> None:
    works.apply([TERMINAL])
    assert works.made[TERMINAL].settings is None
    works.made[TERMINAL].wait_for_a_drain()
    works.apply([])
    assert works.diary == ["terminal ends"]


@pytest.mark.parametrize("farewell", [False, True])
def test_after_the_stop_all_have_ended_and_none_begins(works: Works, farewell: bool) -> None:
    works.apply([MAIN, "ops"], events=API, destinations={"ops": hook()})
    for one in works.made.values():
        one.wait_for_a_drain()
    works.diary.clear()
    works.emitters.stop(farewell)
    assert sorted(works.diary) == sorted(["events ends", "ops ends", *["events drains", "ops drains"] * farewell])
    works.made.clear()
    works.apply([MAIN], events=API)
    assert works.made == {}
    works.emitters.stop(farewell)
    assert works.diary == []


def test_nobody_says_farewell_unless_that_is_said_and_each_thread_has_its_name(works: Works) -> None:
    works.apply([MAIN], events=API)
    works.made[MAIN].wait_for_a_drain()
    assert "emitter events" in {thread.name for thread in threading.enumerate()}
    works.emitters.stop()
    assert works.diary == ["events drains", "events ends"]
