"""hostvigil setup: from an installed package to a running agent that tells its events; safe to run again."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import re
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from agent.cli import discover, reload, test_event, validate
from agent.cli.output import fail
from agent.cli.places import DEFAULT_CONFIG
from agent.config.agent_section import events_fault
from agent.config.drop_ins import load
from agent.config.files.patience import SILENT, answers
from agent.config.settings import AgentSettings
from agent.config.types.catalog import Catalog
from agent.delivery.answer import Verdict

REGIONS = {
    **{name: f"https://{name}-openapi.truewatch.com" for name in ("us1", "eu1", "ap1", "za1", "id1")},
    "guance": "https://openapi.guance.com",
    **{f"guance-{name}": f"https://{name}-openapi.guance.com" for name in ("aws", "cn4", "us1", "za1", "id1", "me1")},
    **{f"guance-{name}": f"https://{name}-openapi.guance.one" for name in ("cn6", "eu1", "ap1")},
}
AGENT_FILE = "00-agent.yaml"
KEY_FILE = "api_key"
DROP_IN = """# yaml-language-server: $schema=hostvigil.schema.json
#
# Written by `hostvigil setup`. Every setting of the agent: docs/configuration.md, "Settings of the agent".
agent:
  events:
    endpoint: {endpoint}
    api_key: ${{file:{key}}}
"""
SERVICE = "hostvigil.service"
KEY_SECONDS = 30.0
"""For a program behind a pipe that may ask somebody for a password."""
MOST_KEY = 4096

Run = Callable[..., subprocess.CompletedProcess[str]]


class NotDone(Exception):
    """A step that could not be done: the text says why, and what to do."""


def main(options: argparse.Namespace, run: Run = subprocess.run, systemd: Path = Path("/run/systemd/system")) -> int:
    """Exits 0 when the agent is at work (or need not be); 1 when a step failed: what was done before it is said."""
    manages = systemd.is_dir() and str(options.config) == DEFAULT_CONFIG and not options.no_start
    try:
        _can_ask(options)
        _require_answer(options.config)
        options.config.mkdir(parents=True, exist_ok=True, mode=0o750)
        changed = _settings(options)
        active = manages and not run(["systemctl", "--quiet", "is-active", SERVICE], check=False, timeout=60).returncode
        agent = _agent(options.config)
        if agent.events.endpoint and (changed or not active):
            _test(agent)
        changed |= _discover(options)
        options.json = False
        if validate.main(options):
            raise NotDone("the configuration has problems, see above; correct them and run hostvigil setup again")
        _start(options, run, manages, active, changed)
    except (KeyboardInterrupt, EOFError):
        print()
        fail("ended before its end; what is written above is done, run hostvigil setup again for the rest")
        return 1
    except PermissionError:
        raise
    except (NotDone, OSError) as error:
        fail(error)
        return 1
    return 0


def _can_ask(options: argparse.Namespace) -> None:
    if not options.yes and not sys.stdin.isatty():
        raise NotDone("there is no terminal to ask on: give --endpoint, --key-file and --yes")


def _require_answer(folder: Path) -> None:
    """NotDone where the folder lies on a mount that hangs: whoever makes or writes something there waits for ever."""
    if not answers(folder):
        raise NotDone(f"{folder} {SILENT}")


def _settings(options: argparse.Namespace) -> bool:
    """Write key and endpoint where they are not as they should be; tell whether something was written."""
    agent = load(options.config, Catalog(), os.environ).agent
    now = agent.events
    endpoint = _address(options.endpoint) or now.endpoint or _address(_ask_endpoint(options, agent))
    if not endpoint:
        print(f"no endpoint: events go to {', '.join(agent.destinations) or 'the journal of this host'}")
        return False
    key_file = options.config.parent.resolve() / KEY_FILE
    key = _key(options, now.api_key, key_file)
    file = options.config / AGENT_FILE
    changed = False
    if key and key != now.api_key:
        changed |= _write(key_file, f"{key}\n", options.config)
    if endpoint != now.endpoint or not now.api_key:
        text = DROP_IN.format(endpoint=json.dumps(endpoint), key=key_file)
        if file.exists() and not _is_ours(file.read_text()):
            raise NotDone(
                f"{file} was not written by setup: set 'endpoint: {endpoint}' and 'api_key: ${{file:{key_file}}}'"
                " below agent.events there, then run hostvigil setup again"
            )
        changed |= _write(file, text, options.config)
    agent = _agent(options.config)
    if key and agent.events.api_key != key:
        raise NotDone(f"the configuration takes its key from elsewhere than {key_file}: correct agent.events.api_key")
    if not changed:
        print(f"{endpoint} and its key: as they were")
    return changed


def _is_ours(text: str) -> bool:
    """Tell whether a drop-in is what setup writes and nothing else."""
    pattern = re.escape(DROP_IN.format(endpoint="ENDPOINT", key="KEY"))
    return re.fullmatch(pattern.replace("ENDPOINT", ".*").replace("KEY", ".*"), text) is not None


def _ask_endpoint(options: argparse.Namespace, agent: AgentSettings) -> str:
    if agent.destinations:
        return ""
    if options.yes:
        raise NotDone("no endpoint is configured: give --endpoint, an address or one of " + ", ".join(REGIONS))
    print("Where do events go? An address, or a region: " + ", ".join(REGIONS))
    return input("Endpoint (empty: none, events stay in the journal): ").strip()


def _address(endpoint: str) -> str:
    """Return the address that is meant by a region or an address; NotDone, before anything is written, for others."""
    address = REGIONS.get(endpoint.lower(), endpoint)
    if endpoint and (wrong := events_fault("endpoint", address)):
        regions = "" if "." in endpoint else f", or a region: {', '.join(REGIONS)}"
        raise NotDone(f"{endpoint!r} {wrong}{regions}")
    return address


def _key(options: argparse.Namespace, now: str, key_file: Path) -> str:
    """Return the key; '' where the configured one stays. It is never an argument: others see those."""
    if options.key_file is None:
        if now:
            return ""
        if options.yes:
            raise NotDone("no key is configured: give --key-file FILE, or - to read it from the standard input")
        answer = getpass.getpass(f"Key id of your workspace (not the secret; kept in {key_file}): ")
    elif str(options.key_file) == "-":
        answer = getpass.getpass("Key id: ") if sys.stdin.isatty() else sys.stdin.readline()
    else:
        answer = read_key(options.key_file)
    key = answer.strip()
    if not re.fullmatch(r"[!-~]+", key):
        raise NotDone("the key is empty" if not key else "the key is not one word of plain letters")
    if wrong := events_fault("api_key", key):
        raise NotDone(f"what was given as the key {wrong}")
    return key


def read_key(file: Path, seconds: float = KEY_SECONDS) -> str:
    """Return the beginning of a file, or of what a shell gives as one (`<(pass show key)`), which may never come."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as source:
        content, ready, part = b"", select.poll(), b"-"
        ready.register(descriptor, select.POLLIN)
        while part and len(content) < MOST_KEY:
            if not ready.poll(seconds * 1000):
                raise NotDone(f"{file} says nothing within {seconds:g}s: is it a pipe that nobody writes to?")
            part = source.read(MOST_KEY) or b""
            content += part
    return content.decode(errors="replace")


def _write(file: Path, text: str, like: Path) -> bool:
    """Write a file at once, for root and the group that reads the folder of drop-ins; False if it says so already."""
    group = like.stat().st_gid if os.geteuid() == 0 else -1
    if file.exists() and file.read_text() == text:
        return False
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "w") as out:
            os.fchown(descriptor, -1, group)
            os.fchmod(descriptor, 0o640)
            out.write(text)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink()
        raise
    print(f"{file}: written, mode 0640")
    return True


def _agent(config: Path) -> AgentSettings:
    configuration = load(config, Catalog(), os.environ)
    if not configuration.agent_readable:
        raise NotDone("\n".join(str(problem) for problem in configuration.problems if problem.agent))
    return configuration.agent


def _test(agent: AgentSettings) -> None:
    answer = test_event.send_test(agent)
    if answer.verdict is Verdict.THROTTLED:
        print(f"{agent.events.endpoint} takes no more events just now ({answer.text}); the agent will try again")
    elif answer.verdict is Verdict.DELIVERED:
        print(test_event.text(answer, agent))
    else:
        raise NotDone(
            f"{test_event.text(answer, agent)}\nCorrect it and run hostvigil setup again; nothing was started."
        )


def _discover(options: argparse.Namespace) -> bool:
    """Write drop-ins for what is on this host, once; tell whether some were written."""
    before = set(options.config.glob("found-*.yaml"))
    if before:
        print("found-*.yaml: there already, left as they are (hostvigil discover looks for more)")
        return False
    if not options.yes and not _confirm("Look at this host and write checks for what is there (hostvigil discover)?"):
        return False
    options.dry_run = False
    discover.main(options)
    return set(options.config.glob("found-*.yaml")) != before


def _confirm(question: str) -> bool:
    return input(f"{question} [Y/n] ").strip().lower() in ("", "y", "yes")


def _start(options: argparse.Namespace, run: Run, manages: bool, active: bool, changed: bool) -> None:
    if not manages:
        print(f"not started; start it by: hostvigil run --config {options.config}, or by its service")
        return
    if not run(["systemctl", "--quiet", "is-enabled", SERVICE], check=False, timeout=60).returncode and active:
        print(f"{SERVICE}: at work already")
        if changed and reload.main(options):
            raise NotDone("the running agent did not take all of it over, see above")
        return
    if not options.yes and not _confirm(f"Start {SERVICE} now, and with each boot?"):
        return
    # As long as the unit gives the agent to begin, and a little more.
    if run(["systemctl", "--quiet", "enable", "--now", SERVICE], check=False, timeout=960).returncode:
        raise NotDone(f"{SERVICE} did not start: journalctl -u hostvigil -n 20")
    print(f"{SERVICE}: enabled and started. To see all checks: hostvigil status")
