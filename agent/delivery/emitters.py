"""One emitter a destination: made when it comes, kept while its settings stay, ended when it goes."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Collection
from hashlib import blake2s
from typing import TYPE_CHECKING

from agent.config.sections.destination import MAIN, TERMINAL, WebhookSettings
from agent.config.settings import AgentSettings, EventsSettings
from agent.delivery.agent_news import AgentNews, Append, ComposeAgentEvent
from agent.delivery.answer import Hide
from agent.delivery.bundling import Bundling
from agent.delivery.courier import Courier
from agent.delivery.emitter import Emitter
from agent.delivery.problems import DeliveryProblems
from agent.delivery.sinks.sink import Sink
from agent.delivery.throttle import Limiter, Throttle
from agent.model import Destination, EventStatus, Notification
from agent.store import Outbox

if TYPE_CHECKING:
    from agent.delivery.handover.courier import HandoverCourier

Remote = EventsSettings | WebhookSettings
Settings = Remote | None
"""What a destination is made of; None: the terminal."""


class Emitters:
    """Every destination's emitter. Any thread may call it; the lock is between the recorder and the main thread."""

    def __init__(
        self,
        outbox: Callable[[str], Outbox],
        compose: ComposeAgentEvent,
        append: Append,
        on_bad_key: Callable[[], None] = lambda: None,
        hide: Hide = str,
    ) -> None:
        self._on_bad_key = on_bad_key
        self._hide = hide
        self._outbox = outbox
        self._compose = compose
        self._append = append
        self._lock = threading.Lock()
        self._at_work: dict[str, tuple[Settings, Emitter]] = {}
        self._stopped = False

    def apply(self, agent: AgentSettings, names: Collection[str]) -> None:
        """Have these destinations told, as the settings say, and no others; what did not change goes on."""
        targets: dict[str, Settings] = {
            name: settings for name, settings in collect_remotes(agent).items() if name in names
        }
        if TERMINAL in names:
            targets[TERMINAL] = None
        with self._lock:
            if self._stopped:
                return
            leaving = {
                name: self._at_work.pop(name)
                for name, (settings, _) in list(self._at_work.items())
                if name not in targets or targets[name] != settings
            }
            _end([emitter for _, emitter in leaving.values()])
            for name, settings in targets.items():
                if name not in self._at_work:
                    emitter = Emitter(name, self._courier(name, settings))
                    self._at_work[name] = (settings, emitter)
                    emitter.start(after=_of_the_same(settings, leaving.get(name)))

    def wake(self) -> None:
        """There is something new to tell. Never blocks for long."""
        with self._lock:
            for _, emitter in self._at_work.values():
                emitter.wake()

    def stop(self, farewell: bool = False) -> None:
        """End all within a second; with `farewell` each sends one more, where that is possible at once."""
        with self._lock:
            self._stopped = True
            _end([emitter for _, emitter in self._at_work.values()], farewell)
            self._at_work.clear()

    def _courier(self, name: str, settings: Settings) -> Courier | HandoverCourier:
        return courier(self._outbox(name), settings, self._compose, self._append, self._on_bad_key, self._hide)


def _of_the_same(settings: Settings, before: tuple[Settings, Emitter] | None) -> Emitter | None:
    """Return who told this destination until now; nobody where it was another one, to whom it told something else.

    A broker drops by itself what is handed over twice, so nobody waits for that.
    """
    settings_before, emitter = before or (None, None)
    if not settings or not settings_before or (isinstance(settings, EventsSettings) and settings.broker):
        return None
    return emitter if _identity(settings) == _identity(settings_before) else None


def _end(emitters: list[Emitter], farewell: bool = False) -> None:
    for emitter in emitters:
        emitter.leave(farewell)
    for emitter in emitters:
        emitter.join()


def courier(
    outbox: Outbox,
    settings: Settings,
    compose: ComposeAgentEvent,
    append: Append,
    on_bad_key: Callable[[], None] = lambda: None,
    hide: Hide = str,
) -> Courier | HandoverCourier:
    """Return what carries to a destination, as its settings say; `on_bad_key` is called each time its key is.

    `hide` takes the agent's secrets out of what the destination answers, which may be an echo.
    """
    if isinstance(settings, EventsSettings) and settings.broker:
        return _handover(outbox, settings, compose, append)
    # A terminal takes all there is; a webhook is given no digest unless it asks for one.
    rate = float(settings.rate_limit) if settings else math.inf
    digest_above = float(settings.digest_above or math.inf) if settings else math.inf
    heartbeat = settings.sign_of_life if isinstance(settings, EventsSettings) else 0.0
    problems = DeliveryProblems(outbox.destination, time.monotonic)
    sink = sink_of(settings, hide)
    return Courier(
        outbox,
        sink,
        Throttle(Limiter(rate), problems, random.Random(), on_bad_key),  # noqa: S311 - jitter needs no secrecy
        Bundling(outbox, sink, digest_above),
        AgentNews(outbox, compose, append, heartbeat),
        problems,
    )


def _handover(outbox: Outbox, settings: EventsSettings, compose: ComposeAgentEvent, append: Append) -> HandoverCourier:
    """Return what hands over to a broker, under the name that this host has now."""
    from agent.delivery.handover.beats import Beats
    from agent.delivery.handover.connection import Connection
    from agent.delivery.handover.courier import HandoverCourier

    def about() -> Notification:
        return compose("heartbeat", "alive", EventStatus.INFO)

    host = about().host.get("host", "")
    return HandoverCourier(
        outbox,
        Connection(settings, host),
        AgentNews(outbox, compose, append),
        DeliveryProblems(outbox.destination, time.monotonic),
        Beats(settings.sign_of_life, about, random.Random()),  # noqa: S311 - jitter needs no secrecy
        float(settings.republish_after),
    )


def sink_of(settings: Settings, hide: Hide = str) -> Sink:
    """Return the code that speaks to this kind of destination; only the kinds in use are imported."""
    if isinstance(settings, EventsSettings):
        from agent.delivery.sinks.truewatch.api import Api

        return Api(settings, hide)
    if settings:
        from agent.delivery.sinks.webhook.webhook import Webhook

        return Webhook(settings, hide)
    from agent.delivery.sinks.terminal import Terminal

    return Terminal()


def collect_remotes(agent: AgentSettings) -> dict[str, Remote]:
    """Return the destinations that the settings name, the main one first."""
    main: dict[str, Remote] = {MAIN: agent.events} if agent.events.endpoint or agent.events.broker else {}
    return main | agent.destinations


def destinations(agent: AgentSettings) -> tuple[Destination, ...]:
    """Return them as the store has to know them."""
    return tuple(_destination(name, settings) for name, settings in collect_remotes(agent).items())


def _destination(name: str, settings: Remote) -> Destination:
    if isinstance(settings, WebhookSettings):
        return Destination(name, _identity(settings), settings.only)
    return Destination(name, _identity(settings))


def _identity(settings: Remote) -> str:
    if isinstance(settings, WebhookSettings):
        return _hash(f"webhook {settings.url}")
    if settings.broker:
        return _hash(f"broker {settings.broker}")
    return _hash(f"truewatch {settings.endpoint.rstrip('/')}")


def _hash(text: str) -> str:
    return blake2s(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
