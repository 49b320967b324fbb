"""The docker check: against a server on a unix socket that answers as Docker 27 and Podman 5 do."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.api import CheckError, Context, Result, Status
from agent.plugin.results import gathered
from checks.docker import ANSWER_LIMIT, Docker

IDS = {"web": "8dfafdbc3a40", "db": "9cd87474be90", "job": "3176a2479c92", "worker": "4cb07b47f9fb"}


def container(name: str, state: str, status: str) -> dict[str, Any]:
    """One container as `GET /containers/json` gives it."""
    return {
        "Id": IDS.get(name, name) * 5,
        "Names": [f"/other/{name}-alias", f"/{name}"],
        "Image": f"registry.example.com/{name}:1.4",
        "ImageID": "sha256:d74508fb6632491cea586a1fd7d748dfc5274cd6fdfedee309ecdcbc2bf5cb82",
        "Command": "/bin/run",
        "Created": 1367854155,
        "State": state,
        "Status": status,
        "Ports": [{"PrivatePort": 2222, "PublicPort": 3333, "Type": "tcp"}],
        "Labels": {"com.docker.compose.service": name},
        "SizeRw": 12288,
        "HostConfig": {"NetworkMode": "default", "Annotations": None},
        "NetworkSettings": {"Networks": {"bridge": {"NetworkID": "7ea29fc1412292a2d7bba362f9253545"}}},
        "Mounts": [],
    }


class Engine:
    """Docker: tells health in the status. Podman: only to the filter."""

    def __init__(self, *containers: dict[str, Any], unhealthy: tuple[str, ...] = ()) -> None:
        self.containers, self.unhealthy = list(containers), [IDS[name] * 5 for name in unhealthy]

    def __call__(self, connection: socket.socket, question: bytes) -> None:
        filtered = b"filters={%22health%22:[%22unhealthy%22]}" in question
        found = [one for one in self.containers if not filtered or one["Id"] in self.unhealthy]
        body = json.dumps(found).encode()
        connection.sendall(
            b"HTTP/1.0 200 OK\r\nApi-Version: 1.47\r\nContent-Type: application/json\r\nOstype: linux\r\n"
            b"Server: Docker/27.3.1 (linux)\r\nDate: Mon, 23 Nov 2026 04:54:46 GMT\r\n\r\n" + body
        )


@contextlib.contextmanager
def serving(path: Path, talk: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    talk(connection, connection.recv(4096))

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield str(path)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def look(path: str, timeout: float = 5.0, **settings: Any) -> dict[str, Result]:
    found = gathered(Docker(socket=path, **settings).run(Context(timeout=timeout)))
    return {result.subject: result for result in found}


@pytest.mark.parametrize(
    ("state", "said", "status"),
    [
        ("running", "Up 3 hours", Status.OK),
        ("running", "Up 3 hours (healthy)", Status.OK),
        ("running", "Up 2 seconds (health: starting)", Status.OK),
        ("running", "Up 3 hours (unhealthy)", Status.CRITICAL),
        ("restarting", "Restarting (1) 5 seconds ago", Status.CRITICAL),
        ("dead", "Dead", Status.CRITICAL),
        ("paused", "Up 3 hours (Paused)", Status.WARNING),
        ("exited", "Exited (0) 2 days ago", Status.OK),
        ("exited", "Exited (143) 2 days ago", Status.OK),
        ("exited", "Exited (137) 2 days ago", Status.CRITICAL),
        ("exited", "Exited (1) 2 days ago", Status.CRITICAL),
        ("created", "Created", Status.OK),
        ("removing", "Removal In Progress", Status.OK),
    ],
)
def test_each_container_is_judged_by_its_state(state: str, said: str, status: Status, tmp_path: Path) -> None:
    with serving(tmp_path / "docker.sock", Engine(container("web", state, said))) as path:
        found = look(path)
    assert found["web"].status is status
    assert said in found["web"].summary
    assert found[""].status is Status.OK


def test_podman_tells_health_only_when_asked_for_it(tmp_path: Path) -> None:
    engine = Engine(
        container("web", "running", "Up 3 hours"), container("db", "running", "Up 3 hours"), unhealthy=("db",)
    )
    with serving(tmp_path / "podman.sock", engine) as path:
        found = look(path)
    assert {name: result.status for name, result in found.items()} == {
        "web": Status.OK, "db": Status.CRITICAL, "": Status.OK
    }  # fmt: skip
    assert found["db"].summary == "db is unhealthy: Up 3 hours"
    assert found[""].summary == "2 of 2 containers run"


def test_a_container_that_must_run_is_critical_when_it_does_not(tmp_path: Path) -> None:
    engine = Engine(
        container("web", "exited", "Exited (0) 2 days ago"), container("job", "exited", "Exited (0) 1 day ago")
    )
    with serving(tmp_path / "docker.sock", engine) as path:
        found = look(path, running=("web", "db"))
    assert found["web"].status is found["db"].status is Status.CRITICAL
    assert found["db"].summary == "db is not there"
    assert found["job"].status is Status.OK


def test_names_choose_what_is_watched(tmp_path: Path) -> None:
    engine = Engine(*(container(name, "running", "Up 1 hour") for name in ("web", "web-infra", "db")))
    with serving(tmp_path / "docker.sock", engine) as path:
        assert set(look(path, include="web*", exclude=("*-infra",))) == {"web", ""}


def test_a_host_without_containers_is_ok(tmp_path: Path) -> None:
    with serving(tmp_path / "docker.sock", Engine()) as path:
        assert look(path)[""].summary == "0 of 0 containers run"


def drip(connection: socket.socket, question: bytes) -> None:
    for byte in b"HTTP/1.0 200 OK\r\n\r\n" + b" " * 1000:
        connection.sendall(bytes([byte]))
        time.sleep(0.02)


def endless(connection: socket.socket, question: bytes) -> None:
    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n[")
    while True:
        connection.sendall(b" " * 65536)


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (b"SSH-2.0\r\n", "no answer that can be understood"),
        (b"HTTP/1.0 200 OK\r\n\r\n[{", "no answer that can be understood"),
        (b'HTTP/1.0 200 OK\r\n\r\n{"Id": 1}', "no answer that can be understood"),
        (b"HTTP/1.0 200 OK\r\n\r\n[{}]", "no answer that can be understood"),
        (b"", "no answer that can be understood"),
        (b"HTTP/1.0 500 Oh\r\n\r\n{}", "answered 500: {}"),
        (lambda connection, question: time.sleep(0.6), "does not answer within 300ms"),
        (drip, "does not answer within 300ms"),
        (endless, f"more than {ANSWER_LIMIT} bytes|does not answer within"),
    ],
)
def test_no_usable_answer_is_nodata_in_time(talk: Any, reason: str, tmp_path: Path) -> None:
    answer = talk if callable(talk) else lambda connection, question: connection.sendall(talk)
    began = time.monotonic()
    with serving(tmp_path / "docker.sock", answer) as path:
        with pytest.raises(CheckError, match=reason):
            look(path, timeout=0.3)
        assert time.monotonic() - began < 0.8


def test_no_socket_and_no_listener_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="no such file"):
        look(str(tmp_path / "docker.sock"))
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "docker.sock"))
        with pytest.raises(CheckError, match="connection refused"):
            look(str(tmp_path / "docker.sock"))


def test_settings_that_cannot_be_meant_are_problems() -> None:
    assert [name for name, _ in Docker(socket="docker.sock").problems()] == ["socket"]
    assert [name for name, _ in Docker(running="db", include="web*").problems()] == ["running"]
    assert list(Docker(running="db").problems()) == []
