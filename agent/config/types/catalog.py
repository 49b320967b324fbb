"""Check types by file name: checks/disk.py is `type: disk`, imported when a check of it is configured."""

from __future__ import annotations

import importlib
import os
import re
import sys
import traceback
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Protocol

import msgspec

from agent import api
from agent.api import Check
from agent.config.files.content import Unreadable
from agent.config.files.patience import Patience
from agent.config.types.check_class import CatalogError, check_class
from agent.config.types.own_types import OwnTypeError, load_file
from agent.config.words.foreign import type_of
from agent.config.words.names import nearest
from agent.config.words.quoting import short

_NAME = re.compile(r"[a-z][a-z0-9_]*")
ENTRY_POINTS = "hostvigil.checks"
IMPORT_SECONDS = 5.0
"""For the first own type whose import does not end; who asks for a reload waits ten."""


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
        folders = map(Path, importlib.import_module(self._package).__path__)
        return [path.stem for folder in folders for path in folder.iterdir() if _is_module(path)]

    def module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{self._package}.{name}")


class Folder:
    """The types in a folder of the owner's: each `name.py` is one. Root loads none that others could change."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.patience = Patience(IMPORT_SECONDS)

    def names(self) -> Iterable[str]:
        """Return the names; Unreadable where the folder does not answer."""
        return self.patience.one(f"{self.path}/*", self._names)

    def _names(self) -> list[str]:
        try:
            return [file.stem for file in sorted(self.path.glob("*.py")) if _own_type(file.stem)]
        except OSError:
            return []

    def module(self, name: str) -> ModuleType:
        file = self.file(name)
        try:
            return self.patience.one(str(file), partial(load_file, file, guarded=os.geteuid() == 0))
        except Unreadable:
            text = "does not come to the end of its import: does it wait for something, or does its disk or mount hang?"
            raise OwnTypeError(f"{file} {text}") from None

    def has_misnamed(self, name: str) -> bool:
        """Tell whether there is a file of this name that is no type because of it."""
        return "/" not in name and not _own_type(name) and self.file(name).is_file()

    def file(self, name: str) -> Path:
        return self.path / f"{name}.py"


class EntryPoints:
    """The types of packages installed beside the agent, by the entry point group `hostvigil.checks`."""

    def __init__(self) -> None:
        from importlib.metadata import entry_points

        self._points = {point.name: point for point in entry_points(group=ENTRY_POINTS)}

    def names(self) -> Iterable[str]:
        return [name for name in self._points if _NAME.fullmatch(name)]

    def module(self, name: str) -> ModuleType:
        target = self._points[name].load()
        return target if isinstance(target, ModuleType) else sys.modules[target.__module__]


class Catalog:
    """The types of all sources; the first source that has a name gives it. Made for one load, whose thread owns it."""

    def __init__(self, sources: Sequence[Source] = (Package(),)) -> None:
        self._sources: dict[str, Source] = {}
        self._folders: list[Folder] = []
        for source in sources:
            self.add(source)
        self._complete = False
        self.unread = ""
        """A folder of types that did not answer."""
        self._types: dict[str, type[Check] | CatalogError] = {}

    def add(self, source: Source, replace: Iterable[str] = ()) -> list[str]:
        """Add the types of one more source, and return the names that were known already.

        Such a name stays what it is, unless it is one of `replace`.
        """
        names = list(source.names())
        if isinstance(source, Folder):
            self._folders.append(source)
        duplicates = [name for name in names if name in self._sources]
        self._sources = {
            **dict.fromkeys(names, source),
            **self._sources,
            **dict.fromkeys({*names} & {*replace}, source),
        }
        return duplicates

    def names(self) -> list[str]:
        self._look_at_packages()
        return sorted(self._sources)

    def get(self, name: str) -> type[Check]:
        """Return the class of a type; CatalogError where there is none that works."""
        if name not in self._sources:
            self._look_at_packages()
        if name not in self._sources:
            raise CatalogError(self._unknown(name))
        if name not in self._types:
            self._types[name] = self._load(name)
        entry = self._types[name]
        if isinstance(entry, CatalogError):
            raise entry.with_traceback(None)
        return entry

    def _look_at_packages(self) -> None:
        """Last and only when needed: it reads the metadata of every installed package."""
        if not self._complete:
            self._complete = True
            self.add(EntryPoints())

    def _load(self, name: str) -> type[Check] | CatalogError:
        source = self._sources[name]
        file = str(source.file(name)) if isinstance(source, Folder) else ""
        try:
            return check_class(source.module(name))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a type's file is foreign code; its fault is its own
            return CatalogError(f"the type '{name}' cannot be used: {_reason(error, file)}")

    def _unknown(self, name: str) -> str:
        if self.unread:
            return f"unknown type {short(name)}: it may be in {self.unread}, which cannot be read"
        if file := next((folder.file(name) for folder in self._folders if folder.has_misnamed(name)), None):
            usual = re.sub("[^a-z0-9]+", "_", name.lower()).strip("_").lstrip("0123456789_") or "my_check"
            how = f"a type's name has lower case letters, digits and _: call it {usual}.py"
            return f"unknown type {short(name)}: {file} is there, but {how}"
        close = type_of(name, self._sources) or nearest(name, self._sources)
        if close:
            return f"unknown type {short(name)}, did you mean '{close}'?"
        plugin = "; a Nagios plugin for it is run by `type: script`" if "script" in self._sources else ""
        return f"unknown type {short(name)}, write one of: {', '.join(self.names())}{plugin}"


def _is_module(path: Path) -> bool:
    """Tell a module or a package; `pkgutil` would import `inspect` to say so."""
    return bool(_NAME.fullmatch(path.stem)) and (path.suffix == ".py" or (path / "__init__.py").exists())


def _own_type(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and not name.startswith("test_")


def _reason(error: BaseException, file: str) -> str:
    """Say what is wrong with a type's file, and in which line of it. `file`: that of an own type."""
    if isinstance(error, CatalogError | OwnTypeError):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: SyntaxError: {error.msg}"
    if isinstance(error, ModuleNotFoundError) and error.name == "hostvigil":
        error = ModuleNotFoundError(f"{error}: write `from agent.api import ...`")
        return f"{file}: {error}"
    ours = (os.path.dirname(os.path.dirname(__file__)), "<", msgspec.__path__[0])  # noqa: PTH120
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not one.filename.startswith(ours)]
    inside = [one for one in frames if one.filename.startswith(os.path.dirname(file))] if file else frames  # noqa: PTH120
    where = f"{inside[-1].filename}:{inside[-1].lineno}: " if inside else f"{file}: " if file else ""
    hint = _hint(error)
    return f"{where}{type(error).__name__}: {error}{hint and f': {hint}'}"


def _hint(error: BaseException) -> str:
    """Say what to write instead; '' where that is not known."""
    text = str(error)
    if isinstance(error, ModuleNotFoundError):
        return f"install it for {sys.executable}"
    if "cannot define __init__" in text:
        return "settings are fields, `name: type = default`; what is made of them is made in `run`"
    if text == "readonly attribute":
        return "a Check is a class of its own kind: remove @dataclass"
    if (match := re.match(r"cannot import name '(\w+)' from 'agent.api'", text)) and (
        close := nearest(match[1].lower(), api.__all__)
    ):
        return f"did you mean {close}?"
    return ""
