"""Whichever table of the database is damaged: what stands is told, and what ended is told to be over."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.store.connection import FILE
from agent.store.schema import migrate
from tests.engine.step_by_step import Agent, Api, World
from tests.engine.watched import Watched, run_by_agent
from tests.examples import TIMES

NAMES = [f"check-{number}" for number in range(6)]


def tables() -> list[str]:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        migrate(db)
        return [
            name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'") if "_seq" not in name
        ]


def destroy_first_page(table: str, file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    with file.open("r+b") as opened:
        opened.seek((page - 1) * 4096)
        opened.write(random.Random(page).randbytes(4096))


def drop(table: str, file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute(f"DROP TABLE {table}")


def begin(folder: Path, world: World, api: Api) -> Agent:
    agent = Agent(folder, world, api)
    agent.emitter._bundling._above = float("inf")  # one event a change
    return agent


def tell(agent: Agent) -> None:
    while (wait := agent.emitter.drain()) < 60:
        agent.world.passes(round(wait * 1000) + 1)


def last_told(api: Api) -> dict[str, str]:
    events = {event["customTags"]["check_name"]: event["status"] for event in api.accepted}
    return {name: events.get(name, "ok") for name in NAMES}


@pytest.mark.parametrize("seed", range(2 * TIMES))
@pytest.mark.parametrize("damage", [destroy_first_page, drop])
@pytest.mark.parametrize("table", tables())
def test_after_damage_to_any_table_who_is_told_knows_the_truth(
    tmp_path: Path, table: str, damage: Callable[[str, Path], None], seed: int
) -> None:
    rng, world, api = random.Random(f"{table} {seed}"), World(), Api()
    world.checks = {name: run_by_agent(name) for name in NAMES}
    truth = dict.fromkeys(NAMES, "ok")
    agent = begin(tmp_path / "before", world, api)
    for _ in range(rng.randrange(4, 30)):
        name = rng.choice(NAMES)
        truth[name] = rng.choice(["ok", "critical", "warning", "nodata"])
        Watched.run(agent, name, truth[name])  # type: ignore[arg-type]
        world.passes(rng.choice([1000, 60_000]))
        if rng.random() < 0.2:
            tell(agent)
    agent.killed(tmp_path / "after")
    damage(table, tmp_path / "after" / FILE)
    truth.update({name: rng.choice(["ok", "critical"]) for name in NAMES if rng.random() < 0.4})
    agent = begin(tmp_path / "after", world, api)
    for now in (truth, dict.fromkeys(NAMES, "ok")):
        for name in NAMES:
            Watched.run(agent, name, now[name])  # type: ignore[arg-type]
            world.passes(1000)
        tell(agent)
        assert last_told(api) == now
    agent.store.close()
