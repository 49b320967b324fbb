"""What we use of APScheduler, imported without what it brings along and nobody here uses: 3 MB and 40 ms.

It imports pools of processes, the metadata of all installed packages, to find its plugins by their names, and
time zones, though it is told UTC. While it is imported, empty modules stand in for those. Who imports them
afterwards gets the true ones.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from types import ModuleType

STAND_INS: Mapping[str, Mapping[str, object]] = {
    "importlib.metadata": {
        "PackageNotFoundError": ImportError,
        "entry_points": lambda group: (),
        "version": lambda name: "",
    },
    "concurrent.futures.process": {"BrokenProcessPool": RuntimeError},
    "multiprocessing": {},
    "tzlocal": {"get_localzone": None},
    "zoneinfo": {"ZoneInfo": type(None)},
}
"""Modules and what APScheduler takes from them at once."""


@contextmanager
def without(stand_ins: Mapping[str, Mapping[str, object]]) -> Iterator[None]:
    """Have modules that nobody has imported yet stand in empty for the true ones while the block lasts."""
    modules = {name: ModuleType(name) for name in stand_ins if name not in sys.modules}
    for name, module in modules.items():
        vars(module).update(stand_ins[name])
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]


# A later APScheduler may want more of them: then it gets the true ones.
with suppress(Exception), without(STAND_INS):
    import_module("apscheduler.schedulers.background")

from apscheduler.executors.base import BaseExecutor  # noqa: E402
from apscheduler.schedulers.background import BackgroundScheduler  # noqa: E402
from apscheduler.triggers.base import BaseTrigger  # noqa: E402

__all__ = ["BackgroundScheduler", "BaseExecutor", "BaseTrigger"]
