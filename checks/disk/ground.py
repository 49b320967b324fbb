"""What a check knew of a place, held against what lies there now: a path is judged by what is there, whatever it is."""

from __future__ import annotations

from collections.abc import Iterable
from os.path import normpath
from typing import Any

import msgspec
from msgspec.structs import replace

from agent.api import Result, critical, duration_text, warning
from checks.disk.place import Place, printable

ADOPTED_AFTER = 86_400.0
"""Seconds after which another filesystem at the same place is taken for the right one."""


class Ground(msgspec.Struct, omit_defaults=True):
    """What a path lies on."""

    point: str
    type: str
    identity: str = ""
    """Tells two of one type apart; empty where nothing does."""
    tree: str = ""
    """The device, and where on it the path lies."""
    other_since: float = 0.0
    """Since when it is another, in Unix seconds; 0: it is as it was."""

    def is_like(self, other: Ground) -> bool:
        if self.type == other.type and self.tree and self.tree == other.tree:
            return True  # a bind mount over itself, as the sandboxes of systemd make and take away
        comparable = self.identity and other.identity
        return (self.point, self.type) == (other.point, other.type) and (
            not comparable or self.identity == other.identity
        )


def find_changes(memory: dict[str, Any], places: Iterable[Place], now: float) -> dict[str, list[Result]]:
    """Note what each path lies on, and say by its name what is another than it was; `now` in Unix seconds."""
    before = _read_memory(memory)
    grounds: dict[str, Ground] = {}
    news: dict[str, list[Result]] = {}
    for place in places:
        usual, ground = before.get(place.name), _ground(place)
        if usual is None or ground is None:  # autofs takes a mount away when nobody uses it
            usual = usual or ground
        else:
            usual, news[place.name] = compare(usual, ground, place.origin, now)
        if usual:
            grounds[place.name] = usual
    memory["lies_on"] = msgspec.to_builtins(grounds)
    return news


def compare(usual: Ground, ground: Ground, origin: str, now: float) -> tuple[Ground, list[Result]]:
    """Return what is known from now on, and what there is to say of the change; `now` in Unix seconds."""
    if usual.is_like(ground):
        same = usual.point == ground.point
        return replace(ground if same else usual, identity=usual.identity or ground.identity, other_since=0.0), []
    if _below(usual.point, ground.point):
        words = f"is on {ground.point} ({origin}) now, but was on {usual.point} ({usual.type}) before"
        return usual, [critical(words)]
    since = min(usual.other_since or now, now)
    if _below(ground.point, usual.point) or now - since >= ADOPTED_AFTER:
        return ground, []
    was = " ".join(filter(None, (usual.type, usual.identity, f"on {usual.point}")))
    words = f"is another filesystem for {duration_text(now - since)}: {origin} {ground.identity}".rstrip()
    return replace(usual, other_since=since), [warning(f"{words}, but was {was} before")]


def _ground(place: Place) -> Ground | None:
    if place.mount is None or place.automount:
        return None
    inner = normpath(f"{place.mount.root}/{place.real.removeprefix(place.mount.point.rstrip('/'))}")
    identity = place.identity
    tree = printable(f"{identity or place.mount.device}:{inner}")
    return Ground(place.mount_name, place.mount.type, identity, tree)


def _read_memory(memory: dict[str, Any]) -> dict[str, Ground]:
    """Read the memory; what another version left there in another form is forgotten."""
    try:
        return msgspec.convert(memory.get("lies_on", {}), dict[str, Ground])
    except msgspec.ValidationError:
        return {}


def _below(point: str, above: str) -> bool:
    return point != above and point.startswith(above.rstrip("/") + "/")
