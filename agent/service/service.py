"""Who is made with whom, what starts, stops and reloads when. No rules of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from agent.config.diff import checks_on_schedule, merge, renew_secrets
from agent.config.files.watch import Watch
from agent.config.settings import Config
from agent.delivery.dead_mans_ping import DeadMansPing
from agent.engine.composer import Composer
from agent.engine.destinations import Plan
from agent.engine.recorder.commands import Restate, WatchdogPing
from agent.engine.recorder.recorder import Recorder
from agent.engine.self_check import configuration_outcomes
from agent.engine.suppression.silences import Silences
from agent.plugin.clock import wall_clock
from agent.running.runner import Runner
from agent.running.schedule import Schedule
from agent.service.delivery import Destinations
from agent.service.kept import StoreSettings, keep_at_work
from agent.service.recording import RecorderWiring
from agent.service.servers import Apply, Servers
from agent.service.steering import Steering
from agent.store import Store
from agent.system.cloud_tags import CloudTags
from agent.system.host_tags import HostTags
from agent.system.redactor import Redactor
from agent.view.history.switch import HistorySwitch

log = logging.getLogger("hostvigil")


class Service:
    """One agent at work, from `start` to `stop`. The main thread owns it."""

    def __init__(
        self, config: Config, store: Store, state_dir: Path, hide: Redactor, on_bad_key: Callable[[], None]
    ) -> None:
        self._config = config
        self._store = store
        self._history = HistorySwitch(state_dir)
        cloud = CloudTags()
        host = HostTags(config.agent.hostname, cloud=cloud)
        composer = Composer(host, config.agent.tags)
        self._destinations = Destinations(store, composer, config, on_bad_key, hide)
        self._wiring = RecorderWiring(composer, Silences(state_dir), self._take_over, self._history.put)
        schedule = self._schedule = Schedule()
        self._recorder = Recorder(
            store, self._wiring.config_of(config), self._destinations.wake, schedule.retry, schedule.next_run
        )
        self.steering = Steering(state_dir, self._recorder.put, schedule, self._history.note)
        self._runner = Runner(self._recorder.put, hide, store.memories())
        self._servers = Servers(state_dir, store, self._recorder.put, host, hide, self.steering)
        ping = DeadMansPing(schedule.every, self._recorder.put)
        self._outward: tuple[Apply, ...] = (cloud.apply, *self._servers.parts, ping.apply, Watch().apply)
        """What is open to others or asks them: begun when everybody else is at work."""
        # In this order: who words and hides first, then who decides, then who begins new work.
        self._parts: tuple[Apply, ...] = (
            host.apply,
            composer.apply,
            hide.apply,
            self._destinations.apply,
            self._runner.apply,
            self._apply_recorder,
            schedule.apply,
            StoreSettings(store).apply,
            self._history.apply,
            *self._outward,
        )

    def start(self, at_once: bool = False) -> None:
        """Begin all that has a thread, once. `at_once`: each check runs within the first second."""
        # Begun before the recorder, which may want a run at once of what was held back until this start.
        self._schedule.begin(
            self._runner.start, checks_on_schedule(self._config).values(), at_once, self._store.last_ran()
        )
        keep_at_work(self._config, self._store)
        self._history.apply(Config(), self._config)
        self._recorder.start()
        self._say_configuration()
        for apply in self._outward:
            apply(Config(), self._config)

    def every(self, seconds: float, act: Callable[[], None]) -> None:
        """Act every so often, on the schedule's thread."""
        self._schedule.every(seconds, act)

    def ping(self, answer: Callable[[], None]) -> None:
        """Have the recorder answer, when it has done what it was given before."""
        self._recorder.put(WatchdogPing(answer))

    def reload(self, fresh: Config) -> Config:
        """Take over what is right of a configuration, and return what is at work now.

        What did not change goes on as if nothing had happened.
        """
        self._apply(merge(self._config, fresh))
        self._say_configuration()
        return self._config

    def renew_keys(self, fresh: Config) -> None:
        """Take over the secrets of destinations, where they are others now. Nothing else of it."""
        new = renew_secrets(self._config, fresh)
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
        self._recorder.put(self._wiring.config_of(new))

    def wake(self) -> None:
        """Somebody else put something into the outbox."""
        self._destinations.wake()

    def restate(self) -> None:
        """Tell what stands to who does not know of it any more."""
        self._recorder.put(Restate())

    def stop(self) -> None:
        """End within two seconds."""
        # No new runs, the running ones given up, then what has come in is written down.
        self._schedule.stop()
        self._servers.stop()
        self._runner.stop()
        self._recorder.stop()
        self._history.stop()
        self._destinations.stop()
        self._store.close()

    def _take_over(self, plan: Plan, ended_counts: Mapping[str, int]) -> None:
        """Go on with the destinations that are taken over. Called by the recorder."""
        self._recorder.put(self._destinations.take_over(plan, ended_counts))

    def _say_configuration(self) -> None:
        for problem in self._config.problems:
            log.warning("%s", problem)
        for outcome in configuration_outcomes(self._config, wall_clock()):
            self._recorder.put(outcome)
