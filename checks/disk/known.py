"""What a check knew of a place, held against what lies there now: a path is judged by what is there, whatever it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent.api import Result, critical, duration_text, warning
from checks.disk.place import Place

ADOPTED_AFTER = 86_400.0
"""Seconds after which another filesystem at the same place is taken for the right one."""


def noted(memory: dict[str, Any], places: Iterable[Place]) -> dict[str, list[Any]]:
    """Note what each path lies on, and return what it lay on before: mount point, type, since when it is another.

    A path that was never on a mount of its own is known to be on the one above, and a mount that comes there is noted.
    """
    before: dict[str, list[Any]] = memory.get("lay_on", {})
    memory["lay_on"] = {
        place.name: before.get(place.name) or _now(place)
        for place in places
        if place.name in before or (place.mount and not place.automount)
    }
    return memory["lay_on"]  # type: ignore[no-any-return]  # as it was put there


def changed(known: list[Any] | None, place: Place, now: float) -> list[Result]:
    """Say what is another than it was; `known` is moved along where that is no loss. `now` in Unix seconds."""
    if known is None or place.mount is None or place.automount:
        return []  # autofs takes a mount away when nobody uses it
    point, kind = known[:2]
    if _now(place) == [point, kind]:
        known[2:] = []
        return []
    if _below(point, place.mount_name):
        return [critical(f"is on {place.mount_name} ({place.origin}) now, but was on {point} ({kind}) before")]
    since = min(known[2], now) if len(known) > 2 else now
    if _below(place.mount_name, point) or now - since >= ADOPTED_AFTER:
        known[:] = _now(place)
        return []
    known[2:] = [since]
    return [warning(f"is {place.origin} for {duration_text(now - since)}, but was {kind} on {point} before")]


def _now(place: Place) -> list[Any]:
    return [place.mount_name, place.mount.type] if place.mount else []


def _below(point: str, above: str) -> bool:
    return point != above and point.startswith(above.rstrip("/") + "/")
