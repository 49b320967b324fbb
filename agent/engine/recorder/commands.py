"""What the recorder is told to do, and what it wants of others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import msgspec

from agent.config.settings import CheckConfig
from agent.engine.destinations import Plan, Targets
from agent.engine.state.transition import Transition
from agent.engine.suppression.reasons import Suppression
from agent.model import Destination, Notification, Outcome, Report, Result, RunStarted, State

Compose = Callable[[Report, Transition, CheckConfig], Notification]
ComposeStanding = Callable[[State, Result, CheckConfig, Destination], Notification]
"""Makes the facts of a problem that stands, for a destination that does not know of it."""
OnAdoption = Callable[[Plan, Mapping[str, int]], None]
"""Called when the destinations are taken over, with how many deliveries ended with each that was removed."""
Observe = Callable[[Transition, bool], None]
"""Called with each transition; True: its metrics were measured just now."""
Suppress = Callable[[Mapping[str, Mapping[str, State]]], Suppression]


class RecorderConfig(msgspec.Struct, frozen=True):
    """What the configuration wants of the recorder; a reload brings new ones."""

    checks: Mapping[str, CheckConfig]
    """Those that run, the agent's own, and stand-ins for those that are written wrong."""
    compose: Compose
    suppress: Suppress
    retire: bool = True
    """Close checks that are not among `checks`; not while a file is unreadable that may hold them."""
    off: Collection[str] = ()
    """Those that are switched off: they are closed whatever is unreadable."""
    targets: Targets = Targets()
    """Who is to be told."""
    compose_standing: ComposeStanding | None = None
    on_adoption: OnAdoption | None = None
    tags: Mapping[str, str] = {}
    """The agent's own, which every check has too."""
    observe: Observe | None = None
    """Sees each transition; it must neither block nor raise."""

    def may_come_back(self, check: str) -> bool:
        """Tell whether a check that is not at work may be written in what cannot be read."""
        return not self.retire and check not in self.checks and check not in self.off


class Schedule(msgspec.Struct, frozen=True):
    """What the recorder wants of the schedule."""

    retry: Callable[[str, float], None]
    """Have a check run in so many seconds, unless its next turn comes sooner; nothing for what is not run."""
    next_run: Callable[[str], int]
    """When a check runs next, Unix milliseconds; 0: unknown."""


class Restate(msgspec.Struct, frozen=True):
    """A destination forgot what it was told (the store knows which): it is told what stands."""


class Acknowledge(msgspec.Struct, frozen=True):
    """Somebody knows of problems: they are not repeated until they change."""

    check: str
    subject: str | None
    """None: each subject of the check."""
    words: str
    """Who, and why; empty takes it back."""
    answer: Callable[[list[str]], None]
    """Called with the names of the problems that it is about."""


class WatchdogPing(msgspec.Struct, frozen=True):
    """A question whether the recorder works; answered when its turn comes, though nothing can be written."""

    answer: Callable[[], None]


Command = Acknowledge | Outcome | RecorderConfig | Restate | RunStarted | WatchdogPing | Callable[[], None]
"""What can be handed to the recorder; a function is a receipt, called when all before it is written."""
