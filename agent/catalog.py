"""Check types by file name: checks/disk.py is `type: disk`, imported when a check of it is configured."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Protocol

import msgspec

from agent.api import Check
from agent.sections import COMMON

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class CatalogError(Exception):
    """There is no such type, or it cannot be used: its text says why."""


class Source(Protocol):
    """A place where types come from."""

    def names(self) -> Iterable[str]:
        """Return the names of its types, importing none."""

    def module(self, name: str) -> ModuleType:
        """Import the type's module; whatever the import raises."""


class Package:
    """The types in an importable package: each of its modules is one."""

    def __init__(self, package: str = "checks") -> None:
        self._package = package

    def names(self) -> Iterable[str]:
        folder = importlib.import_module(self._package).__path__
        return [module.name for module in pkgutil.iter_modules(folder) if _NAME.fullmatch(module.name)]

    def module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{self._package}.{name}")


class Catalog:
    """The types of all sources; the first source that has a name gives it."""

    def __init__(self, sources: Sequence[Source] = (Package(),)) -> None:
        self._sources: dict[str, Source] = {}
        for source in sources:
            for name in source.names():
                self._sources.setdefault(name, source)
        self._types: dict[str, type[Check] | CatalogError] = {}

    def names(self) -> list[str]:
        return sorted(self._sources)

    def get(self, name: str) -> type[Check]:
        """Return the class of a type; CatalogError where there is none that works."""
        if name not in self._sources:
            raise CatalogError(self._unknown(name))
        if name not in self._types:
            self._types[name] = self._found(name)
        found = self._types[name]
        if isinstance(found, CatalogError):
            raise found.with_traceback(None)
        return found

    def _found(self, name: str) -> type[Check] | CatalogError:
        try:
            return _check_class(self._sources[name].module(name))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a type's file is foreign code; its fault is its own
            reason = str(error) if isinstance(error, CatalogError) else f"{type(error).__name__}: {error}"
            return CatalogError(f"the type '{name}' cannot be used: {reason}")

    def _unknown(self, name: str) -> str:
        from difflib import get_close_matches

        close = get_close_matches(name, self._sources, 1)
        shown = repr(name if len(name) <= 60 else name[:57] + "...")
        return f"unknown type {shown}, " + (
            f"did you mean '{close[0]}'?" if close else f"write one of: {', '.join(self.names())}"
        )


def _check_class(module: ModuleType) -> type[Check]:
    own = (module.__name__, module.__name__ + ".")
    classes = {
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Check) and f"{value.__module__}.".startswith(own[1])
    }
    if not classes:
        raise CatalogError("no class in it is a Check: write `class Name(Check):`")
    if len(classes) > 1:
        raise CatalogError(f"more than one Check in it: {', '.join(sorted(cls.__name__ for cls in classes))}")
    cls = classes.pop()
    if cls.run is Check.run:
        raise CatalogError(f"{cls.__name__} has no `run`: write `def run(self, ctx):`")
    if taken := [field.encode_name for field in msgspec.structs.fields(cls) if field.encode_name in COMMON]:
        raise CatalogError(f"every check has the setting '{taken[0]}' already: name this type's own differently")
    with suppress(msgspec.ValidationError):
        # Only a setting is missing, perhaps; a TypeError says that a setting has a type that none can have.
        msgspec.convert({}, cls)
    return cls
