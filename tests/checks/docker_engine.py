"""An engine of containers that answers as Docker or Podman does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agent.api import Context, Result
from agent.model import Metric
from agent.plugin.results import gather
from checks.docker import Docker

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
        self.inspected: dict[str, dict[str, Any]] = {}
        self.questions: list[str] = []

    def __call__(self, connection: socket.socket, question: bytes) -> None:
        path = question.split()[1].decode()
        self.questions.append(path)
        if not path.startswith("/containers/json"):
            one = self.inspected.get(path.split("/")[2])
            status = "200 OK" if one else "404 Not Found"
            connection.sendall(f"HTTP/1.0 {status}\r\n\r\n{json.dumps(one or {'message': 'no such'})}".encode())
            return
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
                    # Nothing comes of one whose time ended before it could ask.
                    if question := connection.recv(4096):
                        talk(connection, question)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield str(path)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


async def collected(check: Docker, ctx: Context) -> list[Result | Metric]:
    return [one async for one in check.run(ctx)]


def look(path: str, timeout: float = 5.0, **settings: Any) -> dict[str, Result]:
    found = gather(asyncio.run(collected(Docker(socket=path, **settings), Context(timeout=timeout))))
    return {result.subject: result for result in found}


def inspection(
    name: str, code: int = 0, error: str = "", oom: bool = False, restarts: int = 0, policy: str = "no"
) -> tuple[str, dict[str, Any]]:
    """One container as `GET /containers/ID/json` gives it."""
    state = {"Status": "exited", "Running": False, "OOMKilled": oom, "ExitCode": code, "Error": error, "Pid": 0}
    policies = {"RestartPolicy": {"Name": policy, "MaximumRetryCount": 0}}
    return IDS[name] * 5, {"Id": IDS[name] * 5, "State": state, "RestartCount": restarts, "HostConfig": policies}


def human(seconds: float) -> str:
    """Say a time span as docker/go-units does."""
    minutes, hours = int(seconds / 60), int(seconds / 3600 + 0.5)
    if seconds < 1:
        return "Less than a second"
    if seconds < 60:
        return "1 second" if int(seconds) == 1 else f"{int(seconds)} seconds"
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    days = hours // 24
    for most, unit, name in ((14, 1, "days"), (60, 7, "weeks"), (730, 30, "months")):
        if days < most:
            return f"{days // unit} {name}"
    return f"{days // 365} years"
