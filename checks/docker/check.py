"""`type: docker`: the settings, and one look at all containers."""

from __future__ import annotations

import math
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from functools import partial
from itertools import count
from typing import Annotated, Any

from msgspec import Meta
from msgspec.structs import replace

from agent.api import (
    Check,
    CheckError,
    Context,
    Duration,
    Host,
    Metric,
    NumberAbove,
    Result,
    Status,
    Suggestion,
    critical,
    judge,
    ok,
)
from checks._leftover import find_problem as find_leftover_problem
from checks._wildcards import find_problem
from checks.docker.api import (
    ANSWER_LIMIT,
    LIST,
    UNHEALTHY,
    Container,
    Inspection,
    ask_container,
    ask_events,
    list_containers,
)
from checks.docker.judgement import assess
from checks.docker.killed import add_killer, keep_ends
from checks.docker.restarts import count_restarts

SOCKETS = ("/var/run/docker.sock", "/run/podman/podman.sock")
MOST_INSPECTED = 50
"""Containers that are asked one by one in a run; the list tells enough of most."""
NAME = re.compile(r"[a-zA-Z0-9*?\[][a-zA-Z0-9_.*?\[\]!-]*")

ALL = {"running": "name those that must run", "include": "leave include out"}
"""What to write instead, for whoever means all containers."""

Inspect = Callable[[Container], Awaitable[Inspection | None]]
"""Asks after one container; None: it is gone, or too many were asked after."""

Restarts = Annotated[
    NumberAbove | None, Meta(description="Restarts of a running container within `restarts_within`; null: never.")
]


class Docker(Check, frozen=True, kw_only=True):
    """Watches the containers of Docker or Podman, each by its name.

    Critical: unhealthy by its own health check, restarting, dead, could not be started, or ended with an error (other
    than 0, 130, 143, and what a person stopped) within the last 7 days. Warning: paused, never started, or started
    again three times within 15 minutes (ten times: critical). Those named in `running` must be there and run, and are
    critical otherwise. A container that nobody named and that is gone is forgotten. No answer from the socket is
    nodata. The socket makes its user root: an agent without root's rights needs the group docker. Not seen: a health
    check that stays at `starting`, what a container without a health check does inside, and who ended a container with
    137 (SIGKILL) where the engine does not tell (Docker keeps 256 events; Podman before 4.7): it counts as stopped by
    a person.

    ```yaml
    checks:
      containers: {type: docker}
      shop: {type: docker, running: [db, "shop-web-*"], include: [db, "shop-*"]}
      podman: {type: docker, socket: /run/podman/podman.sock, exclude: "*-infra"}
    ```
    """

    socket: Annotated[
        str, Meta(description="Path of the API's socket. Default: /var/run/docker.sock, else podman's.")
    ] = ""
    running: Annotated[
        str | tuple[str, ...],
        Meta(
            description="Names of containers that must run; of those that fit a wildcard, one. Default: none must.",
            examples=["db"],
        ),
    ] = ()
    include: Annotated[
        str | tuple[str, ...], Meta(description="Names of containers to watch, with wildcards. Default: all.")
    ] = "*"
    exclude: Annotated[
        str | tuple[str, ...], Meta(description="Names of containers to leave out, with wildcards.")
    ] = ()
    restarts_warning: Restarts = NumberAbove.parse(3)
    restarts_critical: Restarts = NumberAbove.parse(10)
    restarts_within: Annotated[Duration, Meta(description="For how long a restart counts. Default 15m.")] = Duration(
        900
    )
    ended_within: Annotated[
        Duration, Meta(description="An end with an error that was longer ago is history. Default 7d.")
    ] = Duration(7 * 86400)

    def problems(self) -> Iterator[tuple[str, str]]:
        if not self.restarts_within:
            yield "restarts_within", "0s counts nothing: leave it out, or write restarts_warning: null"
        if self.socket and not self.socket.startswith("/"):
            yield "socket", f"{self.socket!r} is not a whole path, write for example {SOCKETS[0]}"
        for name in _texts(self.running):
            if not NAME.fullmatch(name):
                yield "running", f"{name!r} is no name of a container, write it as `docker ps` shows it: web"
            elif not _has_wildcard(name) and not self._watches(name):
                yield "running", f"{name!r} is left out by include or exclude"
        yield from self._choice_problems()
        for setting in ("include", "exclude"):
            for name in _texts(getattr(self, setting)):
                if problem := find_problem(name):
                    yield setting, problem
                if name.startswith("/"):
                    yield setting, f"{name!r} fits no name, write it as `docker ps` shows it: {name.lstrip('/')}"

    def _choice_problems(self) -> Iterator[tuple[str, str]]:
        if problem := find_leftover_problem(_texts(self.exclude), _texts(self.include)):
            yield "exclude", problem
        if not any(_texts(self.include)):
            yield "include", "names no container: leave it out, all are watched then"
        for setting in ("running", "include"):
            if "all" in _texts(getattr(self, setting)):
                yield setting, f"'all' is taken for the name of a container: {ALL[setting]}"

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        for name, socket_path in zip(("containers", "podman"), SOCKETS, strict=True):
            if host.path(socket_path).is_socket():
                yield _suggest(name, socket_path, str(host.path(socket_path)))

    async def run(self, ctx: Context) -> AsyncIterator[Result | Metric]:
        path = self.socket or next((path for path in SOCKETS if os.path.lexists(path)), SOCKETS[0])
        # Podman tells health by this filter only; Docker knows it too.
        sick, all_sick = await list_containers(ctx, path, UNHEALTHY)
        all_containers, complete = await list_containers(ctx, path, LIST)
        unhealthy = {container.Id for container in sick}
        containers = {container.name: container for container in all_containers if self._watches(container.name)}
        inspect = _inspector(ctx, path, containers.values())
        if complete:
            for result in self._judge_required(containers):
                yield result
        memory = _keep_memory(ctx.memory, containers.values())
        for name, container in sorted(containers.items()):
            discovered = name not in _texts(self.running)
            yield replace(await self._assess(container, unhealthy, inspect, ctx.now()), discovered=discovered)
            if _runs(container):
                restarts = await self._restarts(container, inspect, memory[container.short_id], ctx.now())
                yield replace(restarts, discovered=discovered)
        up = sum(map(_runs, containers.values()))
        yield ok(f"{up} of {len(containers)} containers run")
        yield Metric("running", up, minimum=0)
        if not (all_sick and complete):
            raise CheckError(f"{path} tells more than {ANSWER_LIMIT} bytes, the containers in the rest are not known")

    def _judge_required(self, containers: dict[str, Container]) -> Iterator[Result]:
        """Say of what must run whether it is there; of a wildcard whether one that fits it runs."""
        for name in _texts(self.running):
            if _has_wildcard(name):
                fitting = [one for one in containers.values() if fnmatchcase(one.name, name)]
                up = sum(map(_runs, fitting))
                words = f"{up} of {len(fitting)} containers like {name} run"
                yield ok(words, name) if up else critical(words, name)
            elif name not in containers:
                yield critical(f"{name} is not there", name)

    async def _assess(
        self,
        container: Container,
        unhealthy: set[str],
        inspect: Inspect,
        now: float,
    ) -> Result:
        must_run = container.name in _texts(self.running)
        return await assess(container, must_run, unhealthy, lambda: inspect(container), now, self.ended_within)

    async def _restarts(
        self,
        container: Container,
        inspect: Inspect,
        memory: dict[str, Any],
        now: float,
    ) -> Result:
        name = container.name
        number = await count_restarts(memory, container, lambda: inspect(container), now, self.restarts_within)
        words = f"{name} restarted {number} times in the last {self.restarts_within}"
        levels = self.restarts_warning, self.restarts_critical
        result = judge("restarts", number, *levels, subject=name, summary=words, minimum=0)
        return replace(result, summary="") if result.status is Status.OK else result

    def _watches(self, name: str) -> bool:
        return _fits(name, self.include) and not _fits(name, self.exclude)


def _inspector(ctx: Context, path: str, containers: Iterable[Container]) -> Inspect:
    """Return what asks after one container; it knows nothing more once it has asked after `MOST_INSPECTED`."""
    inspections_left = count(MOST_INSPECTED, -1)
    killed = keep_ends(ctx.memory, containers)

    async def inspect(container: Container) -> Inspection | None:
        if next(inspections_left) <= 0:
            return None
        inspection = await ask_container(ctx, path, container.Id)
        if inspection is None:
            return None
        return await add_killer(killed, container, inspection, partial(ask_events, ctx, path), ctx.now())

    return inspect


def _keep_memory(memory: dict[str, Any], containers: Iterable[Container]) -> dict[str, dict[str, Any]]:
    """Return what is remembered of each container that runs, or ran; of one that is gone it is forgotten."""
    before: dict[str, Any] = memory.get("containers", {})
    ids = {container.short_id for container in containers if _runs(container) or container.short_id in before}
    memory["containers"] = {short_id: before.get(short_id, {}) for short_id in sorted(ids)}
    return memory["containers"]  # type: ignore[no-any-return]


def _runs(container: Container) -> bool:
    return container.State == "running"


def _suggest(name: str, path: str, real_path: str) -> Suggestion:
    """Suggest to watch all containers but those that are in trouble now, mostly old ones that nobody removed."""
    import asyncio  # 20 ms that commands do not have

    containers, bad = asyncio.run(_look(real_path))
    up = [one.name for one in containers if _runs(one) and one.name not in bad]
    why = f"Found the socket {path}" + (f"; these run: {', '.join(up)}" if up else "")
    why += f"; left out, as they are not well now: {', '.join(bad)}." if bad else "."
    return Suggestion(
        name=name, settings={"socket": path} | ({"exclude": bad} if bad else {}), why=why, about=("socket",)
    )


async def _look(path: str) -> tuple[list[Container], list[str]]:
    """Return all containers, and the names of those in trouble."""

    async def inspect_nothing() -> Inspection | None:
        return None

    ctx = Context("discover", 5.0)
    try:
        containers, _ = await list_containers(ctx, path, LIST)
    except CheckError:
        return [], []  # the trial says why
    now = ctx.now()
    bad = []
    for one in containers:
        result = await assess(
            one, must_run=False, unhealthy=set(), inspect=inspect_nothing, now=now, ended_within=math.inf
        )
        if result.status is not Status.OK:
            bad.append(one.name)
    return containers, bad


def _has_wildcard(name: str) -> bool:
    return any(mark in name for mark in "*?[")


def _fits(name: str, patterns: str | tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in _texts(patterns))


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
