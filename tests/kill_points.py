"""Scenarios with a SIGKILL at every step that leaves something behind: SQL statements, file names, HTTP.

Usage: kill_points.py FOLDER checks|destinations [EVERY]. With EVERY only each so many-th point is tried. Prints how
many points were tried; exits with 1 and says which one made a difference. `checks` is below: results, silences,
parents, reloads; `destinations` is in kill_destinations.py.
An audit hook sees every file being renamed or removed, and every connection is traced from its beginning: nothing of
the agent knows that it is watched.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from agent.config.settings import DependsOn
from agent.delivery.answer import Answer, Verdict
from agent.model import Count, FailAfter, Outcome, Policy, Result, Silence, Status
from tests.test_model import BEGIN, Agent, Api, World, check, told_by


def moment(second: int) -> int:
    return BEGIN + second * 1000


FILE_EVENTS = {"os.rename", "os.remove", "os.mkdir", "sqlite3.connect"}


class Steps:
    """Counts steps; at the chosen one the process is no more."""

    def __init__(self, kill_at: int) -> None:
        self.count = 0
        self._kill_at = kill_at

    def __call__(self, *_: object) -> None:
        self.count += 1
        if self.count == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """From now on, in this process for good."""
        sys.addaudithook(lambda event, arguments: self() if event in FILE_EVENTS else None)
        connect = sqlite3.connect

        def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
            db = connect(*arguments, **options)
            db.set_trace_callback(self)
            return db

        sqlite3.connect = traced  # type: ignore[assignment]


class FarEnd(Api):
    """The API: what it accepted is in a file, whatever becomes of the agent; every third request goes wrong."""

    def __init__(self, file: Path, step: Callable[[], None]) -> None:
        super().__init__()
        self._file, self._step, self._requests = file, step, 0

    def post(self, body: bytes) -> Answer:
        self._step()
        self._requests += 1
        self.mood = "lost" if self._requests % 3 == 0 else ""
        answer = super().post(body)
        with self._file.open("ab") as out:
            out.write(body + b"\n")
        self._step()
        return answer if answer.verdict is Verdict.DELIVERED else Answer(Verdict.UNAVAILABLE, "lost")


TWICE = Policy(FailAfter(Count(2), Count(2), Count(2)), flapping=None)
CHECKS = {
    one.name: one
    for one in (
        check("router", Policy(flapping=None)),
        check("web", TWICE, depends_on=DependsOn(("router",))),
        check("disks", Policy(flapping=None)),
    )
}
SILENCE = Silence("web", moment(10), moment(20))
Said = dict[str, str]
STREAM: list[tuple[int, str, str | Said]] = [
    (1, "web", {"": "critical"}),
    (2, "web", {"": "critical"}),
    (3, "disks", {"/": "ok", "/mnt": "warning"}),
    (3, "router", {"": "ok"}),  # web waits for its word
    (4, "web", {"": "critical"}),
    (4, "tell", ""),
    (5, "web", {"": "warning"}),
    (6, "disks", {"/": "critical"}),
    (7, "router", {"": "ok"}),
    (8, "disks", {"/": "critical", "/mnt": "ok"}),
    (9, "tell", ""),
    (11, "web", {"": "ok"}),  # silenced
    (12, "router", {"": "critical"}),
    (13, "disks", dict.fromkeys(("/", "/mnt", "/a", "/b"), "nodata")),
    (14, "tell", ""),  # more than three: a digest
    (21, "web", {"": "ok"}),  # its parent is down
    (22, "router", {"": "ok"}),
    (24, "web", {"": "ok"}),
    (25, "reload", "disks"),  # another type under this name
    (26, "disks", {"": "critical"}),
    (27, "tell", ""),
    (28, "reload", "web"),  # removed
    (29, "tell", ""),
]


def silences(at: int) -> tuple[Silence, ...]:
    """Somebody silences in the tenth second."""
    return (SILENCE,) if at >= 10 else ()


def play(folder: Path, kill_at: int) -> None:
    """Go on where the last life ended, up to the end of the stream."""
    step = Steps(kill_at)
    step.watch()
    reached = folder / "reached"
    first = int(reached.read_text()) if reached.exists() else 0
    world = World()
    world.silences = silences(STREAM[first][0])
    world.checks = configured(first)
    world.wall = moment(STREAM[first][0]) + 500
    agent = Agent(folder / "state", world, FarEnd(folder / "accepted", step))
    done = max((memory["number"] for memory in agent.store.memories().values()), default=-1)
    for number, (at, what, argument) in enumerate(STREAM[first:], first):
        # The clock only; and what an editor wrote before the reload: neither is the agent's doing.
        reached.write_text(str(number))
        world.wall = moment(at) + 500
        world.silences = silences(at)
        world.checks = configured(number)
        if what == "tell":
            tell(agent)
        elif what == "reload":
            agent.takes(world.orders())
        elif number > done:
            assert isinstance(argument, dict)
            agent.takes(outcome(world, number, at, what, argument))
    tell(agent)
    (folder / "steps").write_text(str(step.count))
    agent.store.close()


def configured(number: int) -> dict[str, Any]:
    """What the files say when the stream is at this place."""
    checks = dict(CHECKS)
    for _, what, name in STREAM[: number + 1]:
        if what == "reload" and name == "disks":
            checks["disks"] = msgspec.structs.replace(checks["disks"], type="other")
        elif what == "reload":
            checks.pop(str(name))
    return checks


def outcome(world: World, number: int, at: int, name: str, said: Said) -> Outcome:
    results = tuple(Result(Status(status), f"{status} now", subject) for subject, status in said.items())
    # The memory is written with the states: it says which results have come that far.
    return Outcome(name, number, moment(at), 0.5, results, True, {"number": number}, type=world.checks[name].type)


def tell(agent: Agent) -> None:
    while (wait := agent.emitter.drain()) != float("inf"):
        agent.world.monotonic += wait


Play = Callable[[Path, int], None]
"""Goes on where the last life ended, in this folder; is killed at this step, 0: never."""


def life(play: Play, folder: Path, kill_at: int) -> bool:
    """Play in a process of its own; tells whether it came to the end."""
    child = os.fork()
    if not child:
        code = 1
        try:
            play(folder, kill_at)
            code = 0
        except BaseException:  # noqa: BLE001 - said, and the exit code tells
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), f"kill point {kill_at}: the agent failed by itself"
    return status == 0


def accepted(folder: Path) -> dict[str, dict[str, Any]]:
    """What was told in the end, by destination and event id: single events, and the lines of digests."""
    told: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.glob("accepted*")):
        for event in map(json.loads, file.read_bytes().splitlines()):
            for event_id in told_by(event):
                name = f"{file.name} {event_id}"
                told.setdefault(name, {})
                if "digest" not in event["customTags"]:
                    assert told[name] in ({}, event), "the same event id, another event"
                    told[name] = event
    return told


def difference(wanted: dict[str, dict[str, Any]], found: dict[str, dict[str, Any]]) -> str:
    if missing := wanted.keys() - found.keys():
        return f"lost: {[wanted[event_id].get('title', event_id) for event_id in missing]}"
    if invented := found.keys() - wanted.keys():
        return f"invented: {[found[event_id].get('title', event_id) for event_id in invented]}"
    different = [name for name in wanted if wanted[name] and found[name] and wanted[name] != found[name]]
    return f"different: {[(wanted[name], found[name]) for name in different]}" if different else ""


def main(folder: Path, play: Play, every: int = 1) -> int:
    logging.disable()
    life(play, folder_of(folder, 0), 0)
    undisturbed = accepted(folder / "0")
    steps = int((folder / "0" / "steps").read_text())
    points = range(1, steps + 1, every)
    wrong = 0
    for kill_at in points:
        one = folder_of(folder, kill_at)
        assert not life(play, one, kill_at), f"kill point {kill_at} of {steps} was not reached"
        assert life(play, one, 0)
        if said := difference(undisturbed, accepted(one)):
            wrong += 1
            print(f"kill point {kill_at}: {said}")
        shutil.rmtree(one)
    print(f"{len(points)} kill points, {len(undisturbed)} events")
    return 1 if wrong else 0


def folder_of(folder: Path, number: int) -> Path:
    made = folder / str(number)
    made.mkdir(parents=True)
    return made


if __name__ == "__main__":
    from tests import kill_destinations

    scenarios = {"checks": play, "destinations": kill_destinations.play}
    sys.exit(main(Path(sys.argv[1]), scenarios[sys.argv[2]], *map(int, sys.argv[3:])))
