"""The API on the socket of Docker or Podman: questions, and the answers as far as they are read."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from agent.api import CheckError, Context, duration_text
from checks._network.connection import new_socket, receive, retry_unix_connect, send, turn
from checks._network.progress import Progress

ANSWER_LIMIT = 16 * 1024 * 1024
"""Bytes; a thousand containers with many labels are about two million."""
QUICK_ANSWER = 256 * 1024
"""Bytes that are read in no time."""
LIST = "/containers/json?all=1"
UNHEALTHY = '/containers/json?filters={"health":["unhealthy"]}'


class Container(msgspec.Struct, frozen=True):
    """What the list says of one; its own names."""

    Id: str
    Names: list[str] | None = None
    Image: str = ""
    Created: float | str = 0
    """Unix seconds; Podman has written it in other forms."""
    State: str = ""
    Status: str = ""
    """For people: `Up 3 hours (healthy)`, `Exited (1) 2 days ago`."""

    @property
    def name(self) -> str:
        # A linked container has further names, `/other/alias`.
        own = [name.removeprefix("/") for name in self.Names or () if "/" not in name.removeprefix("/")]
        return own[0] if own else self.short_id

    @property
    def short_id(self) -> str:
        """As `docker ps` shows it."""
        return self.Id[:12]

    @property
    def exit_code(self) -> int | None:
        code = re.match(r"Exited \((-?\d+)\)", self.Status)
        return int(code[1]) if code else None

    @property
    def created_at(self) -> float:
        return self.Created if isinstance(self.Created, int | float) else 0.0


class Policy(msgspec.Struct, frozen=True):
    """Whether the engine starts it again."""

    Name: str | None = ""
    MaximumRetryCount: int | None = 0
    """Of `on-failure`; 0: for ever."""


class HostSettings(msgspec.Struct, frozen=True):
    """What was asked for when the container was made."""

    RestartPolicy: Policy | None = None


class Condition(msgspec.Struct, frozen=True):
    """The state in numbers; its own names."""

    ExitCode: int | None = None
    OOMKilled: bool | None = None
    Error: str | None = None
    """Why it could not be started."""
    StartedAt: str | None = None
    FinishedAt: str | None = None


class Inspection(msgspec.Struct, frozen=True):
    """What one container says of itself when asked; its own names."""

    State: Condition
    RestartCount: int | None = None
    """By its restart policy, since somebody last started it."""
    HostConfig: HostSettings | None = None
    by_hand: bool | None = None
    """Whether a person had the engine end it, by its events; None where they do not tell."""

    @property
    def restarts_for_ever(self) -> bool:
        return self._policy.Name in ("always", "unless-stopped")

    @property
    def gave_up(self) -> bool:
        """Tell whether the engine restarted it as often as it was to (`on-failure:3`)."""
        return 0 < (self._policy.MaximumRetryCount or 0) <= (self.RestartCount or 0)

    @property
    def _policy(self) -> Policy:
        return (self.HostConfig and self.HostConfig.RestartPolicy) or Policy()


class PodmanState(msgspec.Struct, frozen=True):
    """What Podman's own form of the state says beyond Docker's; its own names."""

    StoppedByUser: bool = False
    """Left out where it is not so."""


class PodmanInspection(msgspec.Struct, frozen=True):
    """Podman's own form of an `Inspection`."""

    State: PodmanState


class Event(msgspec.Struct, frozen=True):
    """One thing that the engine did; its own names."""

    Action: str = ""


Inspect = Callable[[], Awaitable[Inspection | None]]
"""Asks a container for more than the list tells."""


async def list_containers(ctx: Context, path: str, question: str) -> tuple[list[Container], bool]:
    """Ask for a list, and say whether it is all of it; CheckError without an answer that can be used."""
    try:
        answer = await _ask(path, question, ctx.deadline)
        if answer.status != 200:
            raise CheckError(f"{path} answered {answer.status}: {answer.body[:200].decode(errors='replace').strip()}")
        return await _read(ctx, answer.body, answer.whole), answer.whole
    except PermissionError:
        raise CheckError(f"{path}: permission denied, run the agent as root or in the socket's group") from None
    except TimeoutError:
        raise CheckError(f"{path} does not answer within {duration_text(ctx.timeout)}") from None
    except OSError as error:
        raise CheckError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except (msgspec.DecodeError, ValueError, IndexError):
        raise CheckError(f"{path} gave no answer that can be understood") from None


async def _read(ctx: Context, body: bytes, whole: bool) -> list[Container]:
    def read() -> list[Container]:
        return msgspec.json.decode(body if whole else cut(body), type=list[Container])

    try:
        return await ctx.compute(read, long=len(body) > QUICK_ANSWER)
    except CheckError:  # no time was left for it
        raise TimeoutError from None


async def ask_container(ctx: Context, path: str, container: str) -> Inspection | None:
    """Ask for one container, in no more than a quarter of the time left; None without an answer that can be used."""
    try:
        deadline = time.monotonic() + ctx.remaining() / 4
        answer = await _ask(path, f"/containers/{container}/json", deadline)
        return msgspec.json.decode(answer.body, type=Inspection) if answer.status == 200 else None
    except (OSError, CheckError, msgspec.DecodeError, ValueError, IndexError):
        return None


async def ask_events(ctx: Context, path: str, container: str, since: float, until: float) -> set[str] | None:
    """Return what the engine did to a container between two moments in Unix seconds; None without an answer.

    Podman's events do not tell of a stop; since 4.7 the container itself does.
    """
    question = f'/events?since={since:.3f}&until={until:.3f}&filters={{"container":["{container}"]}}'
    try:
        answer = await _ask(path, question, time.monotonic() + ctx.remaining() / 4)
        if answer.status != 200:
            return None
        if b"libpod" in answer.head.lower():
            return await _ask_podman(ctx, path, container) if _podman_version(answer.head) >= (4, 7) else None
        return {event.Action for event in msgspec.json.Decoder(Event).decode_lines(answer.body)}
    except (OSError, CheckError, msgspec.DecodeError, ValueError, IndexError):
        return None


async def _ask_podman(ctx: Context, path: str, container: str) -> set[str] | None:
    """Return, as if it were of the events, whether a person had Podman end a container."""
    answer = await _ask(path, f"/v4.0.0/libpod/containers/{container}/json", time.monotonic() + ctx.remaining() / 4)
    if answer.status != 200:
        return None
    return {"stop" if msgspec.json.decode(answer.body, type=PodmanInspection).State.StoppedByUser else "die"}


def _podman_version(head: bytes) -> tuple[int, int]:
    match = re.search(rb"libpod[/a-z-]*:?\s*(\d+)\.(\d+)", head.lower())
    return (int(match[1]), int(match[2])) if match else (0, 0)


def cut(body: bytes) -> bytes:
    """Make a list of the whole objects at the beginning of one that was cut off."""
    text, decoder, between = body.decode(errors="replace"), json.JSONDecoder(), re.compile(r"[\s,\[]*")
    objects: list[Any] = []
    place = 0
    while True:
        begin = between.match(text, place)
        try:
            one, place = decoder.raw_decode(text, begin.end() if begin else place)
        except ValueError:
            return json.dumps(objects).encode()
        objects.append(one)


class Answer(NamedTuple):
    """What the engine answered."""

    status: int
    head: bytes
    body: bytes
    whole: bool
    """Whether this is all of the body."""


async def _ask(path: str, question: str, deadline: float) -> Answer:
    progress = Progress(deadline)
    with new_socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        await turn(path, progress)
        await retry_unix_connect(connection, path, deadline)
        # To HTTP/1.0 the answer is not chunked, and the connection ends with it.
        request = f"GET {question} HTTP/1.0\r\nHost: docker\r\n\r\n".replace('"', "%22")
        await send(connection, request.encode(), progress)
        answer = bytearray()
        while len(answer) <= ANSWER_LIMIT and (piece := await receive(connection, progress)):
            answer += piece
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    return Answer(int(head.split()[1]), head, body, len(answer) <= ANSWER_LIMIT)
