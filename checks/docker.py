"""`type: docker`."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import socket
import time
from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.api import (
    Check,
    CheckError,
    Context,
    Host,
    Metric,
    Result,
    Status,
    Suggestion,
    critical,
    duration_text,
    ok,
    warning,
)

SOCKETS = ("/var/run/docker.sock", "/run/podman/podman.sock")
ANSWER_LIMIT = 16 * 1024 * 1024
"""Bytes; a thousand containers with many labels are about two million."""
STOPPED = (0, 130, 143)
"""Exit codes of a container that did its work, or that was asked to end (SIGINT, SIGTERM)."""
LIST = "/containers/json?all=1"
UNHEALTHY = '/containers/json?filters={"health":["unhealthy"]}'


class Docker(Check, frozen=True, kw_only=True):
    """Watches the containers of Docker or Podman, each by its name.

    Critical: unhealthy by its own health check, restarting, dead, or ended with an error (other than 0, 130 and 143).
    Warning: paused. Those named in `running` must be there and run, and are critical otherwise. No answer from the
    socket is nodata. The socket makes its user root: an agent without root's rights needs the group docker.

    ```yaml
    checks:
      containers: {type: docker}
      shop: {type: docker, running: [web, db], include: [web, db]}
      podman: {type: docker, socket: /run/podman/podman.sock, exclude: "*-infra"}
    ```
    """

    socket: Annotated[
        str, Meta(description="Path of the API's socket. Default: /var/run/docker.sock, else podman's.")
    ] = ""
    running: Annotated[
        str | tuple[str, ...], Meta(description="Names of containers that must run; default: none must.")
    ] = ()
    include: Annotated[
        str | tuple[str, ...], Meta(description="Names of containers to watch, with wildcards. Default: all.")
    ] = "*"
    exclude: Annotated[
        str | tuple[str, ...], Meta(description="Names of containers to leave out, with wildcards.")
    ] = ()

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.socket and not self.socket.startswith("/"):
            yield "socket", f"{self.socket!r} is not a whole path, write for example {SOCKETS[0]}"
        for name in _texts(self.running):
            if not self._watches(name):
                yield "running", f"{name!r} is left out by include or exclude"

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        for name, socket_path in zip(("containers", "podman"), SOCKETS, strict=True):
            if host.path(socket_path).is_socket():
                yield _suggested(name, socket_path, str(host.path(socket_path)))

    def run(self, ctx: Context) -> Iterator[Result | Metric]:
        path = self.socket or next((path for path in SOCKETS if os.path.lexists(path)), SOCKETS[0])
        # Podman tells health by this filter only; Docker knows it too.
        unhealthy = {container.Id for container in containers(ctx, path, UNHEALTHY)}
        found = {one.name: one for one in containers(ctx, path, LIST) if self._watches(one.name)}
        for name in sorted({*found, *_texts(self.running)}):
            yield judged(name, found.get(name), name in _texts(self.running), unhealthy)
        up = sum(one.State == "running" for one in found.values())
        yield ok(f"{up} of {len(found)} containers run")
        yield Metric("running", up, minimum=0)

    def _watches(self, name: str) -> bool:
        return _fits(name, self.include) and not _fits(name, self.exclude)


class Container(msgspec.Struct, frozen=True):
    """What the API says of one; its own names."""

    Id: str
    Names: list[str] | None = None
    Image: str = ""
    State: str = ""
    Status: str = ""
    """For people: `Up 3 hours (healthy)`, `Exited (1) 2 days ago`."""

    @property
    def name(self) -> str:
        # A linked container has further names, `/other/alias`.
        own = [name.removeprefix("/") for name in self.Names or () if "/" not in name.removeprefix("/")]
        return own[0] if own else self.Id[:12]

    @property
    def exit_code(self) -> int:
        code = re.match(r"Exited \((-?\d+)\)", self.Status)
        return int(code[1]) if code else 0


def judged(name: str, container: Container | None, must_run: bool, unhealthy: set[str]) -> Result:
    if container is None:
        return critical(f"{name} is not there", name)
    said = f"{name} {container.State}: {container.Status}"
    if container.State in ("restarting", "dead"):
        return critical(said, name, container.Image)
    if container.State == "running" and (container.Id in unhealthy or "(unhealthy)" in container.Status):
        return critical(f"{name} is unhealthy: {container.Status}", name, container.Image)
    if (must_run and container.State != "running") or container.exit_code not in STOPPED:
        return critical(said, name, container.Image)
    if container.State == "paused":
        return warning(said, name, container.Image)
    return ok(said, name)


def _suggested(name: str, path: str, real_path: str) -> Suggestion:
    """Suggest to watch all containers but those that are in trouble now, mostly old ones that nobody removed."""
    try:
        found = containers(Context("discover", 5.0), real_path, LIST)
    except CheckError:
        found = []  # the trial says why
    bad = [one.name for one in found if judged(one.name, one, False, set()).status is not Status.OK]
    up = [one.name for one in found if one.State == "running" and one.name not in bad]
    why = f"Found the socket {path}" + (f"; these run: {', '.join(up)}" if up else "")
    why += f"; left out, as they are not well now: {', '.join(bad)}." if bad else "."
    return Suggestion(
        name=name, settings={"socket": path} | ({"exclude": bad} if bad else {}), why=why, about=("socket",)
    )


def containers(ctx: Context, path: str, question: str) -> list[Container]:
    """Ask the socket; CheckError without an answer that can be used."""
    try:
        status, body = _asked(path, question, ctx.deadline)
        if status != 200:
            raise CheckError(f"{path} answered {status}: {body[:200].decode(errors='replace').strip()}")
        return msgspec.json.decode(body, type=list[Container])
    except PermissionError:
        raise CheckError(f"{path}: permission denied, run the agent as root or in the socket's group") from None
    except TimeoutError:
        raise CheckError(f"{path} does not answer within {duration_text(ctx.timeout)}") from None
    except OSError as error:
        raise CheckError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except (msgspec.DecodeError, ValueError, IndexError):
        raise CheckError(f"{path} gave no answer that can be understood") from None


def _asked(path: str, question: str, deadline: float) -> tuple[int, bytes]:
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
        connection.settimeout(_left(deadline))
        connection.connect(path)
        # To HTTP/1.0 the answer is not chunked, and the connection ends with it.
        connection.sendall(f"GET {question} HTTP/1.0\r\nHost: docker\r\n\r\n".replace('"', "%22").encode())
        answer = bytearray()
        while piece := _received(connection, deadline):
            answer += piece
            if len(answer) > ANSWER_LIMIT:
                raise CheckError(f"{path} gives more than {ANSWER_LIMIT} bytes")
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def _received(connection: socket.socket, deadline: float) -> bytes:
    connection.settimeout(_left(deadline))
    return connection.recv(65536)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _fits(name: str, patterns: str | tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in _texts(patterns))


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
