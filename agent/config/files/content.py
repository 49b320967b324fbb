"""Reading what the configuration consists of: only regular files, only up to a size, never waiting."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from agent.plugin.ownership import open_to_all

T = TypeVar("T")


class Unreadable(Exception):
    """The file or directory cannot be read: its text says why and what to do."""


def version(path: Path) -> tuple[int, int, int]:
    """Return what changes when a file or a folder is written or replaced; zeros where it cannot be looked at."""
    try:
        info = path.stat()
    except (OSError, ValueError):
        return (0, 0, 0)
    return (info.st_ino, info.st_mtime_ns, info.st_size)


def with_version(path: Path, read: Callable[[Path], T]) -> tuple[tuple[int, int, int], T | Unreadable]:
    """Return what a file's `read` finds, or why it cannot, with the version that the file had before."""
    before = version(path)
    try:
        return before, read(path)
    except Unreadable as error:
        return before, error


def drop_ins(directory: Path) -> list[Path]:
    """Return the *.yaml and *.yml of a directory in lexical order; hidden files (editors' locks) are none."""
    try:
        names = sorted(os.fsencode(entry.name) for entry in os.scandir(directory))
    except FileNotFoundError:
        raise Unreadable("no such directory: create it, or name another with --config") from None
    except NotADirectoryError:
        raise Unreadable("is not a directory: name the directory that holds the *.yaml files") from None
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    _refuse_open(directory)
    paths = [directory / os.fsdecode(name) for name in names if _is_yaml(name)]
    if not paths:
        raise Unreadable("no *.yaml or *.yml file in this directory: write one with a section `checks:`")
    return paths


def _is_yaml(name: bytes) -> bool:
    return name.lower().endswith((b".yaml", b".yml")) and not name.startswith(b".")


_MISNAMED = re.compile(
    r"\.(?:ya?ml[ ._-]*(?:txt|\d)?|yam+l*|ymal|yml+|ym|conf|cfg|ini|toml|(?<!schema\.)json)\s*", re.I
)
"""How files are called that somebody may take for drop-ins; copies that editors and packages leave rest on purpose."""


def not_read(directory: Path) -> list[str]:
    """Return names in a directory that are like those of drop-ins, and not read; no link is followed, it may hang."""
    try:
        names = sorted(entry.name for entry in os.scandir(directory) if not entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [name for name in names if not _is_yaml(os.fsencode(name)) and _is_like_yaml(name)]


def _is_like_yaml(name: str) -> bool:
    return not name.startswith(".") and any(
        _MISNAMED.fullmatch(name, at) for at, letter in enumerate(name) if letter == "."
    )


def folders_in(directory: Path) -> list[Path]:
    """Return what may be a folder in a directory, links among it, without following any."""
    try:
        entries = [entry for entry in os.scandir(directory) if not entry.name.startswith(".")]
        return sorted(Path(entry.path) for entry in entries if entry.is_symlink() or entry.is_dir())
    except OSError:
        return []  # what cannot be read has told so


def folder_fault(folder: Path) -> str:
    """Say what to do about a folder that holds what looks like drop-ins; empty where it holds none, or is none."""
    try:
        names = sorted(name for name in os.listdir(folder) if _is_yaml(os.fsencode(name)))  # noqa: PTH208 - names
    except OSError:
        return ""
    text = "folders in here are not read: move {} up, or the folder to another place"
    return text.format(format_path(Path(folder.name, names[0]))) if names else ""


def regular_file(path: Path, most: int) -> bytes:
    """Return the content of a file of at most that many bytes."""
    try:
        # Without O_NONBLOCK the open of a FIFO waits for its writer, for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise Unreadable(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise Unreadable("is a directory, not a file" if stat.S_ISDIR(mode) else "is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        _refuse_open(path)
        try:
            content = file.read(most + 1) or b""  # None: nothing is there yet, as in /proc/kmsg
        except OSError as error:
            raise Unreadable(f"cannot be read: {error.strerror}") from None
    if len(content) > most:
        raise Unreadable(f"is larger than {most // 1024} KiB")
    return content


def beginning(path: Path, most: int) -> bytes:
    """Return the first bytes of a file, without waiting for any; OSError where it cannot be read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, most)
    finally:
        os.close(descriptor)


def _refuse_open(path: Path) -> None:
    """With root's rights nothing is read that everybody can write: it could name any command."""
    if os.geteuid() == 0 and (weak := open_to_all(str(path))):
        raise Unreadable(f"refused, for the agent runs as root: {weak}")


def of_others(paths: Iterable[Path]) -> list[str]:
    """Return which of these an agent of root obeys though they are somebody else's, each with its owner."""
    if os.geteuid() != 0:
        return []
    owners = []
    for path in paths:
        try:
            owner = path.stat().st_uid
        except (OSError, ValueError):
            continue
        if owner != 0:
            owners.append(f"{format_path(path)} belongs to user {owner}")
    return owners


def format_path(path: Path) -> str:
    """Return a path for people: on one line, whatever bytes it has."""
    text = os.fsencode(path).decode("utf-8", "replace")
    return text if text.isprintable() else ascii(text)[1:-1]
