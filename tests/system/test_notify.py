"""What systemd is told: when the agent is at work, that it stops, and that it is alive as long as it is."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.system.sd_notify import ALIVE, READY, Notify
from tests.processes.agent_process import AgentProcess, agent_process

CHECKS = "checks:\n  load: {type: load, load15_critical: 1000}\n"


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(15)
        yield sock


def heard(systemd: socket.socket) -> str:
    return systemd.recv(100).decode()


def test_an_agent_is_ready_when_it_is_at_work_then_alive_and_says_when_it_stops(
    systemd: socket.socket, tmp_path: Path
) -> None:
    with agent_process(tmp_path, {"NOTIFY_SOCKET": str(tmp_path / "notify")}) as agent:
        agent.write("c.yaml", CHECKS)
        agent.start()
        assert heard(systemd) == "READY=1"
        assert agent.status()["agent"] is not None
        assert agent.stop() == 0
        assert heard(systemd) == "STOPPING=1"


def test_an_agent_without_anything_to_run_is_never_ready(systemd: socket.socket, tmp_path: Path) -> None:
    with agent_process(tmp_path, {"NOTIFY_SOCKET": str(tmp_path / "notify")}) as agent:
        agent.start()
        assert agent.process is not None
        assert agent.process.wait(15) == 2
    systemd.setblocking(False)
    with pytest.raises(BlockingIOError):
        heard(systemd)


def test_a_sign_of_life_is_given_only_while_the_writer_works(systemd: socket.socket, tmp_path: Path) -> None:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000"}
    with agent_process(tmp_path, environ) as agent:
        agent.write("c.yaml", "checks:\n  load: {type: load, interval: 1s, timeout: 500ms}\n")
        agent.start()
        while heard(systemd) != ALIVE:
            pass
        with closing(sqlite3.connect(agent.state / "hostvigil.db", isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")  # with the next result, the writer waits for us
            silent = time.monotonic() + 10
            systemd.settimeout(1)
            with pytest.raises(TimeoutError):
                while time.monotonic() < silent:
                    heard(systemd)
        systemd.settimeout(15)
        assert heard(systemd) == ALIVE


def test_nobody_else_may_speak_for_the_agent(tmp_path: Path) -> None:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    told = Notify(environ)
    assert environ == {}
    assert told.beat_seconds == 10
    told(READY)  # nobody listens: that is no reason to end


@pytest.mark.parametrize(
    "environ",
    [{}, {"WATCHDOG_USEC": "3", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "-5"}, {"WATCHDOG_USEC": "soon"}],
)
def test_a_watchdog_that_waits_for_another_process_or_for_no_time_gets_nothing(environ: dict[str, str]) -> None:
    assert Notify(environ).beat_seconds == 0


def test_an_abstract_socket_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0hostvigil-test-{os.getpid()}")
        sock.settimeout(5)
        Notify({"NOTIFY_SOCKET": f"@hostvigil-test-{os.getpid()}"})(ALIVE)
        assert sock.recv(100) == b"WATCHDOG=1"


def in_the_journal(agent: AgentProcess) -> str:
    """Let the agent log into a file that is said to be the journal."""
    agent.log.touch()
    there = agent.log.stat()
    agent._environ = agent._environ | {"JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino}"}
    agent.write("c.yaml", CHECKS + "  bad: {type: load, nonsense: 1}\n")
    agent.start()
    agent.wait_until(lambda: "nonsense" in agent.output(), "a warning")
    return agent.output()


def test_the_journal_gets_priorities_and_no_second_time(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        said = in_the_journal(agent)
    assert "<4>WARNING hostvigil: " in said
    line = next(line for line in said.splitlines() if "<4>" in line)
    assert not re.search(r"\d\d:\d\d:\d\d", line), "the journal keeps the time itself"
