"""The wiring: who is made with whom, what starts and stops when. No rules of its own."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from agent.catalog import Catalog
from agent.config import load
from agent.delivery import Api, Terminal
from agent.emitter import Emitter, Limiter
from agent.event import compose
from agent.hosttags import host_tags
from agent.maintenance import Windows
from agent.model import Event, Report, State
from agent.recorder import Compose, Recorder
from agent.redact import redactor
from agent.runner import Runner
from agent.schedule import Schedule
from agent.self_check import OWN_NAME, broken_checks, configuration_outcomes, own_check
from agent.settings import CheckConfig, Config, EventsSettings
from agent.silences import Silences
from agent.state import Step
from agent.store import Store
from agent.suppress import Suppression

log = logging.getLogger("hostvigil")

STOP_SECONDS = 1.0
"""What the recorder may take at the end to write what has come in."""


class ConfigError(Exception):
    """There is nothing to run. Its text says why."""


class Service:
    """One agent at work, from `start` to `stop`."""

    def __init__(self, config: Config, store: Store, state_dir: Path) -> None:
        self._config = config
        self._store = store
        checks = {**config.checks, **broken_checks(config), OWN_NAME: own_check()}
        self._emitter = emitter(config.agent.events, store)
        self._schedule = Schedule(lambda check, due: self._runner.start(check, due))
        self._recorder = Recorder(
            store,
            checks,
            composer(config),
            self._emitter.wake,
            self._schedule.retry,
            self._schedule.next_run,
            suppressor(config, Silences(state_dir)),
        )
        scrub = redactor(config.secrets) if config.secrets else None
        self._runner = Runner(self._recorder.put, scrub, store.memories())

    def start(self, at_once: bool = False) -> None:
        if all(problem.check for problem in self._config.problems):
            # A file that cannot be read hides which checks are in it: then nothing is taken for removed.
            self._recorder.retire(time.time_ns() // 1_000_000)
        self._recorder.start()
        self._emitter.start()
        for outcome in configuration_outcomes(self._config, time.time_ns() // 1_000_000):
            self._recorder.put(outcome)
        self._schedule.begin((check for check in self._config.checks.values() if check.enabled), at_once)

    def stop(self) -> None:
        """End within two seconds: no new runs, the running ones given up, what has come in written down."""
        self._schedule.stop()
        self._runner.stop()
        self._recorder.stop(STOP_SECONDS)
        self._emitter.stop()
        self._store.close()


def run(config_dir: Path, state_dir: Path, at_once: bool = False) -> None:
    """Run the agent until SIGTERM or SIGINT.

    StoreError when the state directory cannot be used, ConfigError when there is not one check to run.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    config = load(config_dir, Catalog(), os.environ)
    for problem in config.problems:
        log.warning("%s", problem)
    if not config.checks and not broken_checks(config):
        raise ConfigError(f"{config_dir}: no checks to run")
    service = Service(config, Store.open(state_dir), state_dir)
    service.start(at_once)
    log.info("%d checks from %s, state in %s", len(config.checks), config_dir, state_dir)
    stop.wait()
    service.stop()


def emitter(settings: EventsSettings, store: Store) -> Emitter:
    """Return what tells events: to the API, or without an endpoint to the terminal."""
    if settings.endpoint:
        return Emitter(store, Api(settings), Limiter(settings.rate_limit))
    return Emitter(store, Terminal())


def composer(config: Config) -> Compose:
    """Return what words events with this host's tags."""
    host = host_tags(config.agent.hostname)

    def composed(report: Report, step: Step, check: CheckConfig) -> Event:
        return compose(report, step.result, check, host, config.agent.tags, step.at)

    return composed


def suppressor(config: Config, silences: Silences) -> Callable[[Mapping[str, Mapping[str, State]]], Suppression]:
    """Return what gathers all that may suppress at a moment."""
    agent, ends = config.agent, Windows().ends
    return lambda states: Suppression(agent.tags, silences(), agent.maintenance, ends, states)
