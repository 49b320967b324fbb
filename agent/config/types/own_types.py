"""The owner's folder of check types: each `name.py` is one; what begins with `_` is code that types share.

A type takes shared code by `from ._name import ...`. The folder is never put on `sys.path`: an `http.py` in it would
take the place of the standard library's. So that a class has one name in every process, the folder is a package of its
own name. Nothing but source is loaded: byte code and libraries lie where others may have put them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from zlib import crc32

from agent.config.types.own_import import ImportEndsError, forbid_exit
from agent.plugin.ownership import weak_spot

PACKAGE = "hostvigil_checks_d"
"""How the names of these packages begin."""

Version = tuple[tuple[str, int, int, int], ...]
_LOADED: dict[tuple[Path, bool], tuple[Version, ModuleType]] = {}


class OwnTypeError(Exception):
    """A file of the folder cannot be used: its text says why."""


class _Package(ModuleType):
    """Stands for a folder, so that the files in it can be imported by names below it."""

    def __init__(self, name: str, folder: Path, guarded: bool) -> None:
        super().__init__(name)
        self.__path__ = [str(folder)]
        self.guarded = guarded
        """Files that others than root could change are refused."""
        self.shared: Version = ()


class _Source(SourceFileLoader):
    """Python from its source, whatever byte code lies beside it."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


class _Finder:
    """Finds what a type imports from its own folder. Without its base class, which brings `tempfile` and more along."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(PACKAGE) or not path:
            return None
        package = sys.modules[fullname.partition(".")[0]]
        stem = fullname.rpartition(".")[2]
        for folder in map(Path, path):
            for file in (folder / f"{stem}.py", folder / stem / "__init__.py"):
                if file.is_file():
                    return _spec(fullname, file, isinstance(package, _Package) and package.guarded)
        # Nobody else may look: they would take byte code and libraries.
        raise ModuleNotFoundError(f"No file {stem}.py in {path[0]}", name=fullname)


def _spec(name: str, file: Path, guarded: bool) -> ModuleSpec:
    if guarded and (weak := weak_spot(str(file))):
        raise OwnTypeError(f"refused to load {file}: {weak}")
    inside = [str(file.parent)] if file.name == "__init__.py" else None
    spec = spec_from_file_location(name, file, loader=_Source(name, str(file)), submodule_search_locations=inside)
    assert spec is not None  # noqa: S101 - with a loader there is always one
    return spec


def load_file(file: Path, guarded: bool = False) -> ModuleType:
    """Import a type's file; the same version of a file is the same module, so that a reload sees no change in it.

    `guarded`: nothing is loaded that others than root could change. OwnTypeError then, and for a file that is no type.
    """
    file = file.absolute()
    package = _package(file.parent, guarded)
    version = (*_version([file]), *package.shared)
    key = file, guarded
    if key in _LOADED and _LOADED[key][0] == version:
        return _LOADED[key][1]
    name = f"{package.__name__}.{file.stem}"
    spec = _spec(name, file, guarded)
    module = module_from_spec(spec)
    sys.modules[name] = module  # where msgspec looks up what the annotations mean
    try:
        with forbid_exit():
            spec.loader.exec_module(module)  # type: ignore[union-attr]  # it was given one
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, ImportEndsError):
            raise OwnTypeError(f"{file}: {error}") from None
        if isinstance(error, ModuleNotFoundError) and (hint := _hint(error, file.parent)):
            raise OwnTypeError(hint) from error
        raise
    _LOADED[key] = (version, module)
    return module


def _package(folder: Path, guarded: bool) -> _Package:
    """Return the package of a folder; where shared code has changed, what was imported before is forgotten."""
    if not any(isinstance(one, _Finder) for one in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    name = f"{PACKAGE}_{crc32(os.fsencode(folder)):08x}"
    shared = _version(_library_files(folder))
    package = sys.modules.get(name)
    if not isinstance(package, _Package) or package.shared != shared or package.guarded != guarded:
        for imported in [one for one in sys.modules if one.startswith(f"{name}.")]:
            del sys.modules[imported]
        package = sys.modules[name] = _Package(name, folder, guarded)
        package.shared = shared
    return package


def _library_files(folder: Path) -> Iterable[Path]:
    inside = [path for one in _packages(folder) for path in one.glob("**/*.py")]
    return sorted([*folder.glob("_*.py"), *inside])


def _packages(folder: Path) -> list[Path]:
    """Return the folders of shared code. A pattern of Path.glob would follow each link, to a mount that hangs too."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.name.startswith("_") and entry.is_dir()]
    return []


def sources(folder: Path) -> list[Path]:
    """Return what the types of a folder are made of, folders included; nothing where there is no such folder."""
    try:
        if not folder.is_dir():
            return []
        inside = [path for one in _packages(folder) for path in one.glob("**/")]
        shared = [*_library_files(folder), *(path for path in inside if path.name != "__pycache__")]
        return [folder, *sorted({*folder.glob("*.py"), *shared})]
    except OSError:  # whoever may not look at it is told so where a type is missing
        return []


def _version(files: Iterable[Path]) -> Version:
    entries = []
    for file in files:
        info = file.stat()
        entries.append((file.name, info.st_ino, info.st_mtime_ns, info.st_size))
    return tuple(entries)


def _hint(error: ModuleNotFoundError, folder: Path) -> str:
    """Say how code of the folder is imported, where that was meant."""
    name = (error.name or "").partition(".")[0]
    if not name or not ((folder / f"{name}.py").exists() or (folder / name / "__init__.py").exists()):
        return ""
    shared = name if name.startswith("_") else f"_{name}"
    return (
        f"the folder of own types is not on Python's path: call the file {shared}.py and write "
        f"`from .{shared} import ...`, with a dot"
    )
