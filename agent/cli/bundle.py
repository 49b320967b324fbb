"""hostvigil bundle: all that somebody who helps needs to see, in one archive, known secrets taken out."""

from __future__ import annotations

import argparse
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import distributions
from pathlib import Path

import msgspec

import agent
from agent.cli.doctor import describe, findings
from agent.cli.events import title_of
from agent.cli.output import fail
from agent.config.settings import Config
from agent.plugin.clock import wall_clock
from agent.store import Store
from agent.system.redactor import redactor
from agent.system.regular import read_regular
from agent.system.rights import state_of
from agent.view.explanation import settings
from agent.view.forms.events import EventsForm, event_form
from agent.view.forms.explain import explain_form
from agent.view.forms.status import status_form
from agent.view.forms.words import VERSION
from agent.view.reading import configuration, look

MOST_EVENTS = 500
MOST_FILE = 1024**2
LOG_LINES = "2000"
READ_ME = """\
Made by `hostvigil bundle`. Secrets that hostvigil knows are taken out: values from files and of settings that are
secrets by their nature. What stands in the middle of a command or a text it cannot know: look before you give it away.
"""
Part = tuple[str, Callable[[], str]]
"""A file of the archive, and what makes its text."""


def main(options: argparse.Namespace) -> int:
    """Exits 0; 2 when the archive cannot be written. A part that cannot be read has the reason in its place."""
    config = configuration(options.config)
    target = options.output or Path(f"hostvigil-{time.strftime('%Y%m%d-%H%M%S')}.tar.gz")
    try:
        # Not for others: what somebody wrote into a command stays in it.
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as out, tarfile.open(fileobj=out, mode="w:gz") as archive:
            for name, make in parts(config, options):
                print(name, flush=True)
                _add(archive, name, _make_part(make), redactor(config.secrets))
    except PermissionError:
        raise
    except OSError as error:
        return fail(error)
    print(f"written: {target}. Look into it before you give it away.")
    return 0


def parts(config: Config, options: argparse.Namespace) -> Iterator[Part]:
    """Yield what goes into the archive."""
    yield "README.txt", lambda: READ_ME
    yield "system.txt", _system
    yield "doctor.txt", lambda: "\n".join(describe(one) for one in findings(config, options))
    yield "problems.txt", lambda: "\n".join(map(str, config.problems))
    yield "status.json", lambda: _status(config, options.state)
    yield "events.json", lambda: _events(options.state)
    yield "explain.jsonl", lambda: _explain_checks(config, options.state)
    # Of files that are not understood nobody knows what in them is a secret.
    if config.agent_readable and config.complete:
        for path in sorted(path for path in map(Path, config.sources) if path.suffix in (".yaml", ".yml")):
            yield f"conf.d/{path.name}", partial(_drop_in, path)
    else:
        yield "conf.d/README.txt", lambda: "left out: a file cannot be read, so its secrets are not known"
    if program := shutil.which("journalctl"):
        yield "log.txt", lambda: _output([program, "-u", "hostvigil", "-n", LOG_LINES, "--no-pager"])


def _make_part(make: Callable[[], str]) -> str:
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - a part that cannot be had is no reason to have none
        return f"cannot be had: {type(error).__name__}: {error}"


def _add(archive: tarfile.TarFile, name: str, text: str, hide: Callable[[str], str]) -> None:
    content = hide(text).encode("utf-8", "replace")
    entry = tarfile.TarInfo(f"hostvigil/{name}")
    entry.size, entry.mode, entry.mtime = len(content), 0o600, int(time.time())
    archive.addfile(entry, io.BytesIO(content))


def _system() -> str:
    ours = sorted(f"{one.name} {one.version}" for one in distributions())
    lines = [f"hostvigil {agent.__version__}", platform.platform(), sys.version, f"user {os.geteuid()}", *ours]
    return "\n".join(lines)


def _drop_in(path: Path) -> str:
    """Return a file without its lines of comments, in which an old key may stand."""
    lines = read_regular(path, MOST_FILE).decode().split("\n")
    return "\n".join("# a comment, left out" if line.lstrip().startswith("#") else line for line in lines)


def _status(config: Config, state: Path) -> str:
    snapshot = look(config, state, wall_clock())
    return msgspec.json.encode(status_form(snapshot, snapshot.subjects)).decode()


def _explain_checks(config: Config, state: Path) -> str:
    """Return each check as `explain --json` says it, a line each."""
    snapshot, hide = look(config, state, wall_clock()), redactor(config.secrets)
    forms = (
        explain_form(snapshot, one, settings(one.config, hide) if one.config else [])
        for one in snapshot.checks.values()
    )
    return "\n".join(msgspec.json.encode(form).decode() for form in forms)


def _events(state: Path) -> str:
    with state_of(state):
        store = Store.read(state)
        deliveries = store.history.latest(MOST_EVENTS)
        store.close()
    forms = tuple(event_form(one, title_of(one)) for one in deliveries)
    return msgspec.json.encode(EventsForm(VERSION, forms)).decode()


def _output(words: list[str]) -> str:
    result = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=20, check=False)
    return result.stdout + result.stderr
