"""The facts of a notification: what was decided, and who this host is at that moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent.config.settings import CheckConfig, Config
from agent.engine import notifications
from agent.engine.notifications import Sender
from agent.engine.state.transition import Transition
from agent.model import Destination, EventStatus, Notification, Report, Result, State
from agent.plugin.clock import wall_clock


class Composer:
    """Any thread may call it; `apply` is for the service's. `host` returns the host's tags as they are now."""

    def __init__(self, host: Callable[[], Mapping[str, str]], tags: Mapping[str, str]) -> None:
        self._host = host
        self._tags = tags

    def apply(self, old: Config, new: Config) -> None:
        """Take over a configuration."""
        self._tags = new.agent.tags

    def of_change(self, report: Report, step: Transition, check: CheckConfig) -> Notification:
        return notifications.of_change(report, step.result, check, self._sender(), step.at)

    def of_standing(self, state: State, result: Result, check: CheckConfig, to: Destination) -> Notification:
        return notifications.of_standing(state, result, check, self._sender(), to.name, wall_clock())

    def of_agent(self, subject: str, text: str, status: EventStatus = EventStatus.INFO) -> Notification:
        return notifications.of_agent(subject, text, self._sender(), wall_clock(), status)

    def _sender(self) -> Sender:
        return Sender(self._host(), self._tags)
