"""Looking for the files that a path means."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec

from agent.api import CheckError
from checks._walking import (
    ENTRIES,
    LEADS_NOWHERE,
    ClosedFolder,
    TooManyError,
    printable,
    require_visible,
    walk,
)
from checks._wildcards import has_wildcard

NOWHERE = ", its link leads nowhere"
KINDS = {
    stat.S_IFDIR: "folder",
    stat.S_IFSOCK: "socket",
    stat.S_IFIFO: "pipe",
    stat.S_IFBLK: "device",
    stat.S_IFCHR: "device",
}


class FileStatus(msgspec.Struct, frozen=True):
    """One file; `changed` in Unix seconds, `size` in bytes."""

    path: str = ""
    changed: float = 0.0
    size: int = 0
    kind: str = ""
    """What it is instead of a file: folder, socket, pipe or device."""


class Findings(msgspec.Struct, frozen=True):
    """What a path means, now."""

    count: int = 0
    newest: FileStatus = FileStatus()
    oldest: FileStatus = FileStatus()
    largest: FileStatus = FileStatus()
    why: str = ""
    """Why there is none, where there is a reason to tell."""
    looked_at: int = 0
    """How many names were looked at, where there are more: the rest is not known."""
    closed: str = ""
    """Which folder may not be read, where there is one: what is in it is not known."""

    @property
    def all_seen(self) -> bool:
        return not (self.looked_at or self.closed)

    def with_file(self, file: FileStatus) -> Findings:
        """Return these with one file more."""
        if not self.count:
            return Findings(1, file, file, file)
        return Findings(
            self.count + 1,
            max(self.newest, file, key=lambda each: each.changed),
            min(self.oldest, file, key=lambda each: each.changed),
            max(self.largest, file, key=lambda each: each.size),
        )


def find(path: str, limit: int = ENTRIES) -> Findings:
    """Look for the files that a path means; CheckError where that cannot be told."""
    try:
        findings = _many(path, limit) if has_wildcard(path) else Findings()
        if findings.count or not findings.all_seen or not _is_written_so(path):
            return findings
        return Findings().with_file(_status(path, os.stat(path)))  # noqa: PTH116 - a Path drops a slash at the end
    except (FileNotFoundError, NotADirectoryError) as error:
        if isinstance(error, NotADirectoryError) and _is_file_as_folder(path):
            raise CheckError(f"{printable(path)} is no folder: leave out the slash at its end") from None
        if folder := _hidden_folder(path):
            raise CheckError(f"{printable(folder)} is hidden from the agent: permission denied") from None
        return Findings(why=NOWHERE if Path(path).is_symlink() else "")
    except OSError as error:
        raise CheckError(
            f"{printable(str(error.filename or path))}: {(error.strerror or str(error)).lower()}"
        ) from None


def _is_written_so(path: str) -> bool:
    """Tell whether this is a name, not a pattern: also where a file is called `[1].txt` and nothing else is meant."""
    return not has_wildcard(path) or os.path.lexists(path)


def _hidden_folder(path: str) -> str:
    """Return the nearest folder that is there on the way to a file, where it is one that hides what it should show."""
    folder = os.path.dirname(path)  # noqa: PTH120 - a word
    while folder and not os.path.isdir(folder):  # noqa: PTH112 - each run
        folder = os.path.dirname(folder)  # noqa: PTH120 - same
    try:
        if folder:
            require_visible(folder)
    except PermissionError:
        return folder
    except OSError:  # it has just gone
        return ""
    return ""


def _is_file_as_folder(path: str) -> bool:
    """Tell whether a file is written as only a folder can be: `a.log/`."""
    return path.endswith(("/", "/.")) and os.path.lexists(path.rstrip("/."))


def _many(path: str, limit: int) -> Findings:
    findings, closed = Findings(), ClosedFolder()
    try:
        for entry in walk(path, closed, limit):
            with closed.note(entry.path if isinstance(entry, os.DirEntry) else str(entry)):
                if (file := _file(entry)) is not None:
                    findings = findings.with_file(file)
    except TooManyError:
        return msgspec.structs.replace(findings, looked_at=limit, closed=closed.first)
    return msgspec.structs.replace(findings, closed=closed.first)


def _file(entry: os.DirEntry[str] | Path) -> FileStatus | None:
    """Look at what a wildcard met; None for a folder, and for what has gone since."""
    try:
        status = entry.stat()
    except OSError as error:
        if error.errno not in LEADS_NOWHERE:
            raise
        try:
            status = entry.stat(follow_symlinks=False)  # a link that leads nowhere is a file too
        except FileNotFoundError:
            return None
    return None if stat.S_ISDIR(status.st_mode) else _status(os.fspath(entry), status)


def _status(path: str, status: os.stat_result) -> FileStatus:
    return FileStatus(path, status.st_mtime, status.st_size, KINDS.get(stat.S_IFMT(status.st_mode), ""))
