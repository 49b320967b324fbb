"""`type: log`."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.api import Check, CheckError, Context, Metric, NumberAbove, Regex, Result, judge, nodata, ok, size_text
from checks.log.following import Followed, Position, follow

SHOWN_LINES = 10
SHOWN_LENGTH = 300


class Log(Check, frozen=True, kw_only=True):
    """Counts the lines a log got since the last run that match a pattern.

    Default: one such line is a warning. The next run without one is ok again; `recover_after: 10` keeps the problem up
    for ten runs. The first run starts at the end of the file. A rotated file is read to its end first, whether it was
    renamed or copied and truncated, unless it was compressed or removed at once: those lines cannot be seen any more.
    A log that is not there, or may not be read, is nodata. The last lines found are in the details: keep secrets out
    of logs.

    ```yaml
    checks:
      out-of-memory: {type: log, path: /var/log/kern.log, pattern: 'Out of memory: Killed process', critical: 1}
      app-errors: {type: log, path: /srv/app/app.log, pattern: ERROR, exclude: 'client gone', warning: 5, critical: 50}
      backup-done: {type: log, path: /var/log/backup.log, pattern: 'finished', warning: "1:", interval: 1d}
    ```
    """

    path: Annotated[str, Meta(description="The file that is written to; its rotated files are found by themselves.")]
    pattern: Annotated[Regex, Meta(description="Lines in which this is found are counted.")]
    exclude: Annotated[Regex | None, Meta(description="Lines in which this is found are not counted.")] = None
    warning: Annotated[
        NumberAbove | None, Meta(description="Lines since the last run: `5` is too many, `1:` too few. Default: 1.")
    ] = NumberAbove.parse(1)
    critical: Annotated[NumberAbove | None, Meta(description="As warning. Default: never.")] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        if not self.path.startswith("/") or "\0" in self.path:
            yield "path", f"{self.path!r} is not a whole path, write for example /var/log/syslog"
        elif any(mark in self.path for mark in "*?["):
            yield "path", f"{self.path!r} has a wildcard: write a check for each log"

    def run(self, ctx: Context) -> Iterator[Result | Metric]:
        last = msgspec.convert(ctx.memory.get("files"), list[Position] | None)
        if ctx.memory.get("path") != self.path:
            last = None
        # Two thirds of the time, so that a log that grew by gigabytes is read on in the next run, not given up.
        until = time.monotonic() + ctx.remaining() * 2 / 3
        seen, followed = ctx.call(f"log {ctx.check} {self.path}", lambda: self._look(last, until))
        ctx.memory.update(path=self.path, files=msgspec.to_builtins(followed.files))
        yield from self._judged(seen, followed)

    def _look(self, last: list[Position] | None, until: float) -> tuple[Seen, Followed]:
        seen = Seen(self.pattern, self.exclude)
        try:
            return seen, follow(self.path, last, seen.lines, until)
        except OSError as error:
            raise CheckError(f"{self.path}: {(error.strerror or str(error)).lower()}") from None

    def _judged(self, seen: Seen, followed: Followed) -> Iterator[Result | Metric]:
        if followed.missing:
            yield nodata(f"{self.path} is not there")
            if not seen.count:
                return
        if followed.first:
            yield ok(f"{self.path} is followed from its end on")
            return
        matching = "1 line matches" if seen.count == 1 else f"{seen.count} lines match"
        judged = judge(
            "lines", seen.count, self.warning, self.critical, summary=f"{matching} {str(self.pattern)!r}", minimum=0
        )
        yield msgspec.structs.replace(judged, details="\n".join(seen.shown()))
        if followed.lost:
            yield ok("", details=f"{followed.lost}: lines written since the last run may be missing here")
        if followed.unread:
            yield ok(f"{size_text(followed.unread)} are still to be read")
        yield Metric("unread", followed.unread, "B", minimum=0)


class Seen:
    """Counts the lines that match, and keeps the last ones."""

    def __init__(self, pattern: Regex, exclude: Regex | None) -> None:
        self._pattern = pattern.search
        self._exclude = exclude.search if exclude else lambda _: None
        self._last: deque[str] = deque(maxlen=SHOWN_LINES)
        self.count = 0

    def lines(self, block: bytes) -> None:
        for line in block.decode(errors="replace").split("\n"):
            if self._pattern(line) and not self._exclude(line):
                self.count += 1
                self._last.append(line)

    def shown(self) -> Iterator[str]:
        if self.count > len(self._last):
            yield f"the last {len(self._last)}:"
        for line in self._last:
            text = "".join(
                char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in line.strip()
            )
            yield text if len(text) <= SHOWN_LENGTH else text[:SHOWN_LENGTH] + "…"
