"""A real agent under a real SIGKILL loop, beside an API that fails at random, with checks whose truth is flipped.

Each check's script writes down when it looked and what it said. At the end, for every check:
what surely came in (the agent lived on for a while) is within what was told, and that is within what the scripts said.
"""

from __future__ import annotations

import itertools
import random
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agent.model import Notification
from agent.store import Delivery, Store, notification
from tests.engine.step_by_step import told_by
from tests.processes.agent_process import AgentProcess
from tests.stand_ins.api import ApiStandIn

STATUSES = ("ok", "warning", "critical")
FAULTS = ("500", "502", "reset", "accept_then_reset", "slow", "garbage", "html_200", "not_success", "hang")
AGENT = """agent:
  hostname: web-1
  events: {{endpoint: '{url}', api_key: {key}, rate_limit: 6000/min, timeout: 1s, digest_above: 3}}
"""
# Reads its truth, writes down when it looked and what it saw, and says so.
SCRIPT = 's=$(cat {truth}); echo "$(date +%s%3N) $s" >> {log}; exit $s'
CHECK = "  {name}: {{type: script, command: [sh, -c, '{script}'], interval: 2s, timeout: 1900ms, flapping: false}}\n"

SURE_SECONDS = 2.0
"""An agent that lived on for so long after a script ended has written down what it said."""

Said = tuple[int, str]
"""When, in Unix milliseconds, and the status."""


class Killing:
    """One torture, from a seed."""

    def __init__(self, folder: Path, seed: int, api: ApiStandIn, checks: int = 8) -> None:
        self.rng = random.Random(seed)
        self.folder = folder
        self.api = api
        self.agent = AgentProcess(folder)
        self.names = [f"check-{number}" for number in range(checks)]
        self.awake: list[tuple[float, float]] = []
        """When the agent was alive and not stopped, in Unix seconds."""
        self.counts = dict.fromkeys(("kills", "flips", "reloads", "pauses"), 0)
        self.agent.write("00-agent.yaml", AGENT.format(url=api.url, key=api.key))
        for name in self.names:
            self._set_truth(name, 0)
        scripts = {name: SCRIPT.format(truth=folder / name, log=folder / f"{name}.log") for name in self.names}
        self.agent.write(
            "checks.yaml", "checks:\n" + "".join(CHECK.format(name=name, script=scripts[name]) for name in self.names)
        )

    def torture(self, kills: int, longest_pause: float = 1.5) -> None:
        self.api.fault_for = lambda _: self.rng.choice(FAULTS) if self.rng.random() < 0.4 else ""
        for _ in range(kills):
            self._live(self.rng.choice((0.2, 0.5, 1.0, 1.5, 3.5)) * self.rng.uniform(0.8, 1.2), longest_pause)
        self.api.fault_for = lambda _: ""
        self.api.end_hanging()

    def _live(self, seconds: float, longest_pause: float) -> None:
        since = time.time()
        self.agent.start()
        if self.rng.random() < 0.8:
            self.agent.wait_until(self._listens, "the agent's start")
        end = time.time() + seconds
        while time.time() < end:
            time.sleep(self.rng.uniform(0.02, 0.2))
            chance = self.rng.random()
            if chance < 0.3:
                self._flip()
            elif chance < 0.4:
                self._reload()
            elif chance < 0.45:
                self.awake.append((since, time.time()))
                self._pause(self.rng.uniform(0.1, longest_pause))
                since = time.time()
        self.awake.append((since, time.time()))
        self.agent.stop(signal.SIGKILL)
        self.counts["kills"] += 1

    def _flip(self) -> None:
        self.counts["flips"] += 1
        self._set_truth(self.rng.choice(self.names), self.rng.randrange(3))

    def _set_truth(self, name: str, code: int) -> None:
        fresh = self.folder / f"{name}.new"
        fresh.write_text(str(code))
        fresh.rename(self.folder / name)

    def _reload(self) -> None:
        """Something else changes; nothing that was told may change by it. A kill takes it where it is not yet heard."""
        assert self.agent.process is not None
        if not self._listens():
            return
        self.counts["reloads"] += 1
        number = self.counts["reloads"]
        self.agent.write(
            "other.yaml",
            f"checks:\n  other: {{type: load, interval: {10 + number % 7}s, timeout: 1s, enabled: false}}\n",
        )
        self.agent.process.send_signal(signal.SIGHUP)

    def _listens(self) -> bool:
        """Tell whether the agent obeys SIGHUP already: it would end a program that has only begun."""
        assert self.agent.process is not None
        assert self.agent.process.poll() is None, f"the agent ended by itself:\n{self.agent.output()[-3000:]}"
        status = Path(f"/proc/{self.agent.process.pid}/status").read_text()
        caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
        return bool(int(caught, 16) >> (signal.SIGHUP - 1) & 1)

    def _pause(self, seconds: float) -> None:
        assert self.agent.process is not None
        self.counts["pauses"] += 1
        self.agent.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.agent.process.send_signal(signal.SIGCONT)

    def settle(self, seconds: float = 60) -> None:
        """Let the agent live until all is told and the last of each check is its truth."""
        since = time.time()
        self.agent.start()
        self.agent.wait_until(self._settled, "telling everything", seconds)
        self.agent.stop()
        self.awake.append((since, time.time()))

    def _settled(self) -> bool:
        with_result = all((self.folder / f"{name}.log").exists() for name in self.names)
        return with_result and all(self._last_told(name) == self._truth(name) for name in self.names)

    def _truth(self, name: str) -> str:
        return STATUSES[int((self.folder / name).read_text())]

    def _last_told(self, name: str) -> str:
        told = {event_id for event in list(self.api.accepted) for event_id in told_by(event)}
        store = Store.beside(self.agent.state)
        try:
            events = [event for event in reversed(store.history.latest(100_000)) if event.check == name]
            done = not store.history.pending() and all(event.id in told for event in events)
        finally:
            store.close()
        return ("ok" if not events else str(events[-1].status)) if done else "not yet"

    # --- judgement ----------------------------------------------------------------------------------------------------

    def complaints(self) -> list[str]:
        """Say everything that is wrong with what was told."""
        store = Store.beside(self.agent.state)
        try:
            events = [event for event in reversed(store.history.latest(100_000)) if not event.members]
        finally:
            store.close()
        found = list(self._of_delivery(events))
        for name in self.names:
            mine = [event for event in events if event.check == name]
            found += [f"{name}: {complaint}" for complaint in self._of_check(name, mine)]
        return found

    def _of_delivery(self, events: Sequence[Delivery]) -> Iterator[str]:
        yield from (f"rejected: {rejection}" for rejection in self.api.rejections)
        yield from (f"not delivered: {event.id}" for event in events if event.phase != "delivered")
        ids = [event.id for event in events]
        told = list(dict.fromkeys(event_id for event in self.api.accepted for event_id in told_by(event)))
        yield from (f"invented: {event_id}" for event_id in set(told) - set(ids))
        yield from (f"never told: {event_id}" for event_id in set(ids) - set(told))
        bodies: dict[str, Any] = {}
        for body in self.api.accepted:
            if bodies.setdefault(body["customTags"]["event_id"], body) != body:
                yield f"the same event id, another event: {body}"
        subject = {event.id: event.check for event in events}
        for name in self.names:
            if [i for i in told if subject.get(i) == name] != [i for i in ids if subject[i] == name]:
                yield f"{name}: told in another order"

    def _of_check(self, name: str, events: Sequence[Delivery]) -> Iterator[str]:
        said = self._said(name)
        told = ["ok", *(str(event.status) for event in events)]
        yield from (f"{one} twice in a row" for one, other in itertools.pairwise(told) if one == other)
        if not within(steady([status for at, status in said if self._surely_seen(at)]), told):
            yield f"a change is lost: told {told}, said {said}"
        if not within(told, steady(["ok", *(status for _, status in said)])):
            yield f"a change is invented: told {told}, said {said}"
        for event in events:
            if not any(status == event.status and abs(at - event.created) < 1500 for at, status in said):
                yield f"nobody said {event.status} at {event.created}"
        if told[-1] != self._truth(name):
            yield f"told {told[-1]}, true is {self._truth(name)}"
        yield from incident_complaints([facts for event in events if (facts := notification(event))])

    def _said(self, name: str) -> list[Said]:
        lines = (self.folder / f"{name}.log").read_text().splitlines()
        return [(int(at), STATUSES[int(code)]) for at, code in map(str.split, lines)]

    def _surely_seen(self, at: int) -> bool:
        return any(since <= at / 1000 <= until - SURE_SECONDS for since, until in self.awake)


def steady(statuses: Sequence[str]) -> list[str]:
    """Return the statuses without those that repeat the one before."""
    return [status for status, _ in itertools.groupby(statuses)]


def within(few: Sequence[str], many: Sequence[str]) -> bool:
    """Tell whether `few` is what remains of `many` when some are left out."""
    rest = iter(many)
    return all(one in rest for one in few)


def incident_complaints(events: Sequence[Notification]) -> Iterator[str]:
    """A problem and all up to its recovery share an incident, and the next problem has another."""
    incident, used = "", set[str]()
    for event in events:
        found = event.incident
        if incident and found != incident:
            yield f"incident {found} where {incident} is open"
        if not incident and (not found or found in used):
            yield f"incident {found!r} begins a problem"
        used.add(found)
        incident = "" if event.status == "ok" else found


def tortured(folder: Path, seed: int, kills: int, longest_pause: float = 1.5) -> tuple[dict[str, int], list[str]]:
    """Return what was done to the agent, and what it did wrong."""
    with ApiStandIn() as api:
        killing = Killing(folder, seed, api)
        try:
            killing.torture(kills, longest_pause)
            killing.settle()
        finally:
            if killing.agent.process is not None and killing.agent.process.poll() is None:
                killing.agent.stop(signal.SIGKILL)
        return {**killing.counts, "events": len(api.accepted)}, killing.complaints()
