"""Who killed a container that ended by SIGKILL: the engine, which a person asked, or somebody else."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from checks.docker.api import Container, Inspection

KILLED = 137
"""The exit code: `docker stop` after its patience, a person's kill -9, or the kernel for lack of the host's memory."""
BY_HAND, ENDED = {"kill", "stop"}, {"die", "died"}
"""Actions of the engine's events, of Docker and of Podman."""
AROUND = 30.0
"""Seconds around the end in which its events are."""

AskEvents = Callable[[str, float, float], Awaitable[set[str] | None]]
"""Returns the actions on a container between two moments in Unix seconds; None without an answer."""


def keep_ends(memory: dict[str, Any], containers: Iterable[Container]) -> dict[str, Any]:
    """Return what is remembered of the ends of these containers; of one that is gone it is forgotten."""
    ids = {container.short_id for container in containers}
    memory["killed"] = {short_id: end for short_id, end in memory.get("killed", {}).items() if short_id in ids}
    return memory["killed"]  # type: ignore[no-any-return]


async def add_killer(
    memory: dict[str, Any], container: Container, inspection: Inspection, ask: AskEvents, now: float
) -> Inspection:
    """Add to what a container says of itself whether a person had the engine kill it.

    The engine has its last 256 events only: it is asked once, and `memory` has what it said of which end.
    `now` in Unix seconds.
    """
    state, finished_at = inspection.State, inspection.State.FinishedAt
    started, ended = _seconds(state.StartedAt or ""), _seconds(finished_at or "")
    if state.ExitCode != KILLED or state.OOMKilled or ended is None:
        return inspection
    if (known := memory.get(container.short_id)) and known[0] == finished_at:
        return replace(inspection, by_hand=known[1])
    # Before its start was another run, which somebody may have stopped.
    since = max(started or 0.0, ended - AROUND)
    actions = await ask(container.Id, since, min(now, ended + AROUND))
    if actions is None:
        return inspection
    by_hand = True if actions & BY_HAND else False if actions & ENDED else None
    memory[container.short_id] = [finished_at, by_hand]
    return replace(inspection, by_hand=by_hand)


def _seconds(text: str) -> float | None:
    """Read `2026-11-27T22:07:01.911384480Z`."""
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).timestamp()
    except ValueError:
        return None
