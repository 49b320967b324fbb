"""`type: log`."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from agent.api import Check, Context, Metric, NumberAbove, Regex, Result, Status
from checks._leftover import find_pattern_problem
from checks._wildcards import find_problem, has_wildcard
from checks.log.following import OF_KERNEL
from checks.log.matching import Counter
from checks.log.results import Levels, results
from checks.log.text import encoding_problem
from checks.log.ways import Look, of_one, of_several, of_units

LINE_END = re.compile(r"(?:[^\\|()\[]|\\[^nr])*\\[nr](?:[^|?*{\[]|\\.)*", re.DOTALL)
"""A pattern without alternatives that needs the end of a line."""


class Log(Check, frozen=True, kw_only=True):
    r"""Counts the lines that a log, or the journal of some units, got since the last run and that match a pattern.

    Default: one such line is a warning. The next run without one is ok again; `recover_after: 10` keeps the problem up
    for ten runs. The first run starts at the end of the file. A rotated file is read to its end first, however often
    it was rotated, whether it was renamed, copied and truncated, or compressed by gzip, xz or bzip2; it is looked for
    beside the log and in the folders there (logrotate's `olddir`): by what the file is, and by names that begin like
    the log's, fifty at most. Where lines may be missing all the same, the result says so and is nodata (`lost`). A log
    that is not there, or may not be read, is nodata.

    A line without an end is judged once it has not grown for a run, one of more than 1 MiB in pieces. A line on which
    the pattern takes longer than 0.25 s is passed over, and the result is nodata. Lines are UTF-8, or Windows-1252
    where they are not, or what the file's first bytes say; `encoding` says it for others. The last ten lines found are
    in the details, 300 characters of each: keep secrets out of logs. Links are followed if they belong to root, to the
    agent's user or to the owner of the log.

    With wildcards in `path` the lines of all logs are counted together. A new log is read from its beginning, one that
    was renamed goes on. A log that nobody wrote to for an hour may be removed.

    Of units, each message of the journal is a line, whatever its length; what journald drops or removes between two
    runs that are less than ten minutes apart is not noticed. A unit that systemd does not know when the check begins,
    or knows by another name only (sshd is ssh on Debian), is nodata.

    ```yaml
    checks:
      out-of-memory: {type: log, path: /var/log/kern.log, pattern: 'Out of memory: Killed process', critical: 1}
      app-errors: {type: log, path: /srv/app/app.log, pattern: ERROR, exclude: 'client gone', warning: 5, critical: 50}
      backup-done: {type: log, path: /var/log/backup.log, pattern: 'finished', warning: "1:", interval: 1d}
      web-errors: {type: log, path: '/var/log/nginx/*error.log', pattern: '\[(crit|alert|emerg)\]'}
      logins: {type: log, units: [ssh.service], pattern: 'Failed password', warning: 20}
    ```
    """

    path: Annotated[
        str,
        Meta(
            description="The file that is written to; its rotated files are found by themselves. "
            "With `*`, `?` or `[]`: all files that match, at most 200, such as a log for each day or program."
        ),
    ] = ""
    units: Annotated[
        tuple[str, ...],
        Meta(description="Instead of `path`: systemd units whose journal is read, `*` for any letters."),
    ] = ()
    pattern: Annotated[Regex, Meta(description="Lines in which this is found are counted.", examples=["ERROR|FATAL"])]
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
        for setting in ("pattern", "exclude"):
            if (regex := getattr(self, setting)) and LINE_END.fullmatch(str(regex)):
                yield setting, f"{str(regex)!r}: a line is judged without its end, leave \\n and \\r out"
        if problem := find_pattern_problem(self.exclude, self.pattern):
            yield "exclude", problem
        if self.path.startswith(OF_KERNEL):
            yield "path", f"{self.path!r} is no log but made by the kernel when it is read, it cannot be followed"
        if self.path.endswith(".journal"):
            yield "path", f"{self.path!r} is systemd's journal, which is no text: write units instead of path"
        if problem := find_problem(self.path):
            yield "path", problem
        if "**" in self.path:
            yield "path", "** is no wildcard of a log: write one * for each folder on the way"
        if self.encoding and (problem := encoding_problem(self.encoding)):
            yield "encoding", problem

    def _units_problems(self) -> Iterator[tuple[str, str]]:
        if self.path or self.encoding:
            yield "units", "stands for path and encoding: leave those out, or units"
        for unit in self.units:
            if not unit or any(letter.isspace() or not letter.isprintable() for letter in unit):
                yield "units", f"{unit!r} is no unit, write for example ssh.service"

    def run(self, ctx: Context) -> Iterator[Result | Metric]:
        # Two thirds of the time, so that a log that grew by gigabytes is read on in the next run, not given up.
        until = time.monotonic() + ctx.remaining() * 2 / 3
        counter = Counter(self.pattern, self.exclude, until)
        levels = Levels(str(self.pattern), self.warning, self.critical, Status(self.lost))
        yield from results(levels, counter, self._look(ctx, counter, until))

    def _look(self, ctx: Context, counter: Counter, until: float) -> Look:
        if self.units:
            return of_units(self.units, ctx, counter, until)
        way = of_several if has_wildcard(self.path) else of_one
        return way(self.path, self.encoding, ctx, counter, until)
