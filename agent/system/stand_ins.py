"""Modules that others import, and of which nobody here needs much: something small stands in for them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

_LOCK = threading.Lock()
"""Between threads that look whether a stand-in is still in its place and those that remove it."""


class StandIn(ModuleType):
    """Has some parts of a module; the true one is imported when somebody asks for another. Any thread."""

    def __init__(self, name: str, **parts: object) -> None:
        super().__init__(name)
        vars(self).update(parts)

    def __getattr__(self, part: str) -> Any:
        if part.startswith("__"):  # which each import asks for
            raise AttributeError(part)
        self._leave()
        return getattr(import_module(self.__name__), part)

    def _leave(self, before: ModuleType | None = None) -> None:
        """Stand in for nothing from now on: who imports the module gets the true one, or what stood in `before`."""
        with _LOCK:
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
                sys.modules.update({self.__name__: before} if before else {})


@contextmanager
def standing_in(stand_ins: Iterable[StandIn]) -> Iterator[None]:
    """Have these stand in for modules that nobody has imported yet, while the block lasts.

    Who imports a module in the block keeps its stand-in, who imports it afterwards gets the true one.
    """
    modules = {one.__name__: one for one in stand_ins if isinstance(sys.modules.get(one.__name__), StandIn | None)}
    before = {name: sys.modules[name] for name in modules.keys() & sys.modules.keys()}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, one in modules.items():
            one._leave(before.get(name))
