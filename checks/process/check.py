"""`type: process`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from operator import attrgetter
from typing import Annotated, ClassVar, Literal

from msgspec import Meta
from msgspec.structs import replace

from agent.api import (
    Check,
    Context,
    Duration,
    DurationAbove,
    Host,
    Level,
    Metric,
    NumberAbove,
    Regex,
    Result,
    SizeAbove,
    Status,
    Suggestion,
    judge,
    nodata,
)
from checks._leftover import find_pattern_problem
from checks.process import changes
from checks.process.counting import judge_count
from checks.process.levels import CoresAbove
from checks.process.matching import find
from checks.process.table import Scanner
from checks.process.uses import ALWAYS, USES, Inputs, listing

SCANNER = Scanner()
LEVELS = {use: (f"{use}_warning", f"{use}_critical") for use in USES}
"""The settings of each use."""
_all_levels = attrgetter(*chain.from_iterable(LEVELS.values()))

Rss = Annotated[SizeAbove | None, Meta(description="Resident memory, all together.")]
Cpu = Annotated[CoresAbove | None, Meta(description="CPU since the last run, all together, in percent of one core.")]
Threads = Annotated[NumberAbove | None, Meta(description="Threads, all together.")]
OpenFiles = Annotated[
    NumberAbove | None, Meta(description="Open files of the process with most; before Linux 6.2 this needs root.")
]
Age = Annotated[
    DurationAbove | None,
    Meta(description="Age of the oldest: `6h` is bad from six hours on, the range `5m:` below five minutes."),
]
Zombies = Annotated[NumberAbove | None, Meta(description="Zombies (ended, but their parent did not take note).")]
Stuck = Annotated[
    NumberAbove | None,
    Meta(description="Processes in state D (mostly: waiting for a dead disk) for `stuck_after`."),
]


class Process(Check, frozen=True, kw_only=True):
    r"""Counts processes and watches what they use.

    `name`, `exe`, `match`, `user` and `pidfile` say which; a process has to fit all that are given. Without any of
    them all processes are meant. Too few or too many is critical. Zombies do not count as running, and what a signal
    stopped (SIGSTOP) is not enough for `min`; what is frozen (`docker pause`, `systemctl freeze`) counts as running.
    Threads of the kernel count only where `name` asks for them. rss, cpu and threads are sums over the processes found.
    Where the agent may not see enough to answer, the result is nodata.

    ```yaml
    checks:
      sshd: {type: process, name: sshd}
      shop: {type: process, name: java, match: '-jar /srv/shop/shop\.jar', rss_warning: 2GiB, restart: warning}
    ```
    """

    together: ClassVar[bool] = True

    name: Annotated[str, Meta(description="Name of the program, exactly, as `ps -o comm` shows it.")] = ""
    exe: Annotated[str, Meta(description="Path of the program. Other users' programs are visible to root only.")] = ""
    match: Annotated[
        Regex | None,
        Meta(
            description="Regular expression, searched in the command line (arguments joined by spaces). The agent and "
            "the plugins it runs never match; without name, exe and pidfile, editors, pagers and grep match by the "
            "name of the program only, and `sh -c` or sudo not where what they run matches as well. Of more than "
            "128 KiB the beginning and the end are searched."
        ),
    ] = None
    exclude: Annotated[
        Regex | None, Meta(description="Processes in whose command line this is found are not meant.")
    ] = None
    containers: Annotated[
        bool,
        Meta(description="`false` leaves out processes in pid namespaces of their own, as those of containers are."),
    ] = True
    user: Annotated[str, Meta(description="Name or number of the effective user.")] = ""
    pidfile: Annotated[
        str, Meta(description="Path of a file with the pid; with `name`, a pid given to another program is noticed.")
    ] = ""
    min: Annotated[int, Meta(ge=0, description="Fewer running processes are critical. Default 1.")] = 1
    max: Annotated[
        Annotated[int, Meta(ge=0)] | None, Meta(description="More running processes are critical. Default: any number.")
    ] = None
    count_warning: Annotated[
        NumberAbove | None, Meta(description="Running processes: `20` is too many, the range `2:10` fewer or more.")
    ] = None
    rss_warning: Rss = None
    rss_critical: Rss = None
    pss_warning: Annotated[
        SizeAbove | None, Meta(description="As rss, but what processes share is counted once; needs root, and is slow.")
    ] = None
    pss_critical: Annotated[SizeAbove | None, Meta(description="As pss_warning.")] = None
    cpu_warning: Cpu = None
    cpu_critical: Cpu = None
    threads_warning: Threads = None
    threads_critical: Threads = None
    open_files_warning: OpenFiles = None
    open_files_critical: OpenFiles = None
    age_warning: Age = None
    age_critical: Age = None
    restart: Annotated[
        Literal["ignore", "warning", "critical"],
        Meta(description="Status of the one run that finds the oldest process to be a new one. Leave fail_after at 1."),
    ] = "ignore"
    zombies_warning: Zombies = None
    zombies_critical: Zombies = None
    stuck_warning: Stuck = None
    stuck_critical: Stuck = None
    stuck_after: Annotated[
        Duration, Meta(description="In state D, without any use of CPU, for this long is stuck. Default 2m.")
    ] = Duration(120)

    def problems(self) -> Iterator[tuple[str, str]]:
        chosen = self.name or self.exe or self.match or self.user or self.pidfile
        if not chosen and self.max is None and not (self._watches("zombies") or self._watches("stuck")):
            yield "name", "says nothing of which processes: write name, exe, match, user or pidfile"
        if self.max is not None and self.min > self.max:
            yield "max", f"is {self.max}, less than min {self.min}" + (": write min: 0 too" if not self.max else "")
        if self.name.startswith("/"):
            yield "name", f"{self.name!r} is a path: write exe: {self.name}, or only the last part of it"
        for setting, kind, value in (("name", "names", self.name), ("exe", "paths", self.exe)):
            if "*" in value or "?" in value:
                words = f"{value!r} has a wildcard, and {kind} are exact: write match with a regular expression"
                yield setting, words
        for setting, path in (("exe", self.exe), ("pidfile", self.pidfile)):
            if path and not path.startswith("/"):
                yield setting, f"{path!r} is not a full path: begin it with /"
        if problem := find_pattern_problem(self.exclude, self.match):
            yield "exclude", problem
        if self.pidfile and self.min > 1:
            yield "min", f"is {self.min}, but a pidfile names one process: leave min or pidfile out"
        if self._watches("zombies") and (self.exe or self.match or self.exclude or self.pidfile):
            yield (
                "zombies_warning",
                "cannot be told with exe, match, exclude or pidfile: a zombie has only name and user",
            )

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        from checks.process.discovered import suggestions

        return suggestions(host)

    def run(self, ctx: Context) -> Iterator[Result | Metric]:
        table = ctx.shared("processes", SCANNER.scan)
        selection = find(self, table, ctx)
        changes.of_this_boot(ctx.memory, table.boot)
        yield judge_count(self, selection, table, self.name or ctx.check)
        watched = self._uses_with_levels()
        if selection.blind:
            if watched or self.restart != "ignore":
                yield nodata(f"limits and restarts not judged: {selection.reason}")
            return
        if self.restart != "ignore" and (text := changes.restart(ctx.memory, selection.rows, table.now)):
            yield Result(Status(self.restart), text)
        inputs = Inputs(self, selection, table, ctx.memory, ctx)
        for use in USES:
            if use in watched or (use in ALWAYS and selection.rows):
                yield from self._judge(use, inputs, use in watched)

    def _judge(self, name: str, inputs: Inputs, watched: bool) -> Iterator[Result | Metric]:
        try:
            use = USES[name](inputs)
        except PermissionError:
            if watched:
                yield nodata(f"{name} of another user's process cannot be seen: run the agent as root")
            return
        if use is None:
            return
        if not watched:
            yield Metric(name, use.value, use.unit, minimum=0)
            return
        result = judge(name, use.value, *self._levels(name), unit=use.unit, summary=use.words, minimum=0)
        if result.status is not Status.OK:
            about = sorted(use.about, key=use.by, reverse=True)
            result = replace(result, details=listing(about, inputs.table))
        yield result

    def _levels(self, use: str) -> tuple[Level | None, Level | None]:
        warning, critical = LEVELS[use]
        return getattr(self, warning), getattr(self, critical)

    def _watches(self, use: str) -> bool:
        return self._levels(use) != (None, None)

    def _uses_with_levels(self) -> list[str]:
        """Return those to be judged; all levels are asked for at once, as each run does."""
        levels = _all_levels(self)
        pairs = zip(USES, levels[::2], levels[1::2], strict=True)
        return [use for use, warning, critical in pairs if warning is not None or critical is not None]
