"""`type: file`."""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from fnmatch import translate
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.api import (
    Check,
    CheckError,
    Context,
    DurationAbove,
    Metric,
    NumberAbove,
    Result,
    SizeAbove,
    critical,
    duration_text,
    judge,
    nodata,
    size_text,
)

ENTRIES = 100_000
"""More names than this are not looked at: a check is no search."""
CLOCK_SKEW = 60.0
"""Seconds that a file's time may be ahead, as on a file server with a clock of its own."""


class File(Check, frozen=True, kw_only=True):
    """Watches files: that they are there or not there, how old, how big and how many they are.

    Default: critical when there is no such file. Age and size are judged only by the levels given, and are those of
    the newest file where `path` means several. Folders do not count with wildcards. A folder that may not be read, or
    a mount that does not answer, is nodata.

    ```yaml
    checks:
      backup: {type: file, path: "/var/backups/db-*.dump", age_warning: 26h, age_critical: 50h, size_critical: "1MiB:"}
      outgoing: {type: file, path: "/srv/queue/*", expect: any, of: oldest, age_warning: 15m, count_critical: 1000}
      lock: {type: file, path: /run/deploy.lock, expect: any, age_warning: 2h}
      core-dumps: {type: file, path: "/var/crash/**/core*", expect: absent}
    ```
    """

    path: Annotated[
        str,
        Meta(description="Path of a file, with wildcards for several: `*`, `?`, `[ab]`, and `**` for any folders."),
    ]
    expect: Annotated[
        Literal["present", "absent", "any"],
        Meta(description="`present`: critical without a file (default); `absent`: critical with one; `any`: neither."),
    ] = "present"
    of: Annotated[
        Literal["newest", "oldest", "largest"],
        Meta(description="Whose age and size to judge where there are several files. Default: newest."),
    ] = "newest"
    age_warning: Annotated[
        DurationAbove | None, Meta(description="Time since the last change: `26h` is too old, `5m:` too new.")
    ] = None
    age_critical: Annotated[DurationAbove | None, Meta(description="As age_warning.")] = None
    size_warning: Annotated[SizeAbove | None, Meta(description="Size: `1GiB` is too big, `1MiB:` too small.")] = None
    size_critical: Annotated[SizeAbove | None, Meta(description="As size_warning.")] = None
    count_warning: Annotated[
        NumberAbove | None, Meta(description="How many files: `1000` is too many, `7:` too few.")
    ] = None
    count_critical: Annotated[NumberAbove | None, Meta(description="As count_warning.")] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        if not self.path.startswith("/") or "\0" in self.path:
            yield "path", f"{self.path!r} is not a whole path, write for example /var/backups/*.dump"
        if self.path.split("/").count("**") > 1:
            yield "path", "** can stand in a path once: leave one out"
        if self.expect == "absent" and any(getattr(self, name) for name in self.__struct_fields__ if "_" in name):
            yield "expect", "absent leaves nothing to measure: leave the levels out, or write any"

    def run(self, ctx: Context) -> Iterator[Result | Metric]:
        return self.judged(ctx.call(f"file {self.path}", lambda: found(self.path)), time.time())

    def judged(self, seen: Found, now: float) -> Iterator[Result | Metric]:
        """Judge what there is; `now` is Unix seconds."""
        many = _has_wildcard(self.path)
        yield self._presence(seen, many)
        if seen.count and self.expect != "absent":
            one: Seen = getattr(seen, self.of)
            yield from self._measured(one, f"{self.of} {_shown(Path(one.path).name)} " if many else "", now)

    def _presence(self, seen: Found, many: bool) -> Result:
        name = _shown(self.path)
        if not seen.count and self.expect == "present":
            return critical(f"{name} is not there{seen.why}")
        if seen.count and self.expect == "absent":
            details = _shown(seen.newest.path)
            return critical(f"{name} is there" + (f", {seen.count} files" if many else ""), details=details)
        said = (
            f"{name} {seen.count} file{'' if seen.count == 1 else 's'}"
            if many
            else name
            if seen.count
            else f"{name} is not there"
        )
        return judge("count", seen.count, self.count_warning, self.count_critical, summary=said, minimum=0)

    def _measured(self, one: Seen, name: str, now: float) -> Iterator[Result | Metric]:
        age = now - one.changed
        if not (self.age_warning or self.age_critical):
            yield Metric("age", max(0.0, age), "s")
        elif age < -CLOCK_SKEW:
            yield nodata(f"{name}changed {duration_text(-age)} in the future: set the clock, or touch it")
        else:
            said = f"{name}{duration_text(max(0.0, age))} old"
            yield judge("age", max(0.0, age), self.age_warning, self.age_critical, unit="s", summary=said)
        if self.size_warning or self.size_critical:
            said = f"{name}{size_text(one.size)}"
            yield judge("size", one.size, self.size_warning, self.size_critical, unit="B", summary=said, minimum=0)
        else:
            yield Metric("size", one.size, "B", minimum=0)


class Seen(msgspec.Struct, frozen=True):
    """One file; `changed` in Unix seconds, `size` in bytes."""

    path: str = ""
    changed: float = 0.0
    size: int = 0


class Found(msgspec.Struct, frozen=True):
    """What a path means, now."""

    count: int = 0
    newest: Seen = Seen()
    oldest: Seen = Seen()
    largest: Seen = Seen()
    why: str = ""
    """Why there is none, where there is a reason to tell."""

    def and_(self, one: Seen) -> Found:
        if not self.count:
            return Found(1, one, one, one)
        return Found(
            self.count + 1,
            max(self.newest, one, key=lambda seen: seen.changed),
            min(self.oldest, one, key=lambda seen: seen.changed),
            max(self.largest, one, key=lambda seen: seen.size),
        )


def found(path: str, limit: int = ENTRIES) -> Found:
    """Look for the files that a path means; CheckError where that cannot be told."""
    try:
        if not _has_wildcard(path):
            return Found().and_(_seen(path, Path(path).stat()))
        all_of_it = Found()
        parts = [part for part in path.split("/") if part] + (["*"] if path.endswith("**") else [])
        for entry in _matching(Path("/"), parts, _counter(limit, path)):
            if (one := _file(entry)) is not None:
                all_of_it = all_of_it.and_(one)
        return all_of_it
    except (FileNotFoundError, NotADirectoryError):
        return Found(why=", its link leads nowhere" if Path(path).is_symlink() else "")
    except OSError as error:
        raise CheckError(f"{_shown(str(error.filename or path))}: {(error.strerror or str(error)).lower()}") from None


def _file(entry: os.DirEntry[str] | Path) -> Seen | None:
    """Look at what a wildcard met; None for a folder, and for what has gone since."""
    try:
        status = entry.stat()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP):
            raise
        try:
            status = entry.stat(follow_symlinks=False)  # a link that leads nowhere is a file too
        except FileNotFoundError:
            return None
    return None if stat.S_ISDIR(status.st_mode) else _seen(os.fspath(entry), status)


def _seen(path: str, status: os.stat_result) -> Seen:
    return Seen(path, status.st_mtime, status.st_size)


def _matching(folder: Path, parts: list[str], tick: Callable[[], None]) -> Iterator[os.DirEntry[str] | Path]:
    """Yield what fits under a folder; links to folders are followed only where a part names them."""
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _matching(folder, rest, tick)
    elif not _has_wildcard(part):
        if rest:
            yield from _matching(folder / part, rest, tick)
        elif os.path.lexists(folder / part):
            yield folder / part
        return
    fits = re.compile(translate(part)).match
    for entry in _entries(folder):
        tick()
        if part == "**":
            if entry.is_dir(follow_symlinks=False):
                yield from _matching(Path(entry.path), parts, tick)
        elif fits(entry.name) and (part.startswith(".") or not entry.name.startswith(".")):
            if not rest:
                yield entry
            elif entry.is_dir():
                yield from _matching(Path(entry.path), rest, tick)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Read a folder bit by bit; one that is none, or gone, is empty."""
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return


def _counter(limit: int, path: str) -> Callable[[], None]:
    left = iter(range(limit))

    def tick() -> None:
        if next(left, None) is None:
            raise CheckError(f"more than {limit} names to look at for {_shown(path)}: name a smaller folder")

    return tick


def _has_wildcard(text: str) -> bool:
    return any(mark in text for mark in "*?[")


def _shown(path: str) -> str:
    """Names may be any bytes: what cannot be shown or sent is escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in path)
