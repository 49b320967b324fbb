"""`type: file`: the settings, and what they make of what was found."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from agent.api import (
    Check,
    Context,
    DurationAbove,
    Level,
    Metric,
    NumberAbove,
    Result,
    SizeAbove,
    critical,
    duration_text,
    judge,
    nodata,
    ok,
    size_text,
)
from checks._walking import printable
from checks._wildcards import find_problem, has_wildcard
from checks.file.search import FileStatus, Findings, find

CLOCK_SKEW = 60.0
"""Seconds that a file's time may be ahead, as on a file server with a clock of its own."""


class File(Check, frozen=True, kw_only=True):
    """Watches files: that they are there or not there, how old, how big and how many they are.

    Default: critical when there is no such file. Age and size are judged only by the levels given, and are those of
    the newest file where `path` means several. Folders do not count with wildcards. A path without one that is a
    folder, a socket or the like is called so: its age is its own, levels of size (and of a folder's count) are nodata.
    A folder that may not be read, or a mount that does not answer, is nodata; below wildcards, and of more than 100,000
    names, what is known all the same is told: "at least".

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
        if problem := find_problem(self.path):
            yield "path", problem
        if has_wildcard(self.path) and self.path.endswith("/"):
            yield "path", f"{self.path!r}: with wildcards folders do not count, leave out the slash at the end"
        if self.path.split("/").count("**") > 1:
            yield "path", "** can stand in a path once: leave one out"
        if self.expect == "absent" and any(getattr(self, name) for name in self.__struct_fields__ if "_" in name):
            yield "expect", "absent leaves nothing to measure: leave the levels out, or write any"

    def run(self, ctx: Context) -> Iterator[Result | Metric]:
        return self.assess(ctx.call(f"file {self.path}", lambda: find(self.path)), ctx.now())

    def assess(self, findings: Findings, now: float) -> Iterator[Result | Metric]:
        """Judge what there is; `now` is Unix seconds."""
        many = has_wildcard(self.path)
        unknown = [] if findings.all_seen else self._open_questions(findings, now)
        if unknown and findings.looked_at:
            yield nodata(f"more than {findings.looked_at} names: {', '.join(unknown)} not known, name a smaller folder")
        elif unknown:
            yield nodata(f"{findings.closed}, so that {', '.join(unknown)} is not known")
        yield self._presence(findings, many, "count" not in unknown)
        if not findings.count or self.expect == "absent":
            return
        one: FileStatus = getattr(findings, self.of)
        name = f"{self.of} {printable(Path(one.path).name)} " if many else f"the {one.kind} itself " if one.kind else ""
        if one.kind and not many and self._levels("size", *(("count",) if one.kind == "folder" else ())):
            yield nodata(f"it is a {one.kind}, of which neither size nor count says anything: name files in it")
        if "age" not in unknown:
            yield from self._age(one, name, now)
        if not one.kind and "size" not in unknown:
            yield self._size(one, name)

    def _levels(self, *names: str) -> list[Level]:
        levels = [getattr(self, f"{name}_{level}") for name in names for level in ("warning", "critical")]
        return [level for level in levels if level]

    def _open_questions(self, findings: Findings, now: float) -> list[str]:
        """Return what the names that were not looked at may change: a count, an age, a size."""
        one: FileStatus = getattr(findings, self.of)
        age = {"oldest": 1, "newest": -1}.get(self.of, 0)
        questions = (
            ("count", findings.count, 1),
            ("age", now - one.changed, age),
            ("size", one.size, int(self.of == "largest")),
        )
        open_ = [
            name
            for name, value, way in questions
            if not all(_is_settled(level, value, way) for level in self._levels(name))
        ]
        return ["whether there is one"] if not findings.count else open_

    def _presence(self, findings: Findings, many: bool, counted: bool) -> Result:
        name, least = printable(self.path), "" if findings.all_seen else "at least "
        if not findings.count and self.expect == "present" and findings.all_seen:
            return critical(f"{name} is not there{findings.why}")
        if self.expect == "absent" and findings.why:  # as some programs make a lock: a link to `host:pid`
            return critical(f"{name} is there{findings.why}")
        if findings.count and self.expect == "absent":
            details = printable(findings.newest.path)
            return critical(
                f"{name} is there" + (f", {least}{_files(findings.count)}" if many else ""), details=details
            )
        kind = f" (a {findings.newest.kind})" if findings.newest.kind and not many else ""
        summary = (
            f"{name} {least}{_files(findings.count)}"
            if many
            else f"{name}{kind}"
            if findings.count
            else f"{name} is not there"
        )
        if not counted:
            return ok(summary)
        return judge("count", findings.count, self.count_warning, self.count_critical, summary=summary, minimum=0)

    def _age(self, file: FileStatus, name: str, now: float) -> Iterator[Result | Metric]:
        age = now - file.changed
        if not (self.age_warning or self.age_critical):
            yield Metric("age", max(0.0, age), "s")
        elif age < -CLOCK_SKEW:
            yield nodata(f"{name}changed {duration_text(-age)} in the future: set the clock, or touch it")
        else:
            summary = f"{name}{duration_text(max(0.0, age))} old"
            yield judge("age", max(0.0, age), self.age_warning, self.age_critical, unit="s", summary=summary)

    def _size(self, file: FileStatus, name: str) -> Result | Metric:
        if not self._levels("size"):
            return Metric("size", file.size, "B", minimum=0)
        summary = f"{name}{size_text(file.size)}"
        return judge("size", file.size, self.size_warning, self.size_critical, unit="B", summary=summary, minimum=0)


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def _is_settled(level: Level, value: float, way: int) -> bool:
    """Tell whether a number stays on its side of a level if it only grows (1) or shrinks (-1); 0: it may do either."""
    low, high = {1: (value, math.inf), -1: (0.0, value), 0: (0.0, math.inf)}[way]
    ends = (level.range.start, level.range.end)
    near = [math.nextafter(end, side) for end in ends for side in (-math.inf, end, math.inf)]
    points = [low, high, *(point for point in near if low <= point <= high)]
    return len({level.passed_by(point) for point in points}) == 1
