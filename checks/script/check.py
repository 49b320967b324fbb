"""Runs a program, in any language, and takes its word: exit code, text, performance data."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import ExitStack, closing
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.api import Check, Context, NumberAbove, Result
from checks.script.child import Child
from checks.script.launch import Launch
from checks.script.limits import Limits
from checks.script.reading import ExitCodes, read, stdout_max
from checks.script.word import Word

QUICK_OUTPUT = 64 * 1024
"""Bytes that are read in no time."""


class Script(Check, frozen=True):
    """Runs a program and judges it by the rules of Nagios plugins.

    Exit code 0 is ok, 1 warning, 2 critical, 3 nodata; any other, death by a signal and a missing program are nodata
    with the reason. The first line printed is the summary, further lines are the details, what follows a `|` in the
    form `label=value[unit];warn;crit;min;max` becomes metrics. stderr shows in the details when the result is not ok.

    `warning` and `critical` judge the first metric, or the one that `metric` names. Where that has no value (`load=U`,
    `load=12,5` without `decimal_comma`, no metric at all) the check is nodata, not ok. A worse status that the program
    gave itself stays. Printing nothing but a crash report on stderr (a Python traceback), that an option is unknown,
    or that it was not started (`sudo: a password is required`), is nodata, whatever it exits with.

    With `format: checkmk_local` each line is a subject: `STATE NAME METRICS TEXT`. With `format: json` it is an object,
    a list of them or one a line, with status, summary, subject, details, metrics, time and ttl. There the exit code
    must be 0; any other, and a line that is not understood, is nodata of the check itself and hides no other line.
    A subject that was there for a day and is not spoken of any more is nodata for a day, and then forgotten; one that
    was there for less is forgotten at once.

    The program gets an environment of PATH, HOME and LANG=C.UTF-8 only, and a session of its own. A tenth of the
    timeout (at most 1s) before its end the whole process group gets SIGTERM, then SIGKILL. What it leaves running in
    its group when it ends is killed too; a daemon that starts its own session is out of reach.

    An agent that runs as root refuses what others than root and `user` could change: each file that the command runs
    (also behind `nice`, `sudo`, `sh -e`, in a text for a shell, along `#!` lines), the folders and files of code that
    its variables name (PATH, LD_LIBRARY_PATH, PYTHONPATH ...), what servers, build tools and their like are told to
    obey (`nginx -c`, `make -f`, `git -C`), and every folder on the way to them. It says what to change. Where a text
    for a shell runs what has no name yet (`$x`, its input, what a command prints), each file that the text names is
    judged; what comes over the network (`curl ... | sh`) is refused by `validate`. What a program only reads is not
    judged; nor, because nobody can see it from outside: what a script of root's runs itself, a module of `python -m`
    that we do not know, a Makefile that is not named.
    """

    command: Annotated[
        str | list[Word],
        Meta(
            description="The program and its arguments as a list, numbers as they are written; one text only with "
            "`shell: true`."
        ),
    ]
    shell: Annotated[bool, Meta(description="Give `command` to /bin/sh (default false: no shell).")] = False
    format: Annotated[
        Literal["nagios", "checkmk_local", "json"], Meta(description="How its output is to be read; default nagios.")
    ] = "nagios"
    exit_codes: Annotated[
        ExitCodes,
        Meta(
            description='What exit codes mean, such as {"4": warning, SIGSEGV: critical, timeout: critical}; '
            "default: as plugins have it."
        ),
    ] = msgspec.field(default_factory=dict)
    empty: Annotated[
        Literal["ok", "warning", "critical", "nodata"] | None,
        Meta(
            description="What it means that it prints nothing and exits with 0; default: ok of plugins, nodata of the "
            "formats of many subjects."
        ),
    ] = None
    warning: Annotated[
        NumberAbove | None, Meta(description="Warning from this value of its first metric; default: it judges itself.")
    ] = None
    critical: Annotated[
        NumberAbove | None, Meta(description="Critical from this value of its first metric; default: it judges itself.")
    ] = None
    metric: Annotated[
        str, Meta(description="Name of the metric that `warning` and `critical` are about; default: the first.")
    ] = ""
    decimal_comma: Annotated[
        bool, Meta(description="Its performance data are written with commas, such as load=12,5; default: with points.")
    ] = False
    env: Annotated[
        dict[str, str],
        Meta(description="Environment variables, added to PATH, HOME and LANG (default none).", extra={"secret": True}),
    ] = msgspec.field(default_factory=dict)
    cwd: Annotated[str, Meta(description="Folder to start in, a full path (default: the agent's own).")] = ""
    stdin: Annotated[
        str, Meta(description="Text it can read; the place for a secret (default none).", extra={"secret": True})
    ] = ""
    sha256: Annotated[
        str,
        Meta(
            description="Sum that the program, or the script given to an interpreter, must have; what runs is a sealed "
            "copy under another name (default: any)."
        ),
    ] = ""
    user: Annotated[
        str, Meta(description="Who it runs as, by name or number; only an agent of root can (default: the agent).")
    ] = ""
    group: Annotated[str, Meta(description="Its group; only an agent of root can (default: the user's).")] = ""
    capabilities: Annotated[
        list[str],
        Meta(
            description="Rights of the agent's unit (AmbientCapabilities) that it keeps, such as [CAP_NET_RAW]; "
            "default: none."
        ),
    ] = msgspec.field(default_factory=list)
    umask: Annotated[
        str,
        Meta(
            pattern="^0?[0-7]{3}$",
            examples=["077"],
            description='File mode mask in octal, such as "077" (default: the agent\'s).',
        ),
    ] = ""
    nice: Annotated[int, Meta(ge=-20, le=19, description="Added to its niceness; below 0 needs root (default 0).")] = 0
    limits: Annotated[Limits | None, Meta(description="What its processes may use (default: no limits).")] = None

    def run(self, ctx: Context) -> Iterable[Result] | AsyncIterable[Result]:
        """Start it, which may take as long as a mount does; one that does not end at once is awaited in a loop."""
        with Launch(self) as launch, Child(launch, stdout_max(self.format)) as child, ctx.interruptible(child.kill):
            if not child.ends_soon():
                # Before this `with` ends: an agent that stops before the loop has it must not leave it behind.
                guard = ExitStack()
                guard.enter_context(ctx.interruptible(child.kill))
                launch.stays = child.stays = True
                return self._await(ctx, child, launch, guard)
            output = child.collect_output()
            launch.complain()
        results = read(self, output, ctx.timeout, launch)
        return results if self.format == "nagios" else self._mark_subjects(results, ctx)

    async def _await(self, ctx: Context, child: Child, launch: Launch, guard: ExitStack) -> AsyncIterator[Result]:
        # A part of the timeout is kept back, so that TERM, KILL and the result all come before its end.
        grace = min(1.0, ctx.timeout / 10)
        terminate_at = ctx.deadline - grace
        with closing(launch):
            async with child:
                with guard:
                    await child.end(terminate_at, terminate_at + grace * 0.7)
                    output = child.collect_output()
            launch.complain()
        long = len(output.stdout) > QUICK_OUTPUT
        results = ctx.computed(lambda: read(self, output, ctx.timeout, launch), long)
        if self.format == "nagios":
            async for result in results:
                yield result
            return
        from checks.script.subjects import Subjects

        subjects = Subjects(self.command)
        async for result in results:
            yield subjects.mark(result)
        for result in subjects.missing(ctx):
            yield result

    def _mark_subjects(self, results: Iterable[Result], ctx: Context) -> Iterable[Result]:
        from checks.script.subjects import mark_subjects

        return mark_subjects(results, self.command, ctx)

    def problems(self) -> Iterable[tuple[str, str]]:
        from checks.script.problems import problems

        return problems(self)
