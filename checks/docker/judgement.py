"""What the state of a container is worth."""

from __future__ import annotations

from agent.api import Result, critical, nodata, ok, warning
from checks.docker.ages import read_age
from checks.docker.api import Container, Inspect
from checks.docker.killed import KILLED

ASKED_TO_END = (0, 130, 143)
"""Exit codes of a container that did its work, or that was asked to end (SIGINT, SIGTERM)."""
CREATED = ("created", "configured", "initialized")
ENDED = ("exited", "stopped")
FINE = ("running", "removing", "stopping")
UNSTARTED_SECONDS = 60.0
"""So long a container may exist without being started: somebody is at work."""


async def assess(
    container: Container,
    must_run: bool,
    unhealthy: set[str],
    inspect: Inspect,
    now: float,
    ended_within: float,
) -> Result:
    """Judge one container; `inspect` asks it for more where the list does not suffice. `now` in Unix seconds."""
    name, state = container.name, container.State
    summary = f"{name} {state}: {container.Status}"
    if state in ("restarting", "dead"):
        return critical(summary, name, container.Image)
    if state == "running" and (container.Id in unhealthy or "(unhealthy)" in container.Status):
        return critical(f"{name} is unhealthy: {container.Status}", name, container.Image)
    if must_run and state != "running":
        return critical(summary, name, container.Image)
    if state == "paused":
        return warning(summary, name, container.Image)
    if state in CREATED:
        return await _assess_created(container, summary, inspect, now)
    if state in ENDED:
        return await _assess_ended(container, summary, inspect, ended_within)
    return ok(summary, name) if state in FINE else nodata(f"{summary}, a state that is not known here", name)


async def _assess_created(container: Container, summary: str, inspect: Inspect, now: float) -> Result:
    """A container that could not be started, as its port is taken, stays `Created`."""
    if 0 <= now - container.created_at < UNSTARTED_SECONDS:
        return ok(summary, container.name)
    inspection = await inspect()
    if inspection and inspection.State.Error:
        return critical(f"{container.name} could not be started: {inspection.State.Error[:300]}", container.name)
    return warning(f"{summary}, was never started", container.name, container.Image)


async def _assess_ended(container: Container, summary: str, inspect: Inspect, ended_within: float) -> Result:
    name, code = container.name, container.exit_code
    if code in ASKED_TO_END:
        return ok(summary, name)
    age = read_age(container.Status)
    if age and age[0] >= ended_within:
        return ok(f"{summary}, which is history", name)
    inspection = await inspect()
    code = inspection.State.ExitCode if inspection and code is None else code
    if code is None:
        return nodata(f"{summary}, which does not tell how it ended", name)
    if inspection and inspection.State.OOMKilled:
        return critical(f"{summary}, killed for lack of memory", name, container.Image)
    if code in ASKED_TO_END or (inspection and (inspection.restarts_for_ever or inspection.by_hand)):
        return ok(f"{summary}, stopped by hand", name)
    if inspection and inspection.gave_up:
        return critical(f"{summary}, given up after {inspection.RestartCount} restarts", name, container.Image)
    if inspection and code == KILLED and inspection.by_hand is None:
        return ok(f"{summary}, stopped by hand as far as is known", name)
    by_whom = ", but not by `docker stop` or `kill`" if code == KILLED else ""
    return critical(summary + by_whom, name, container.Image)
