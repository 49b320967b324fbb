"""An agent that lives step by step: its checks, the time around it, and an API that answers by the day."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import msgspec

from agent.api import Check, Duration, PushedCheck
from agent.config.settings import CheckConfig, DependsOn, Maintenance, Place
from agent.delivery.answer import Answer, Verdict
from agent.delivery.digest import Digest
from agent.delivery.sinks.truewatch.answers import classify
from agent.delivery.sinks.truewatch.event import digest_event
from agent.delivery.sinks.truewatch.event import event as worded
from agent.engine.destinations import Targets, selects
from agent.engine.notifications import Sender, of_agent, of_change, of_standing
from agent.engine.recorder.commands import Command, RecorderConfig
from agent.engine.recorder.recorder import Recorder
from agent.engine.suppression.reasons import Suppression
from agent.engine.suppression.windows import Windows
from agent.model import Count, Destination, FailAfter, Flapping, Notification, Policy, Silence
from agent.store import Bounds, Delivery, Store
from tests.delivery.deliveries import courier
from tests.stand_ins.api import ANSWERS, problems

BEGIN = 1_790_000_000_123
MINUTE = 60_000
HOST = {"host": "web-1"}
MEMORY = Path("/dev/shm")
"""A file system that forgets: thousands of commits without waiting for a disk."""


def each(warning: Count, critical: Count, nodata: Count) -> FailAfter:
    return FailAfter(warning, critical, nodata)


# What counting goes on from after a reload is what the old policy needed to know: these all need the same.
CHANGING = [
    Policy(each(Count(3), Count(1), Count(2)), recover_after=1, flapping=None),
    Policy(each(Count(1), Count(3), Count(2)), recover_after=2, flapping=None),
    Policy(each(Count(3), Count(3), Count(1)), recover_after=3, flapping=None),
]
OF = Policy(each(Count(2, 4), Count(3, 5), Count(2)), flapping=None)
LASTING = Policy(each(Count(seconds=60), Count(), Count()), flapping=None, repeat_every=300, patience=45)
AT_ONCE = Policy(flapping=None)
PUSHED = Policy(each(Count(1), Count(2), Count(1)), flapping=None)


HOURLY = Maintenance("0 * * * *", 600, "UTC")


def check(name: str, policy: Policy, **more: Any) -> CheckConfig:
    # By cron: no silence is counted. Nobody runs them but the model.
    return CheckConfig(name, "none", Check(), Place("a.yaml"), cron="* * * * *", policy=policy, **more)


def pushed(name: str, policy: Policy, **more: Any) -> CheckConfig:
    return CheckConfig(name, "none", PushedCheck(ttl=Duration(10.0**9)), Place("a.yaml"), policy=policy, **more)


CHECKS = {
    one.name: one
    for one in (
        check("router", AT_ONCE),
        check("web", CHANGING[0], depends_on=DependsOn(("router",))),
        check("disks", Policy(), maintenance=(HOURLY,)),
        check("rare", OF),
        check("jumpy", Policy(flapping=Flapping())),
        check("lasting", LASTING),
        pushed("backup", PUSHED, depends_on=DependsOn(("router",)), maintenance=(HOURLY,)),
    )
}


class Api:
    """The far end, and how it behaves just now."""

    def __init__(self) -> None:
        self.accepted: list[dict[str, Any]] = []
        self.mood = ""
        self.refuses = ""

    def render(self, told: Notification) -> bytes:
        return msgspec.json.encode(worded(told))

    def bundle(self, many: Digest) -> bytes:
        return msgspec.json.encode(digest_event(many))

    def post(self, body: bytes) -> Answer:
        assert problems(body) == []
        event = msgspec.json.decode(body)
        if self.refuses and f"check_name {self.refuses}" in f"check_name {event['customTags'].get('check_name')}":
            return self._answer("refuse")
        if self.mood in ("", "lost", "twice"):
            self.accepted += [event] * (2 if self.mood == "twice" else 1)
        if self.mood in ("", "twice"):
            return Answer(Verdict.DELIVERED, "")
        return self._answer("502" if self.mood == "lost" else self.mood)

    @staticmethod
    def _answer(name: str) -> Answer:
        status, body, headers = ANSWERS[name]
        return classify(status, {key.lower(): value for key, value in headers.items()}, body)

    def told(self) -> list[str]:
        """Every change that was told, by event id, in the order of its first telling."""
        return list(dict.fromkeys(event_id for event in self.accepted for event_id in told_by(event)))


def told_by(event: dict[str, Any]) -> list[str]:
    """Return the event ids of the changes that an event tells: its own, or those that a digest lists."""
    if "digest" in event["customTags"]:
        return re.findall(r"^  [-0-9]{10} [:0-9]{8} \w+ ([0-9a-f]{32})$", event["message"], re.MULTILINE)
    return [event["customTags"]["event_id"]]


class World:
    """What is the same for both agents: the clocks, the configuration, the silences."""

    def __init__(self) -> None:
        self.wall, self.monotonic = BEGIN, 1000.0
        self.checks = dict(CHECKS)
        self.silences: tuple[Silence, ...] = ()
        self.windows = Windows()

    def passes(self, milliseconds: int) -> None:
        self.wall += milliseconds
        self.monotonic += milliseconds / 1000

    def orders(self) -> RecorderConfig:
        return RecorderConfig(
            dict(self.checks),
            self._compose,
            self._suppression,
            targets=Targets((Destination("events", "the API"),)),
            compose_standing=lambda state, result, config, to: of_standing(
                state, result, config, Sender(HOST, {}), to.name, self.wall
            ),
        )

    def _compose(self, report: Any, step: Any, config: CheckConfig) -> Any:
        return of_change(report, step.result, config, Sender(HOST, {}), step.at)

    def _suppression(self, states: Any) -> Suppression:
        return Suppression({}, self.silences, (), self.windows.ends, states, states, self.checks)


class Agent:
    """Recorder and emitter on a store of their own, without their threads."""

    def __init__(self, folder: Path, world: World, api: Api, most_events: int = 100_000) -> None:
        self.folder, self.world = folder, world
        self.store = Store.open(folder, Bounds(most_events), selects)
        self.recorder = Recorder(
            self.store,
            world.orders(),
            on_events=lambda: None,
            retry=lambda check, seconds: None,
            next_run=lambda check: 0,
            wall=lambda: world.wall,
            monotonic=lambda: world.monotonic,
            rest=0.0,
        )
        self.recorder.step()
        self.emitter = courier(
            self.store,
            api,
            lambda: world.monotonic,
            above=3,
            compose=lambda subject, text, told: of_agent(subject, text, Sender(HOST, {}), world.wall, told),
        )

    def takes(self, command: Command) -> None:
        self.recorder.put(command)
        self.looks()

    def looks(self) -> None:
        """Come to the next step, with what was noted written: as after a result that somebody pushed."""
        self.recorder.put(lambda: None)
        self.recorder.step()

    def killed(self, folder: Path) -> None:
        """What a SIGKILL now would leave behind is in the folder; the objects are gone."""
        folder.mkdir()
        for name in ("hostvigil.db", "hostvigil.db-wal"):
            if (self.folder / name).exists():
                shutil.copy(self.folder / name, folder)
        self.store.close()
        shutil.rmtree(self.folder)

    def events(self) -> list[Delivery]:
        """Every change so far, oldest first; no digests, no news of the agent itself."""
        found = reversed(self.store.history.latest(100_000))
        return [event for event in found if not event.members and event.check != "hostvigil"]

    def own(self) -> set[str]:
        """The event ids of the news of the agent itself."""
        return {event.id for event in self.store.history.latest(100_000) if event.check == "hostvigil"}

    def dropped(self) -> int:
        """How many changes the bounds cost, as counted."""
        rows = self.store._db.rows("SELECT ifnull(sum(count), 0) FROM notices WHERE name != 'damaged'")
        return int(rows[0][0])
