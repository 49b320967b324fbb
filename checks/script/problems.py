"""What settings of a script cannot mean."""

from __future__ import annotations

import os
import re
import shlex
import signal
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from checks.script import capabilities

if TYPE_CHECKING:
    from checks.script.check import Script

STDIN_MAX = 1024 * 1024

Problems = Iterator[tuple[str, str]]


def problems(script: Script) -> Problems:
    """Yield (setting, what is wrong and what to write instead)."""
    yield from _command_problems(script)
    for name, value in script.env.items():
        if not name or "=" in name or "\0" in name + value:
            yield "env", f"{name!r} cannot be an environment variable: no empty name, no '=' in it, no NUL"
    if script.cwd and (not script.cwd.startswith("/") or "\0" in script.cwd):
        yield "cwd", f"{script.cwd!r} is not a full path, write one that begins with /"
    if len(script.stdin) > STDIN_MAX:
        yield "stdin", "is longer than a million characters: have the program read a file"
    if script.metric and script.warning is None and script.critical is None:
        yield "metric", "says what `warning` and `critical` are about, and neither is set"
    if script.decimal_comma and script.format != "nagios":
        yield "decimal_comma", f"is for `format: nagios`, not for {script.format}"
    yield from _capability_problems(script)
    yield from _sum_problems(script)
    yield from _exit_code_problems(script)


def _command_problems(script: Script) -> Problems:
    if text := _form_problem(script.command, script.shell):
        yield "command", text
    if macro := next(filter(None, map(_MACRO.search, _texts(script.command))), None):
        yield "command", f"{macro[0]} is of another tool, which puts something in for it: write what it stands for"
    words = [script.command] if isinstance(script.command, str) else script.command
    if any("\0" in word for word in words):
        yield "command", "holds a NUL character, which no program can be given"
    if script.user in ("", "root", "0") and os.geteuid() == 0:
        yield from _fetch_problems(words)
    is_run_itself = not script.shell and not isinstance(script.command, str) and len(words) > 0
    if is_run_itself and "/" in words[0] and not words[0].startswith("/") and not script.cwd:
        yield "command", f"{words[0]!r} is relative to nothing, write the full path or set `cwd`"


_MACRO = re.compile(
    r"\$(?:USER|ARG)\d+\$|\$_?(?:HOST|SERVICE|CONTACT)[A-Z]*(?::[^$]*)?\$|\{(?:HOST|ITEM|TRIGGER)\.[A-Z.]+\d?\}|\{\$[A-Z_.]+\}"
)
"""Of Nagios, Icinga and Zabbix."""
_SHELL_ONLY = re.compile(r"[|&;<>$`*?()]")
"""What only a shell understands: as words of a list it would mean something else."""


def _texts(command: str | Sequence[str]) -> Sequence[str]:
    return [command] if isinstance(command, str) else command


def _form_problem(command: str | Sequence[str], shell: bool) -> str:
    if not isinstance(command, str):
        if not command or not command[0].strip():
            return "is empty, write a list of the program and its arguments"
        if not shell and re.match(r"/\S+\s+-", command[0]):
            return f"holds several words in one item: write {_as_list(command[0])}"
        return "with `shell: true` is one text, not a list" if shell else ""
    if not command.strip():
        return "is empty, write a list of the program and its arguments"
    if shell:
        return ""
    if re.match(r"[-\u2013]\s*/", command):
        return "begins with a dash: each item of a list has a line with a dash, a blank and the word"
    words = "" if _SHELL_ONLY.search(command) else f"; without a shell write {_as_list(command)}"
    return f"as one text needs `shell: true`{words}"


def _fetch_problems(words: Sequence[str]) -> Problems:
    from checks.script.fetched import runs_what_it_fetches

    if any(runs_what_it_fetches(word) for word in words):
        yield (
            "command",
            (
                "has root run what comes over the network, and nobody sees who could change that: "
                "keep it in a file of root's, or set `user`"
            ),
        )


def _as_list(command: str) -> str:
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    return msgspec.json.encode(words).decode().replace('","', '", "')


def _capability_problems(script: Script) -> Problems:
    if script.capabilities and (script.user or script.group):
        yield "capabilities", "are rights of the agent's own user: with `user` or `group` it has those of that account"
    for name in script.capabilities:
        if name not in capabilities.NAMES:
            from difflib import get_close_matches

            close = get_close_matches(name.upper(), capabilities.NAMES, 1)
            yield "capabilities", f"{name!r} is none" + (f", did you mean {close[0]}?" if close else "")


def _sum_problems(script: Script) -> Problems:
    if script.sha256 and not re.fullmatch("[0-9a-fA-F]{64}", script.sha256):
        yield "sha256", "must be 64 hexadecimal digits, as `sha256sum FILE` prints them"
    if script.sha256 and script.shell:
        yield "sha256", "is about a file: put this text of a shell into one and name that in `command`"


def _exit_code_problems(script: Script) -> Problems:
    for code in script.exit_codes:
        if code == "timeout":
            if script.format != "nagios":
                yield "exit_codes", "timeout: with many subjects nobody knows what it would have said: it is nodata"
        elif code not in signal.Signals.__members__ and not (code.isascii() and code.isdigit() and _is_code(code)):
            yield "exit_codes", f"{code!r} is not an exit code from 0 to 255, a signal such as SIGSEGV, or timeout"


def _is_code(digits: str) -> bool:
    return len(digits) <= 3 and int(digits) <= 255 and str(int(digits)) == digits
