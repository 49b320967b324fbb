"""hostvigil import nrpe FILE: the commands of an nrpe.cfg become checks; what cannot is off, with the reason."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.cli.discover import write_new
from agent.cli.output import fail, pluralize
from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog
from agent.plugin.host import Suggestion
from agent.running.discovery import Candidate, as_read, drop_in

HEAD = """# yaml-language-server: $schema=hostvigil.schema.json
#
# Taken over by `hostvigil import nrpe`. The file is yours from now on: change it as you like.
# How often and how many times until it counts stood on the Nagios server: look at `interval` and add `fail_after`.
# Every setting: `hostvigil types {type}`.
checks:
"""
DROP_IN = "nrpe.yaml"
MOST_FILES = 500
MOST_BYTES = 1 << 20
DEFAULT_TIMEOUT = 60
SHELL = re.compile(r"[|&;<>()$`*?\[\]#~{}!\n]|^\w+=")
"""What a shell would act on; NRPE gives every command to one."""
ARGUMENT = re.compile(r"\$ARG\d+\$")
BUILT_IN = {
    **dict.fromkeys(("check_disk", "check_all_disks"), "disk"),
    **dict.fromkeys(("check_load", "check_cpu"), "load"),
    **dict.fromkeys(("check_swap", "check_mem", "check_memory"), "memory"),
    **dict.fromkeys(("check_procs", "check_proc"), "process"),
    **dict.fromkeys(("check_http", "check_curl"), "http"),
    **dict.fromkeys(("check_tcp", "check_ssh", "check_smtp", "check_ftp"), "tcp"),
    **dict.fromkeys(("check_dns", "check_dig"), "dns"),
    **dict.fromkeys(("check_ping", "check_icmp", "check_fping"), "ping"),
    **dict.fromkeys(("check_file_age",), "file"),
    **dict.fromkeys(("check_log",), "log"),
    **dict.fromkeys(("check_ntp_time", "check_ntp", "check_time"), "clock"),
}
"""Plugins whose work a type does without a process."""


def main(options: argparse.Namespace) -> int:
    """Exits 0; 1 when the drop-in exists already; 2 when nothing can be read or written."""
    try:
        lines = list(_lines(options.file, set()))
    except PermissionError:
        raise
    except OSError as error:
        return fail(f"{error.filename or options.file}: {error.strerror}")
    catalog = Catalog()
    names_in_use = set(load(options.config, catalog, os.environ).checks)
    checks = _checks(lines, catalog, names_in_use)
    if not checks:
        return fail(f"{options.file}: no line 'command[NAME]=...' in it")
    text = drop_in(checks, HEAD)
    if options.dry_run:
        print(text, end="")
        return 0
    return _write(options.config, text, checks)


def _write(folder: Path, text: str, checks: list[Candidate]) -> int:
    file = folder / DROP_IN
    try:
        if not write_new(file, text):
            print(f"hostvigil: {file} exists already, left as it is", file=sys.stderr)
            return 1
    except PermissionError:
        raise
    except OSError as error:
        return fail(f"{error.filename or file}: {error.strerror}")
    off = [one for one in checks if one.off]
    print(f"{file}: {pluralize(len(checks), 'check')}, {len(off)} of them off")
    for one in off:
        print(f"  {one.name}: {one.off}")
    print("read it, then: hostvigil validate && hostvigil reload")
    return 0


def _lines(file: Path, visited: set[Path]) -> Iterator[tuple[str, str]]:
    """Yield each setting of a file and of those that it includes, in order."""
    if not file.is_file():  # nor what cannot be a path, or a link that leads to itself
        raise FileNotFoundError(2, "is no file", str(file))
    if file.resolve() in visited or len(visited) >= MOST_FILES:
        return
    visited.add(file.resolve())
    with file.open(encoding="utf-8", errors="surrogateescape") as source:
        text = source.read(MOST_BYTES)
    for line in text.encode(errors="surrogateescape").decode(errors="replace").replace("\0", "\ufffd").splitlines():
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or name.startswith("#"):
            continue
        if name in ("include", "include_file"):
            yield from _lines(Path(value), visited)
        elif name == "include_dir":
            for one in sorted(Path(value).rglob("*.cfg")):
                yield from _lines(one, visited)
        else:
            yield name, value


def _checks(lines: list[tuple[str, str]], catalog: Catalog, names_in_use: set[str]) -> list[Candidate]:
    settings = dict(lines)
    prefix = settings.get("command_prefix", "")
    limit = settings.get("command_timeout", "")
    timeout = int(limit) if limit.isdecimal() and 0 < int(limit) <= 3600 else DEFAULT_TIMEOUT
    checks = []
    for key, value in lines:
        if match := re.fullmatch(r"command\[(.+)\]", key):
            name = _name(match[1])
            double = "a check of this name is there already: give one of them another" if name in names_in_use else ""
            names_in_use.add(name)
            checks.append(
                as_read(name, "script", _suggestion(name, f"{prefix} {value}".strip(), timeout, double), catalog)
            )
    return checks


def _name(text: str) -> str:
    """Keep the name, as far as names of checks go."""
    name = re.sub(r"[^\w.-]+", "-", text).strip("-.") or "nrpe"
    return f"nrpe-{name}" if name == "hostvigil" else name


def _suggestion(name: str, line: str, timeout: int, double: str) -> Suggestion:
    words = _words(line)
    shell = words is None or SHELL.search(ARGUMENT.sub("", line)) is not None
    settings: dict[str, Any] = {"command": line, "shell": True} if shell or words is None else {"command": words}
    settings |= {"interval": f"{max(300, 5 * timeout)}s", "timeout": f"{timeout}s"}
    own = BUILT_IN.get(Path((words or [name])[0]).name) or BUILT_IN.get(name)
    why = f"Was command[{name}]." + (
        f" The type {own} looks at the same without a plugin: hostvigil types {own}" if own else ""
    )
    return Suggestion(name=name, settings=settings, why=why, off=double or _obstacle(line, words))


def _words(line: str) -> list[str] | None:
    """Return the words of a plain command; None where quotes do not end."""
    try:
        return shlex.split(line)
    except ValueError:
        return None


def _obstacle(line: str, words: list[str] | None) -> str:
    """Say why the agent cannot run it as it stands; '' where it can."""
    if arguments := sorted(set(ARGUMENT.findall(line))):
        return f"{', '.join(arguments)} came from the Nagios server (its service definition): write the values here"
    if words is None:
        return "a quote in it does not end"
    if any(Path(word).name in ("sudo", "doas") for word in words):
        return (
            "the agent's unit gives up such rights for good: let root run it from cron and push the result,"
            " hostvigil wrap NAME -- COMMAND"
        )
    if not words:
        return "it has no command"
    program = Path(words[0])
    if program.is_absolute() and not program.exists():
        return f"{program} is not there"
    return ""
