"""Scenarios that end at every step that leaves something behind: SQL statements, file names, HTTP.

Usage: kill_points.py FOLDER checks|destinations [EVERY [KILLS]]. Only each EVERY-th step is tried (1, if not said).
At each the files are copied as they lie there, which is what a kill leaves, and the next life goes on with the copy; at
each KILLS-th of them (16) it is a real SIGKILL as well. Prints how many steps were tried; exits with 1 and says which
one made a difference. `checks` is below: results, silences, parents; `destinations` is in kill_destinations.py.
An audit hook sees every file being renamed or removed, and every connection is traced from its beginning: nothing of
the agent knows that it is watched.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import shutil
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from agent.config.settings import DependsOn
from agent.delivery.answer import Answer, Verdict
from agent.model import Count, FailAfter, Outcome, Policy, Result, Silence, Status
from tests.engine.step_by_step import BEGIN, Agent, Api, World, check, told_by


def moment(second: int) -> int:
    return BEGIN + second * 1000


LIVES = 20
"""So many go on in one process, one after the other: a process costs as much as a life."""
FILE_EVENTS = {"os.rename", "os.remove", "os.mkdir", "sqlite3.connect"}


AtEach = Callable[[int], None]
"""What is done at a step; it gets the number of the step."""


class Steps:
    """Counts steps, and does something at each."""

    def __init__(self, at_each: AtEach) -> None:
        self.count = 0
        self._at_each = at_each
        self._inside = False
        if at_each is not nothing:
            self._watch()

    def __call__(self, *_: object) -> None:
        if self._inside:
            return  # what we do here ourselves is no step
        self.count += 1
        self._inside = True
        self._at_each(self.count)
        self._inside = False

    def _watch(self) -> None:
        """From now on, in this process for good."""
        sys.addaudithook(lambda event, arguments: self() if event in FILE_EVENTS else None)
        connect = sqlite3.connect

        def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
            db: sqlite3.Connection = connect(*arguments, **options)
            db.set_trace_callback(self)
            return db

        sqlite3.connect = traced  # type: ignore[assignment]


def nothing(count: int) -> None:
    """Live on."""


def killed_at(step: int) -> AtEach:
    """At this step the process is no more."""

    def at(count: int) -> None:
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return at


def copying(folder: Path, every: int) -> AtEach:
    """At each so many-th step copy the folder to one beside it, named by the number of the step."""

    def at(count: int) -> None:
        if count % every == 0:
            shutil.copytree(folder, folder.parent / str(count))

    return at


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


def play(folder: Path, at_each: AtEach) -> None:
    """Go on where the last life ended, up to the end of the stream."""
    step = Steps(at_each)
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


Play = Callable[[Path, AtEach], None]
"""Goes on where the last life ended, in this folder."""


def life(play: Play, folders: Sequence[Path], at_each: AtEach = nothing) -> bool:
    """Play in a process of its own, one folder after the other; tells whether it came to the end."""
    child = os.fork()
    if not child:
        code = 1
        try:
            for folder in folders:
                play(folder, at_each)
            code = 0
        except BaseException:  # noqa: BLE001 - said, and the exit code tells
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), f"{folders}: the agent failed by itself"
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


def main(folder: Path, play: Play, every: int = 1, kills: int = 16) -> int:
    logging.disable()
    gc.collect()
    gc.freeze()  # each life is a fork: what it leaves alone is not copied
    whole = folder_of(folder, "whole")
    life(play, [whole], copying(whole, every))
    undisturbed = accepted(whole)
    steps = range(every, int((whole / "steps").read_text()) + 1, every)
    ends = [folder / str(step) for step in steps] + [killed(play, folder, step) for step in steps[::kills]]
    wrong = 0
    for first in range(0, len(ends), LIVES):
        batch = ends[first : first + LIVES]
        assert life(play, batch)
        for one in batch:
            if said := difference(undisturbed, accepted(one)):
                wrong += 1
                print(f"step {one.name}: {said}")
            shutil.rmtree(one)
    print(f"{len(steps)} kill points, {len(undisturbed)} events")
    return 1 if wrong else 0


def killed(play: Play, folder: Path, step: int) -> Path:
    """Return what a SIGKILL at this step leaves."""
    one = folder_of(folder, f"{step}-killed")
    assert not life(play, [one], killed_at(step)), f"step {step} was not reached"
    return one


def folder_of(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir(parents=True)
    return made


if __name__ == "__main__":
    from tests.torture import kill_destinations

    scenarios = {"checks": play, "destinations": kill_destinations.play}
    sys.exit(main(Path(sys.argv[1]), scenarios[sys.argv[2]], *map(int, sys.argv[3:])))
