"""What the recorder is told to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from agent.config.settings import CheckConfig
from agent.engine.state.transition import Transition
from agent.engine.suppression.reasons import Suppression
from agent.model import Event, Outcome, Report, RunStarted, State

Compose = Callable[[Report, Transition, CheckConfig], Event]
Suppress = Callable[[Mapping[str, Mapping[str, State]]], Suppression]


class RecorderConfig(msgspec.Struct, frozen=True):
    """What the configuration wants of the recorder; a reload brings new ones."""

    checks: Mapping[str, CheckConfig]
    """Those that run, the agent's own, and stand-ins for those that are written wrong."""
    compose: Compose
    suppress: Suppress
    retire: bool = True
    """Close checks that are not among `checks`; not while a file is unreadable that may hold them."""


class WatchdogPing(msgspec.Struct, frozen=True):
    """A question whether the recorder works; answered when its turn comes, though nothing can be written."""

    answer: Callable[[], None]


Command = Outcome | RecorderConfig | RunStarted | WatchdogPing | Callable[[], None]
"""What can be handed to the recorder; a function is a receipt, called when all before it is written."""
