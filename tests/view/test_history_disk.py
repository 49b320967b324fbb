"""The history when its disk is full or its file is damaged: it waits or begins anew, and no notification is lost."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path

import pytest

from agent.engine.state.transition import apply_result
from agent.model import Policy, Result, State, Status
from agent.view.history.file import ASIDE, FILE
from agent.view.history.reading import past
from agent.view.history.rows import HOUR, MINUTE
from agent.view.history.writer import Record
from tests.host import needs
from tests.processes.agent_process import AgentProcess, agent_process
from tests.stand_ins.api import ApiStandIn
from tests.store.test_store_disk import filled_up, prepare, small_disk
from tests.view.histories import KEEP, T0, Clock, measured


def test_what_a_full_disk_does_not_take_waits_until_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, state = Clock(), State("web")
    with small_disk(tmp_path / "disk", "600k") as disk:
        record = Record(disk, KEEP, clock)
        minutes = 0
        while not caplog.records:
            clock.now = T0 + minutes * MINUTE
            for number in range(100):
                record.take(measured(clock.now, float(minutes), check=f"web-{number}"), True)
            result = Result([Status.OK, Status.CRITICAL][minutes % 2], f"run {minutes}")
            step = apply_result(state, result, Policy(flapping=None), clock.now)
            record.take(step, True)
            state, minutes = step.state, minutes + 1
            record.flush()
        assert "cannot be written; it waits" in caplog.text
        record.flush()
        assert len(caplog.records) == 1
        assert past(disk, "web-1", T0, clock.now).metrics, "what was written can be read meanwhile"
        subprocess.run([needs.command("mount"), "-o", "remount,size=8m", str(disk)], check=True)
        record.flush()
        assert caplog.records[-1].message == "the history can be written again"
        assert [row.summary for row in past(disk, "web", T0, clock.now).changes] == [f"run {n}" for n in range(minutes)]
        for number in range(100):
            (metric,) = past(disk, f"web-{number}", T0, clock.now + HOUR).metrics
            assert [value for _, value in metric.points] == [float(n) for n in range(minutes)]
        record.close()


def turn(agent: AgentProcess, api: ApiStandIn, flag: Path, count: int) -> None:
    """Have the flag's status change until so many events are told."""
    for number in range(len(api.accepted), count):
        flag.touch() if not flag.exists() else flag.unlink()
        api.wait_for(number + 1, 20)


def test_an_agent_whose_history_is_destroyed_at_work_tells_everything_and_begins_anew(
    tmp_path: Path, api: ApiStandIn
) -> None:
    flag = tmp_path / "flag"
    with agent_process(tmp_path) as agent:
        prepare(agent, api, flag)
        history = agent.state / FILE
        agent.start()
        agent.wait_until(lambda: "flag" in {one["check"] for one in agent.status()["checks"]}, "a first result")
        agent.wait_until(history.exists, "the history", 30)
        for end in ("", "-wal", "-shm"):
            if (path := Path(f"{history}{end}")).exists():
                # Not made shorter before: that ends, by SIGBUS, whoever has mapped it into memory.
                with path.open("r+b") as file:
                    file.write(b"no database, but as long as one" * 1000)
        turn(agent, api, flag, 3)
        assert agent.stop() == 0
        # What SQLite still had in memory may have mended the file.
        history.write_bytes(b"no database, but as long as one" * 1000)
        agent.start()
        turn(agent, api, flag, 4)
        assert agent.stop() == 0
        assert (agent.state / ASIDE).exists()
        told = agent.call("history", "flag").stdout
    assert [event["status"] for event in api.accepted] == ["critical", "ok", "critical", "ok"]
    assert told.count(" told: ") >= 1
    with sqlite3.connect(history) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_an_agent_on_a_full_disk_tells_what_happened_and_the_history_has_it(tmp_path: Path, api: ApiStandIn) -> None:
    flag = tmp_path / "flag"
    with small_disk(tmp_path / "disk", "2m") as disk, agent_process(tmp_path) as agent:
        agent.state = disk / "state"
        prepare(agent, api, flag)
        agent.start()
        agent.wait_until((agent.state / FILE).exists, "the history", 30)
        ballast = filled_up(disk)
        flag.touch()
        agent.wait_until(lambda: "full" in agent.output(), "the full disk to be said")
        ballast.unlink()
        api.wait_for(1, 30)
        turn(agent, api, flag, 2)
        assert agent.stop() == 0
        told = agent.call("history", "flag").stdout
    assert [event["status"] for event in api.accepted] == ["critical", "ok"]
    assert told.count(" told: ") == 2, told
