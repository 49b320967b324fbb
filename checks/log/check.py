"""`type: log`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from agent.api import (
    Check,
    CheckError,
    Context,
    Metric,
    NumberAbove,
    Regex,
    Result,
    Status,
    judge,
    nodata,
    ok,
    size_text,
)
from checks.log import journal
from checks.log.following import Followed, follow, followed
from checks.log.matching import Counter
from checks.log.position import Position
from checks.log.text import encoding_problem


class Log(Check, frozen=True, kw_only=True):
    """Counts the lines that a log, or the journal of some units, got since the last run and that match a pattern.

    Default: one such line is a warning. The next run without one is ok again; `recover_after: 10` keeps the problem up
    for ten runs. The first run starts at the end of the file. A rotated file is read to its end first, however often it
    was rotated, whether it was renamed, copied and truncated, or compressed by gzip, xz or bzip2. Where lines may be
    missing all the same, the result says so and is nodata (`lost`). A line without an end is judged once it has not
    grown for a run. A line on which the pattern takes longer than 0.25 s is passed over, and the result is nodata.
    Lines are UTF-8, or Windows-1252 where they are not, or what the file's first bytes say; `encoding` says it for
    others. A line of more than 1 MiB is judged in pieces. A log that is not there, or may not be read, is nodata. Links
    are followed if they belong to root, to the agent's user or to the owner of the log. The last ten lines found are in
    the details, 300 characters of each: keep secrets out of logs.

    Of units, each message of the journal is a line, whatever its length; what journald drops or removes between two
    runs that are less than ten minutes apart is not noticed.

    ```yaml
    checks:
      out-of-memory: {type: log, path: /var/log/kern.log, pattern: 'Out of memory: Killed process', critical: 1}
      app-errors: {type: log, path: /srv/app/app.log, pattern: ERROR, exclude: 'client gone', warning: 5, critical: 50}
      backup-done: {type: log, path: /var/log/backup.log, pattern: 'finished', warning: "1:", interval: 1d}
      logins: {type: log, units: [ssh.service], pattern: 'Failed password', warning: 20}
    ```
    """

    path: Annotated[
        str, Meta(description="The file that is written to; its rotated files are found by themselves.")
    ] = ""
    units: Annotated[
        tuple[str, ...],
        Meta(description="Instead of `path`: systemd units whose journal is read, `*` for any letters."),
    ] = ()
    pattern: Annotated[Regex, Meta(description="Lines in which this is found are counted.")]
    exclude: Annotated[Regex | None, Meta(description="Lines in which this is found are not counted.")] = None
    warning: Annotated[
        NumberAbove | None, Meta(description="Lines since the last run: `5` is too many, `1:` too few. Default: 1.")
    ] = NumberAbove.parse(1)
    critical: Annotated[NumberAbove | None, Meta(description="As warning. Default: never.")] = None
    encoding: Annotated[
        str, Meta(description="Encoding of the log, such as `latin-1` or `utf-16`. Default: see above.")
    ] = ""
    lost: Annotated[
        Literal["ok", "warning", "critical", "nodata"],
        Meta(description="Status of a run when lines may be missing. Default nodata."),
    ] = "nodata"

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.units:
            yield from self._units_problems()
        elif not self.path:
            yield "path", "is missing: write path, or units for what is in the journal"
        elif not self.path.startswith("/") or "\0" in self.path:
            yield "path", f"{self.path!r} is not a whole path, write for example /var/log/syslog"
        elif any(mark in self.path for mark in "*?["):
            yield "path", f"{self.path!r} has a wildcard: write a check for each log"
        if self.encoding and (problem := encoding_problem(self.encoding)):
            yield "encoding", problem

    def _units_problems(self) -> Iterator[tuple[str, str]]:
        if self.path or self.encoding:
            yield "units", "stands for path and encoding: leave those out, or units"
        for unit in self.units:
            if not unit or any(letter.isspace() or not letter.isprintable() for letter in unit):
                yield "units", f"{unit!r} is no unit, write for example ssh.service"

    def run(self, ctx: Context) -> Iterator[Result | Metric]:
        if self.units:
            yield from self._journal(ctx)
            return
        last = msgspec.convert(ctx.memory.get("files"), list[Position] | None)
        if ctx.memory.get("path") != self.path:
            last = None
        # Two thirds of the time, so that a log that grew by gigabytes is read on in the next run, not given up.
        until = time.monotonic() + ctx.remaining() * 2 / 3
        counter = Counter(self.pattern, self.exclude, until)
        found = self._follow(ctx, last, counter, until)
        ctx.memory.update(path=self.path, files=msgspec.to_builtins(found.files))
        yield from self._judged(counter, found)

    def _journal(self, ctx: Context) -> Iterator[Result | Metric]:
        until = time.monotonic() + ctx.remaining() * 2 / 3
        counter = Counter(self.pattern, self.exclude, until)
        memory, started = ctx.memory, ctx.now()
        first = memory.get("units") != list(self.units)
        if first:
            place = journal.at_end(ctx)
        else:
            last = journal.Place(memory["cursor"])
            place = journal.read(ctx, self.units, last, memory["at"], until, counter.line)
        ctx.memory.update(units=list(self.units), cursor=place.cursor, at=started)
        yield from self._judged(counter, Followed([], first=first, more=place.more, lost=place.lost))

    def _follow(self, ctx: Context, last: list[Position] | None, counter: Counter, until: float) -> Followed:
        def call(step: Callable[[], Any]) -> Any:
            # After that no file is touched any more, so that a line which took too long costs no more than itself.
            return step() if time.monotonic() > until else ctx.call(f"log {ctx.check} {self.path}", step)

        try:
            return followed(follow(self.path, last, until, self.encoding), counter.judge, call)
        except OSError as error:
            raise CheckError(f"{self.path}: {(error.strerror or str(error)).lower()}") from None

    def _judged(self, counter: Counter, found: Followed) -> Iterator[Result | Metric]:
        if found.missing:
            yield nodata(f"{self.path} is not there")
            if not counter.count:
                return
        if found.first:
            yield ok(f"{self._name} is followed from its end on")
            return
        if counter.slow:
            yield nodata(self._slow(counter))
        if found.lost:
            yield Result(Status(self.lost), f"{found.lost}: lines written since the last run may be missing")
        if not (self._unsure(counter, found) and self._too_few(counter.count)):
            yield self._count(counter)
        if found.unread:
            yield ok(f"{size_text(found.unread)} are still to be read")
        elif found.more:
            yield ok("more is still to be read")
        if not self.units:
            yield Metric("unread", found.unread, "B", minimum=0)

    @property
    def _name(self) -> str:
        return self.path or f"the journal of {', '.join(self.units)}"

    def _count(self, counter: Counter) -> Result:
        matching = "1 line matches" if counter.count == 1 else f"{counter.count} lines match"
        judged = judge(
            "lines", counter.count, self.warning, self.critical, summary=f"{matching} {str(self.pattern)!r}", minimum=0
        )
        return msgspec.structs.replace(judged, details="\n".join(counter.shown()))

    def _slow(self, counter: Counter) -> str:
        lines = "a line" if counter.slow == 1 else f"{counter.slow} lines"
        return f"passed over {lines} of up to {counter.slow_length} characters: the pattern takes too long on them"

    def _unsure(self, counter: Counter, found: Followed) -> bool:
        return bool(counter.slow or found.unread or found.more or (found.lost and self.lost != "ok"))

    def _too_few(self, count: int) -> bool:
        """Tell whether the count is bad only because it is low: lines that were not judged may be what it lacks."""
        levels = [level for level in (self.critical, self.warning) if level is not None]
        return any(level.passed_by(count) and not level.passed_by(math.inf) for level in levels)
