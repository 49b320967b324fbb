"""Containers that ended with 137: who killed them is told by the events of Docker, as long as it has them."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from agent.testing import ran
from checks.docker import Docker
from tests.checks.docker_engine import IDS, Engine, container, inspection, serving

ENDED = 1_800_000_000.25
KILL, DIE, STOP = (ENDED - 0.1, "kill"), (ENDED, "die"), (ENDED + 0.1, "stop")
BEFORE = [(ENDED - 20.3, "kill"), (ENDED - 20.2, "die"), (ENDED - 20.1, "stop"), (ENDED - 20, "start")]


def moment(seconds: float) -> str:
    """As Docker writes it, with nanoseconds."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}789Z"


class Logging(Engine):
    """An engine with one container that was killed, and the events that it still has."""

    def __init__(self, events: list[tuple[float, str]], server: str = "Docker/27.3.1 (linux)", **more: Any) -> None:
        super().__init__(container("web", "exited", "Exited (137) 5 seconds ago"))
        self.events, self.server = events, server
        self.inspected = dict([inspection("web", 137, **more)])
        self.ends(ENDED)

    def ends(self, at: float) -> None:
        self.inspected[IDS["web"] * 5]["State"] |= {"StartedAt": moment(at - 20), "FinishedAt": moment(at)}

    def __call__(self, connection: socket.socket, question: bytes) -> None:
        address = urlsplit(question.split()[1].decode())
        if address.path != "/events":
            return super().__call__(connection, question)
        self.questions.append(address.path)
        asked = parse_qs(address.query)
        assert json.loads(asked["filters"][0]) == {"container": [IDS["web"] * 5]}
        since, until = float(asked["since"][0]), float(asked["until"][0])
        lines = [json.dumps({"Type": "container", "Action": what}) for at, what in self.events if since <= at <= until]
        connection.sendall(f"HTTP/1.0 200 OK\r\nServer: {self.server}\r\n\r\n".encode() + "\n".join(lines).encode())
        return None


def look(engine: Engine, path: Path, memory: dict[str, Any] | None = None, now: float = ENDED + 5) -> Any:
    with serving(path / f"{len(list(path.iterdir()))}.sock", engine) as place:
        return ran(Docker(socket=place), memory=memory, now=now)


@pytest.mark.parametrize(
    ("events", "status", "words"),
    [
        ([KILL, DIE, STOP], "ok", "stopped by hand"),
        ([KILL, DIE], "ok", "stopped by hand"),
        ([*BEFORE, DIE], "critical", "but not by `docker stop` or `kill`"),
        ([DIE], "critical", "but not by `docker stop` or `kill`"),
        ([], "ok", "stopped by hand as far as is known"),
        ([STOP], "ok", "stopped by hand"),
    ],
)
def test_who_killed_it_is_told_by_the_events_around_its_end(
    events: list[tuple[float, str]], status: str, words: str, tmp_path: Path
) -> None:
    result = look(Logging(events), tmp_path).subject("web").result
    assert (result.status, result.summary.endswith(words)) == (status, True), result.summary


def test_the_events_of_podman_do_not_tell_of_a_stop(tmp_path: Path) -> None:
    look(Logging([DIE], "Libpod/4.3.1 (linux)"), tmp_path).subject("web").is_ok("as far as is known")


class Podman(Logging):
    """One that knows who stopped a container, and tells it in its own form only."""

    def __init__(self, own: dict[str, Any] | None, version: str = "4.9.3") -> None:
        super().__init__([DIE], f"Libpod/{version} (linux)")
        self.own = own

    def __call__(self, connection: socket.socket, question: bytes) -> None:
        if b"/libpod/" not in question:
            return super().__call__(connection, question)
        assert question.split()[1] == f"/v4.0.0/libpod/containers/{IDS['web'] * 5}/json".encode()
        connection.sendall(
            f"HTTP/1.0 {'200 OK' if self.own else '404 Not Found'}\r\n\r\n{json.dumps(self.own)}".encode()
        )
        return None


@pytest.mark.parametrize(
    ("own", "version", "status", "words"),
    [
        ({"State": {"ExitCode": 137, "StoppedByUser": True}}, "4.9.3", "ok", "stopped by hand"),
        ({"State": {"ExitCode": 137}}, "4.7.0", "critical", "but not by `docker stop` or `kill`"),
        ({"State": {"ExitCode": 137}}, "5.4.2", "critical", "but not by `docker stop` or `kill`"),
        ({"State": {"ExitCode": 137}}, "4.6.2", "ok", "as far as is known"),
        ({"State": {"ExitCode": 137}}, "next", "ok", "as far as is known"),
        (None, "5.4.2", "ok", "as far as is known"),
        ({"State": None}, "5.4.2", "ok", "as far as is known"),
    ],
)
def test_podman_is_asked_by_its_own_form_who_stopped_a_container(
    own: dict[str, Any] | None, version: str, status: str, words: str, tmp_path: Path
) -> None:
    result = look(Podman(own, version), tmp_path).subject("web").result
    assert (result.status, result.summary.endswith(words)) == (status, True), result.summary


def test_what_the_events_told_is_known_when_docker_has_forgotten_it(tmp_path: Path) -> None:
    engine = Logging([DIE])
    memory = look(engine, tmp_path).memory
    engine.events = []
    later = look(engine, tmp_path, memory, now=ENDED + 900)
    later.subject("web").is_critical("but not by")
    assert engine.questions.count("/events") == 1
    engine.ends(ENDED + 800)
    look(engine, tmp_path, later.memory, now=ENDED + 900).subject("web").is_ok("as far as is known")
    engine.containers = []
    assert look(engine, tmp_path, later.memory).memory["killed"] == {}


def test_one_that_the_engine_gave_up_was_not_stopped_by_hand(tmp_path: Path) -> None:
    for code in (1, 137):
        engine = Engine(container("web", "exited", f"Exited ({code}) 2 minutes ago"))
        engine.inspected = dict([inspection("web", code, restarts=3, policy="on-failure")])
        engine.inspected[IDS["web"] * 5]["HostConfig"]["RestartPolicy"]["MaximumRetryCount"] = 3
        look(engine, tmp_path).subject("web").is_critical("given up after 3 restarts")
