"""A scenario of destinations for kill_points.py: they come, change, cannot be read, go, come again and forget."""

from __future__ import annotations

from pathlib import Path

import msgspec

from agent.engine.destinations import Plan, Targets
from agent.engine.notifications import Sender, of_agent
from agent.engine.recorder.commands import RecorderConfig, Restate
from agent.model import Destination, EventStatus, Notification, Policy
from tests.delivery.deliveries import HOST, courier
from tests.engine.step_by_step import Agent, World, check
from tests.torture.kill_points import AtEach, FarEnd, Said, Steps, moment, outcome

AT_ONCE = Policy(flapping=None)
CHECKS = {name: check(name, AT_ONCE) for name in ("web", "disks")}
EVENTS = Destination("events", "the API")
OPS = Destination("ops", "a webhook", "*")
ELSEWHERE = Destination("ops", "another webhook", "*")
WEB_ONLY = Destination("ops", "another webhook", "web")
WANTED = {
    "events": Targets((EVENTS,)),
    "both": Targets((EVENTS, OPS)),
    "elsewhere": Targets((EVENTS, ELSEWHERE)),
    "unreadable": Targets((EVENTS,), readable=False),
    "web only": Targets((EVENTS, WEB_ONLY)),
}
STREAM: list[tuple[int, str, str | Said]] = [
    (1, "web", {"": "critical"}),
    (2, "disks", {"/": "warning", "/mnt": "ok"}),
    (3, "tell", ""),
    (4, "wants", "both"),  # a new one: it is told what stands
    (5, "disks", {"/": "ok"}),  # before it has heard of it
    (6, "tell", ""),
    (7, "disks", {"/": "critical"}),
    (8, "wants", "elsewhere"),  # moved: what waits goes there, and what stands
    (9, "tell", ""),
    (10, "wants", "unreadable"),  # all waits
    (11, "web", {"": "ok"}),
    (12, "tell", ""),
    (13, "wants", "elsewhere"),
    (14, "tell", ""),
    (15, "disks", {"/": "critical", "/mnt": "critical", "/a": "critical", "/b": "nodata"}),
    (16, "wants", "web only"),
    (17, "tell", ""),  # a digest for one, nothing for the other
    (18, "web", {"": "warning"}),
    (19, "wants", "events"),  # removed on purpose: its deliveries end
    (20, "tell", ""),
    (21, "wants", "elsewhere"),  # restored: it knows what it knew
    (22, "tell", ""),
    (23, "restate", "ops"),  # its workspace was emptied
    (24, "web", {"": "ok"}),
    (25, "tell", ""),
]


class Aimed(World):
    """The world with destinations that change."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self.checks = dict(CHECKS)
        self.wanted = wanted
        self.told: tuple[str, ...] = ()

    def orders(self) -> RecorderConfig:
        return msgspec.structs.replace(super().orders(), targets=WANTED[self.wanted], on_adoption=self._adopted)

    def _adopted(self, plan: Plan, ended: object) -> None:
        self.told = tuple(one.name for one in plan.destinations)


def play(folder: Path, at_each: AtEach) -> None:
    """Go on where the last life ended, up to the end of the stream."""
    step = Steps(at_each)
    reached = folder / "reached"
    first = int(reached.read_text()) if reached.exists() else 0
    world = Aimed(wanted_at(first))
    world.wall = moment(STREAM[first][0]) + 500
    ends = {name: FarEnd(folder / f"accepted by {name}", step) for name in ("events", "ops")}
    agent = Agent(folder / "state", world, ends["events"])
    done = max((memory["number"] for memory in agent.store.memories().values()), default=-1)
    for number, (at, what, argument) in enumerate(STREAM[first:], first):
        # The clock, and what an editor wrote before a reload: neither is the agent's doing.
        reached.write_text(str(number))
        world.wall = moment(at) + 500
        world.wanted = wanted_at(number)
        if what == "tell":
            tell(agent, world, ends)
        elif what == "wants":
            agent.takes(world.orders())
        elif what == "restate":
            agent.store.forget_told(str(argument), world.wall)
            agent.recorder.put(Restate())
            agent.looks()
        elif number > done:
            assert isinstance(argument, dict)
            agent.takes(outcome(world, number, at, what, argument))
    tell(agent, world, ends)
    (folder / "steps").write_text(str(step.count))
    agent.store.close()


def wanted_at(number: int) -> str:
    """What the settings say when the stream is at this place."""
    said = [str(name) for _, what, name in STREAM[: number + 1] if what == "wants"]
    return said[-1] if said else "events"


def tell(agent: Agent, world: Aimed, ends: dict[str, FarEnd]) -> None:
    """Tell each destination in force until nothing waits for it."""

    def news(subject: str, text: str, status: EventStatus) -> Notification:
        return of_agent(subject, text, Sender(HOST, {}), world.wall, status)

    for name in world.told:
        working = courier(agent.store, ends[name], lambda: world.monotonic, above=3, compose=news, destination=name)
        while (wait := working.drain()) != float("inf"):
            world.monotonic += wait
