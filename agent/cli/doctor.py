"""hostvigil doctor: what keeps the agent from its work, and how to mend each."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from agent.cli.answers.agents_eyes import unreadable
from agent.cli.answers.asking import ask_agent
from agent.cli.answers.finding import Finding
from agent.cli.answers.reach import destinations
from agent.cli.output import pluralize
from agent.cli.show.page import reload_text
from agent.config.diff import checks_on_schedule, running
from agent.config.settings import Config
from agent.model import Status
from agent.plugin.clock import wall_clock
from agent.plugin.text import name_some, one_line
from agent.plugin.units import size_text
from agent.push.control import NoAnswer, TooLate
from agent.push.listener import FILE as SOCKET
from agent.push.listener import SPOOL
from agent.store import StoreError
from agent.system.redactor import redactor
from agent.system.rights import LedByOthersError, state_of
from agent.view.reading import configuration, look
from agent.view.snapshot import Mark, Snapshot
from agent.view.words import ago

LEAST_FREE = 64 * 1024**2
MOST_NAMED = 5
RELOAD = "hostvigil reload takes it over, and says what it did not take"
LONG = 500


def main(options: argparse.Namespace) -> int:
    """Exits 0 when nothing is wrong, 1 when something is. Each finding is printed as soon as it is known."""
    config = configuration(options.config)
    hide, wrong = redactor(config.secrets), 0
    for finding in findings(config, options):
        wrong += finding.wrong
        print(hide(describe(finding)), flush=True)
    print(f"\n{pluralize(wrong, 'thing')} to mend" if wrong else "\nnothing is wrong")
    return 1 if wrong else 0


def describe(finding: Finding) -> str:
    """Return a finding as one line, and what to do as another."""
    line = f"{'WRONG' if finding.wrong else 'ok':5}  {finding.what:14} {one_line(finding.text, LONG)}"
    return f"{line}\n{'':22}-> {one_line(finding.mend, LONG)}" if finding.mend else line


def findings(config: Config, options: argparse.Namespace) -> Iterator[Finding]:
    """Yield all findings, the nearest first: files, store, agent, host, network."""
    yield from _configuration(config)
    yield from _rights(config, options.state)
    try:
        snapshot = look(config, options.state, wall_clock())
    except LedByOthersError as error:
        yield Finding("store", str(error), "do what it says: until then no command of root looks into it")
    except StoreError as error:
        yield Finding("store", str(error), "start the agent once, or name its directory with --state")
    else:
        with state_of(options.state):
            store_findings = [_disk(options.state), *_push(config, snapshot, options.state)]
        yield store_findings[0]
        yield from _agent(snapshot, options.state)
        yield from _deliveries(snapshot)
        yield from _checks(snapshot)
        yield from store_findings[1:]
    yield from _clock()
    yield from destinations(config)


def _configuration(config: Config) -> Iterator[Finding]:
    if not config.problems:
        yield Finding("configuration", f"{pluralize(len(config.checks), 'check')}, no problems")
        return
    yield Finding(
        "configuration",
        f"{pluralize(len(config.problems), 'problem')}, the first: {config.problems[0]}",
        "hostvigil validate names each with its place",
    )


def _rights(config: Config, state: Path) -> Iterator[Finding]:
    closed_paths = unreadable(state, config.sources)
    yield from (Finding("rights", path, text) for path, text in closed_paths[:MOST_NAMED])
    if not closed_paths and os.geteuid() == 0:
        yield Finding("rights", "the agent's user may read all files of the configuration")


def _disk(state: Path) -> Finding:
    filesystem = os.statvfs(state)
    free = filesystem.f_bavail * filesystem.f_frsize
    if free < LEAST_FREE or (filesystem.f_files and not filesystem.f_favail):
        shortage = f"{size_text(free)} and {filesystem.f_favail} files are free for {state}"
        return Finding("store", shortage, "make room: what cannot be written is kept in memory only")
    return Finding("store", f"it can be read, {size_text(free)} are free in {state}")


def _agent(snapshot: Snapshot, state: Path) -> Iterator[Finding]:
    agent = snapshot.agent
    if not agent.running:
        yield Finding("agent", "no agent is at work on this state directory", "systemctl start hostvigil")
        return
    if silent := _silent(state):
        mend = "look at its log; kill -ABRT has it log where it hangs, then start it again"
        yield Finding("agent", f"process {agent.pid} stands still: {silent}", mend)
        return
    if agent.reload:
        yield Finding(
            "agent", reload_text(agent.reload), "name its folder with --config" if agent.reload.directory else RELOAD
        )
    late = [one.name for one in snapshot.late]
    if late:
        delay = f"{pluralize(len(late), 'check')} late: {name_some(late, MOST_NAMED)}"
        yield Finding("agent", delay, "the host is too busy, or runs hang: hostvigil explain says more")
    else:
        yield Finding("agent", f"process {agent.pid}, begun {ago(agent.since, snapshot.at)}; no check is late")


def _silent(state: Path) -> str:
    """Ask the agent for what it would do anyway; say why it did not answer, nothing where it did or we may not ask."""
    try:
        ask_agent(state, "wake")
    except TooLate as error:
        return str(error)
    except NoAnswer:
        pass
    return ""


def _deliveries(snapshot: Snapshot) -> Iterator[Finding]:
    for destination in snapshot.destinations:
        if destination.trouble:
            trouble = f"{destination.name}: {destination.waiting} wait, the last answer: {destination.trouble}"
            yield Finding("delivery", trouble, "see below; hostvigil events --pending shows what waits")
        elif destination.refused:
            trouble = f"{destination.name}: {destination.refused} were refused and set aside"
            yield Finding("delivery", trouble, "hostvigil events --refused says why; then hostvigil events retry")
        else:
            last = f", the last taken {ago(destination.delivered_at, snapshot.at)}" if destination.delivered_at else ""
            yield Finding("delivery", f"{destination.name}: {destination.waiting} wait{last}")


def _checks(snapshot: Snapshot) -> Iterator[Finding]:
    """A check says itself what it lacks: a right, a capability, a program."""
    nodata = [one for one in snapshot.subjects if one.status is Status.NODATA and not one.waits]
    blind = [one for one in nodata if Mark.WRONG not in one.marks]
    for one in blind[:MOST_NAMED]:
        yield Finding("check", f"{one.name} cannot look: {one.summary}", f"hostvigil explain {one.check}")
    if not blind:
        yield Finding("checks", "each can look, or had no turn yet")


def _push(config: Config, snapshot: Snapshot, state: Path) -> Iterator[Finding]:
    if running(config).keys() == checks_on_schedule(config).keys():
        return
    waiting = len(list((state / SPOOL).iterdir())) if (state / SPOOL).is_dir() else 0
    if snapshot.agent.running and not (state / SOCKET).exists():
        yield Finding("pushed results", f"{state / SOCKET} is not there", "hostvigil reload opens it again")
    elif waiting and not snapshot.agent.running:
        yield Finding("pushed results", f"{waiting} wait for an agent", "systemctl start hostvigil")
    else:
        yield Finding("pushed results", f"they are taken, {waiting} wait")


def _clock() -> Iterator[Finding]:
    """Ask systemd whether the clock is kept right; without systemd nobody knows."""
    program = shutil.which("timedatectl")
    if not program or not Path("/run/systemd/system").is_dir():
        return
    words = [program, "show", "--property=NTPSynchronized", "--value"]
    try:
        result = subprocess.run(words, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return
    if result.stdout.strip() == "no":
        yield Finding("clock", "nobody keeps it right", "timedatectl set-ntp true, or install chrony")
    elif result.stdout.strip() == "yes":
        yield Finding("clock", "it is kept right")
