"""What we use of APScheduler, imported without what it brings along and nobody here uses: 4 MB and 40 ms.

It imports pools of processes, the metadata of all installed packages, to find its plugins by their names, calendars
in the host's language, and time zones, though it is told UTC. While it is imported, something small stands in for
those. Who imports them afterwards, or a later APScheduler that wants more of them, gets the true ones.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import NoReturn

from agent.system.stand_ins import StandIn, standing_in


def _seconds(moment: time.struct_time) -> int:
    """Return the Unix time of a moment in UTC."""
    return int(datetime(*moment[:6], tzinfo=UTC).timestamp())


def _unknown_signature(*_: object, **__: object) -> NoReturn:
    """Answer as `inspect` does of some functions: then APScheduler does not compare a job's arguments with it."""
    raise ValueError


STAND_INS = (
    StandIn("calendar", timegm=_seconds),
    StandIn("concurrent.futures.process", BrokenProcessPool=RuntimeError),
    StandIn(
        "importlib.metadata",
        PackageNotFoundError=ImportError,
        entry_points=lambda group: (),
        version=lambda name: "",
    ),
    StandIn(
        "inspect",
        isbuiltin=lambda thing: isinstance(thing, BuiltinFunctionType),
        isclass=lambda thing: isinstance(thing, type),
        isfunction=lambda thing: isinstance(thing, FunctionType),
        ismethod=lambda thing: isinstance(thing, MethodType),
        signature=_unknown_signature,
    ),
    StandIn("multiprocessing"),
    StandIn("tzlocal", get_localzone=None),
    StandIn("zoneinfo", ZoneInfo=type(None)),
)
"""With what APScheduler takes from them at once."""

with standing_in(STAND_INS):
    from apscheduler.executors.base import BaseExecutor
    from apscheduler.schedulers.background import BackgroundScheduler
    from apscheduler.triggers.base import BaseTrigger

__all__ = ["BackgroundScheduler", "BaseExecutor", "BaseTrigger"]
