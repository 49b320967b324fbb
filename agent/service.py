"""The wiring: who is made with whom, what starts, stops and reloads when. No rules of its own."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from agent.config import known_sender
from agent.config.catalog import Catalog
from agent.config.diff import merged, renewed, running, scheduled
from agent.config.drop_ins import load, load_agent
from agent.config.known_sender import SENDER
from agent.config.settings import CheckConfig, Config
from agent.config.watch import Watch
from agent.delivery.dead_mans_ping import DeadMansPing
from agent.delivery.emitters import Emitters, destinations
from agent.engine import notifications
from agent.engine.destinations import Plan, Wanted, destinations_outcome, selects
from agent.engine.notifications import Sender
from agent.engine.recorder.commands import Acknowledge, RecorderConfig, Restate, Suppress, WatchdogPing
from agent.engine.recorder.recorder import Recorder
from agent.engine.self_check import OWN_NAME, broken_checks, configuration_outcomes, own_check
from agent.engine.state.transition import Transition
from agent.engine.suppression.reasons import Suppression
from agent.engine.suppression.silences import Silences
from agent.engine.suppression.windows import Windows
from agent.model import Destination, EventStatus, Notification, Report, Result, State
from agent.page.switch import PageSwitch
from agent.plugin.ownership import weak_spot
from agent.push.control import ControlServer
from agent.push.server import PushServer
from agent.running.runner import Runner
from agent.running.schedule import Schedule
from agent.store import Bounds, Store, StoreError
from agent.system.host_tags import HostTags
from agent.system.redactor import Redactor
from agent.system.sd_notify import ALIVE, READY, STOPPING, Notify
from agent.system.signals import Order, Signals
from agent.view.history.switch import HistorySwitch

log = logging.getLogger("hostvigil")

ANSWER_SECONDS = 5.0
"""What the recorder may take to answer somebody who waits."""
STOP_SECONDS = 1.0
"""What the recorder may take at the end to write what has come in."""
HISTORY_STOP_SECONDS = 0.5
"""What the history may take; what it does not write by then is lost."""


class ConfigError(Exception):
    """There is nothing to run. Its text says why."""


class Service:
    """One agent at work, from `start` to `stop`."""

    def __init__(
        self, config: Config, store: Store, state_dir: Path, hide: Redactor, key_refused: Callable[[], None]
    ) -> None:
        self._config = config
        self._store = store
        self._silences = Silences(state_dir)
        self._history = HistorySwitch(state_dir)
        self._host = HostTags(config.agent.hostname)
        self._emitters = Emitters(store.outbox, self._own_news, store.append, key_refused)
        self._began = False
        self._schedule = Schedule(lambda check, due: self._runner.start(check, due))
        orders = self._orders(config)
        self._recorder = Recorder(store, orders, self._emitters.wake, self._schedule.retry, self._schedule.next_run)
        self._door = PushServer(state_dir, self._recorder.put, hide, store.states())
        self._runner = Runner(self._recorder.put, hide, store.memories())
        self._ping = DeadMansPing(self._schedule.every, self._recorder.put)
        self._page = PageSwitch(state_dir, store, self._host, hide)
        self._watch = Watch()
        # In this order: who words and hides first, then who decides, then who begins new work.
        self._parts: tuple[Callable[[Config, Config], None], ...] = (
            self._host.apply,
            hide.apply,
            self._runner.apply,
            self._apply_recorder,
            self._schedule.apply,
            self._door.apply,
            self._apply_store,
            self._history.apply,
            self._ping.apply,
            self._page.apply,
            self._watch.apply,
        )

    def start(self, at_once: bool = False) -> None:
        # Begun before the recorder, which may want a run at once of what was held back until this start.
        self._schedule.begin(scheduled(self._config).values(), at_once, self._store.last_ran())
        self._history.apply(Config(), self._config)
        self._recorder.start()
        self._say_configuration()
        self._door.serve(self._config)
        self._ping.apply(Config(), self._config)
        self._page.apply(Config(), self._config)
        self._watch.apply(Config(), self._config)

    def beat(self, seconds: float, sign: Callable[[], None]) -> None:
        """Give a sign of life every so often: the schedule asks for it, and the recorder gives it."""
        self._schedule.every(seconds, lambda: self._recorder.put(WatchdogPing(sign)))

    def reload(self, fresh: Config) -> Config:
        """Take over what is right of a configuration, and return what is at work now.

        What did not change goes on as if nothing had happened.
        """
        self._apply(merged(self._config, fresh))
        self._say_configuration()
        return self._config

    def renew_keys(self, fresh: Config) -> None:
        """Take over the secrets of destinations, where they are others now. Nothing else of it."""
        new = renewed(self._config, fresh)
        if new != self._config:
            log.warning("a key was refused and has changed since it was read: the new one is used")
            self._apply(new)

    def _apply(self, new: Config) -> None:
        old, self._config = self._config, new
        for apply in self._parts:
            try:
                apply(old, self._config)
            except Exception:
                log.exception("a bug of ours: a part of the agent has not taken over the configuration")

    def _apply_recorder(self, old: Config, new: Config) -> None:
        self._recorder.put(self._orders(new))

    def _apply_store(self, old: Config, new: Config) -> None:
        self._store.bound(bounds(new))
        try:
            with_known_sender(new, self._store)
        except StoreError as error:
            log.error("the host's name and tags cannot be kept for a start without settings: %s", error)

    def wake(self) -> None:
        """Somebody else put something into the outbox."""
        self._emitters.wake()

    def restate(self) -> None:
        """Tell what stands to who does not know of it any more."""
        self._recorder.put(Restate())

    def acknowledge(self, check: str, subject: str | None, words: str) -> dict[str, object]:
        """Have problems not repeated until they change; return their subjects."""
        answers: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        self._recorder.put(Acknowledge(check, subject, words, answers.put))
        try:
            return {"subjects": answers.get(timeout=ANSWER_SECONDS)}
        except queue.Empty:
            return {"error": f"the agent did not get to it within {ANSWER_SECONDS:g}s"}

    def stop(self) -> None:
        """End within two seconds: no new runs, the running ones given up, what has come in written down."""
        self._schedule.stop()
        self._page.stop()
        self._door.close()
        self._runner.stop()
        self._recorder.stop(STOP_SECONDS)
        self._history.stop(HISTORY_STOP_SECONDS)
        self._say("stopped")
        self._emitters.stop(farewell=self._config.agent.events.start_stop)
        self._store.close()

    def _orders(self, config: Config) -> RecorderConfig:
        checks = {**running(config), **broken_checks(config), OWN_NAME: own_check()}
        return RecorderConfig(
            checks,
            self._compose,
            suppressor(config, self._silences),
            retire=config.complete,
            wanted=Wanted(destinations(config.agent), config.agent_readable),
            compose_standing=self._compose_standing,
            adopted=self._adopted,
            tags=config.agent.tags,
            observe=self._history.put,
        )

    def _sender(self) -> Sender:
        """Return who tells: the name, address and tags that this host has now."""
        return Sender(self._host(), self._config.agent.tags)

    def _compose(self, report: Report, step: Transition, check: CheckConfig) -> Notification:
        return notifications.of_change(report, step.result, check, self._sender(), step.at)

    def _compose_standing(self, state: State, result: Result, check: CheckConfig, to: Destination) -> Notification:
        return notifications.of_standing(state, result, check, self._sender(), to.name, _now())

    def _own_news(self, subject: str, text: str, status: EventStatus) -> Notification:
        return notifications.of_agent(subject, text, self._sender(), _now(), status)

    def _adopted(self, plan: Plan, ended: Mapping[str, int]) -> None:
        """Go on with the destinations that are taken over. Called by the recorder."""
        if not self._began:
            self._began = True
            self._say(f"started, checks: {len(running(self._config))}")
        self._emitters.apply(self._config.agent, [one.name for one in plan.told])
        for name in plan.held:
            log.warning("what waits for %s is kept and not sent: its settings cannot be read", name)
        self._recorder.put(destinations_outcome(plan, ended, _now()))

    def _say(self, text: str) -> None:
        """Tell of the agent's own start and end, where that is wanted; a full disk is no reason not to start."""
        if self._config.agent.events.start_stop:
            with contextlib.suppress(StoreError):
                self._store.append(self._own_news("agent", text, EventStatus.INFO))
                self._emitters.wake()

    def _say_configuration(self) -> None:
        for problem in self._config.problems:
            log.warning("%s", problem)
        for outcome in configuration_outcomes(self._config, _now()):
            self._recorder.put(outcome)


def run(config_dir: Path, state_dir: Path, at_once: bool, ready: Callable[[Config], None], hide: Redactor) -> None:
    """Run the agent until SIGTERM or SIGINT; SIGHUP reloads. `ready` is called when it is at work.

    `hide` takes secrets out of texts, and is kept up to date here.
    StoreError when the state directory cannot be used, ConfigError when there is not one check to run.
    """
    signals, systemd = Signals(), Notify(os.environ)
    config = load(config_dir, Catalog(), os.environ)
    hide.apply(config, config)
    if os.geteuid() == 0 and (weak := weak_spot(str(config_dir))):
        log.warning("%s; who can change the configuration can run commands as root", weak)
    if not config.checks and not broken_checks(config):
        raise ConfigError("\n".join(map(str, config.problems)) or f"{config_dir}: no checks to run")
    store = Store.open(state_dir, bounds(config), selects)
    service = Service(
        with_known_sender(config, store), store, state_dir, hide, lambda: signals.put(Order("renew keys"))
    )
    if systemd.beat_seconds:
        service.beat(systemd.beat_seconds, lambda: systemd(ALIVE))
    service.start(at_once)
    control = ControlServer(state_dir, signals.put)
    control.start()
    systemd(READY)
    ready(config)

    def reload() -> dict[str, object]:
        at_work = service.reload(load(config_dir, Catalog(), os.environ))
        return {"checks": len(running(at_work)), "problems": list(map(str, at_work.problems))}

    def renew_keys() -> None:
        service.renew_keys(load_agent(config_dir, os.environ))

    for order in signals:
        obey(
            order,
            {
                "acknowledge": service.acknowledge,
                "reload": reload,
                "renew keys": renew_keys,
                "restate": service.restate,
                "wake": service.wake,
            },
        )
    systemd(STOPPING)
    control.close()
    service.stop()


def obey(order: Order, orders: Mapping[str, Callable[..., Mapping[str, object] | None]]) -> None:
    """Do what is asked for and answer; a bug in it ends nothing but this order."""
    try:
        order.answer(orders[order.name](**order.arguments) or {})
    except Exception as error:
        log.exception("a bug of ours, the order to %s is lost", order.name)
        order.answer({"error": f"a bug of hostvigil, see its log: {type(error).__name__}"})


def bounds(config: Config) -> Bounds:
    """Return how much may wait for each destination."""
    return Bounds(config.agent.events.most_events, int(config.agent.events.most_bytes))


def with_known_sender(config: Config, store: Store) -> Config:
    """Return the configuration; where the agent's settings cannot be read, the host keeps the name and tags it had."""
    if config.agent_readable:
        store.keep_fact(SENDER, known_sender.as_text(config.agent))
        return config
    agent = known_sender.with_known(config.agent, store.history.remembered(SENDER))
    return msgspec.structs.replace(config, agent=agent)


def suppressor(config: Config, silences: Silences) -> Suppress:
    """Return what gathers all that may suppress at a moment."""
    agent, ends = config.agent, Windows().ends
    checks = config.checks
    return lambda states: Suppression(agent.tags, silences(), agent.maintenance, ends, states, checks, checks)


def _now() -> int:
    """Return the wall clock in Unix milliseconds."""
    return time.time_ns() // 1_000_000
