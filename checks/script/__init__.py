"""Runs a program, in any language, and takes its word: exit code, text, performance data."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from typing import Annotated

import msgspec

from agent.api import Check, Context, Result, Status, duration_text, nodata, size_text
from checks.script import nagios
from checks.script.child import KEPT, PRINTED_MAX, Child, Ended
from checks.script.program import command_line
from checks.script.text import readable, shortened

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_STDERR_LENGTH = 2048


class Script(Check, frozen=True):
    """Runs a program and judges it by the rules of Nagios plugins.

    Exit code 0 is ok, 1 warning, 2 critical, 3 nodata; any other, death by a signal and a missing program are nodata
    with the reason. The first line printed is the summary, further lines are the details, what follows a `|` in the
    form `label=value[unit];warn;crit;min;max` becomes metrics. stderr shows in the details when the result is not ok.

    The program gets no input, an environment of PATH, HOME and LANG=C.UTF-8 only, and a session of its own. A tenth
    of the timeout (at most 1s) before its end the whole process group gets SIGTERM, then SIGKILL. What it leaves
    running in its group when it ends is killed too; a daemon that starts its own session is out of reach.
    """

    command: Annotated[
        str | list[str],
        msgspec.Meta(description="The program and its arguments as a list; one text only with `shell: true`."),
    ]
    shell: Annotated[bool, msgspec.Meta(description="Give `command` to /bin/sh (default false: no shell).")] = False
    env: Annotated[
        dict[str, str], msgspec.Meta(description="Environment variables, added to PATH, HOME and LANG (default none).")
    ] = msgspec.field(default_factory=dict)
    cwd: Annotated[str, msgspec.Meta(description="Folder to start in, a full path (default: the agent's own).")] = ""

    def run(self, ctx: Context) -> Iterable[Result]:
        # A part of the timeout is kept back, so that TERM, KILL and the result all come before its end.
        grace = min(1.0, ctx.timeout / 10)
        terminate_at = ctx.deadline - grace
        env = {"PATH": _PATH, "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", **self.env}
        argv = command_line(self.command, self.cwd, env)
        with Child(argv, env) as child, ctx.interruptible(child.kill):
            ended = child.finish(terminate_at, terminate_at + grace * 0.7)
        yield _result(ended, ctx.timeout)

    def problems(self) -> Iterable[tuple[str, str]]:
        yield from ((("command", text),) if (text := _command_problem(self.command, self.shell)) else ())
        words = [self.command] if isinstance(self.command, str) else self.command
        if any("\0" in word for word in words):
            yield "command", "holds a NUL character, which no program can be given"
        if not self.shell and words[0:1] and "/" in words[0] and not words[0].startswith("/") and not self.cwd:
            yield "command", f"{words[0]!r} is relative to nothing, write the full path or set `cwd`"
        for name, value in self.env.items():
            if not name or "=" in name or "\0" in name + value:
                yield "env", f"{name!r} cannot be an environment variable: no empty name, no '=' in it, no NUL"
        if self.cwd and (not self.cwd.startswith("/") or "\0" in self.cwd):
            yield "cwd", f"{self.cwd!r} is not a full path, write one that begins with /"


def _command_problem(command: str | list[str], shell: bool) -> str:
    if isinstance(command, list):
        if not command or not command[0].strip():
            return "is empty, write a list of the program and its arguments"
        return "with `shell: true` is one text, not a list" if shell else ""
    if not command.strip():
        return "is empty, write a list of the program and its arguments"
    return "" if shell else f"as one text needs `shell: true`; without a shell write {_as_list(command)}"


def _as_list(command: str) -> str:
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    return msgspec.json.encode(words).decode().replace('","', '", "')


def _result(ended: Ended, timeout: float) -> Result:
    notes = []
    if ended.cut:
        notes.append(f"(of each stream only the first {size_text(KEPT)} are kept)")
    if ended.late or ended.flooded:
        result = _broken_off(ended, timeout)
    else:
        result = nagios.parse(ended.stdout, ended.exit_code)
        if ended.left_behind:
            notes.append("(it left processes running in its group: killed)")
    if result.status is not Status.OK and (stderr := readable(ended.stderr).strip()):
        notes.append(f"stderr: {shortened(stderr, _STDERR_LENGTH)}")
    if not notes:
        return result
    return msgspec.structs.replace(result, details="\n".join(filter(None, (result.details, *notes))))


def _broken_off(ended: Ended, timeout: float) -> Result:
    printed = shortened(readable(ended.stdout).strip(), nagios.DETAILS_LENGTH)
    if ended.flooded:
        return nodata(f"printed more than {size_text(PRINTED_MAX)} (killed)", details=printed)
    how = " (killed)" if ended.exit_code < 0 else ""
    return nodata(f"did not finish within {duration_text(timeout)}{how}", details=printed)
