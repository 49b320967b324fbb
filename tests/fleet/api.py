"""The strict API stand-in with several keys of one workspace and their limits, and what it was told, by change."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter, deque
from http.server import BaseHTTPRequestHandler

from tests.stand_ins.api import ApiStandIn, problems

WINDOW = 60.0


class FleetApi(ApiStandIn):
    """Names each change by the first 8 letters of its id, which the simulator makes unique."""

    def __init__(self, keys: int, per_key: int = 20, per_workspace: int = 200, seconds: float = 0.1) -> None:
        super().__init__()
        self.keys = [f"ak_{number}" for number in range(keys)]
        self.seconds = seconds
        """What a request takes."""
        self.told_at: dict[str, float] = {}
        """When a change was told first, by the first letters of its id."""
        self.texts: dict[str, set[bytes]] = {}
        self.order: list[str] = []
        self.above: list[str] = []
        """Requests above a limit; a relay never makes one."""
        self._limits = {**dict.fromkeys(self.keys, per_key), "": per_workspace}
        self._recent: dict[str, deque[float]] = {name: deque() for name in self._limits}
        self._judging = threading.Lock()

    def _judged(self, request: BaseHTTPRequestHandler, raw: bytes) -> str:
        with self._judging:
            return self._judge(request.headers.get("DF-API-KEY") or "", raw)

    def _judge(self, key: str, raw: bytes) -> str:
        if key not in self.keys:
            return "bad_key"
        now = time.monotonic()
        for name in (key, ""):
            recent = self._recent[name]
            recent.append(now)
            while recent[0] <= now - WINDOW:
                recent.popleft()
            if len(recent) > self._limits[name]:
                self.above.append(f"{name or 'workspace'}: {len(recent)}")
                return "throttle"
        if found := problems(raw):
            self.rejections.append("; ".join(found))
            return "refuse"
        self._take(raw, now)
        return ""

    def _take(self, raw: bytes, now: float) -> None:
        self._closing.wait(self.seconds / 10)
        for id_ in changes(raw):
            if id_ not in self.told_at:
                self.told_at[id_] = now
                self.order.append(id_)
            self.texts.setdefault(id_, set()).add(raw)

    def two_texts(self) -> list[str]:
        """Return the changes that were told in two different texts."""
        return [id_ for id_, texts in self.texts.items() if len(texts) > 1]

    def repeated(self) -> int:
        """Return how many requests repeated an earlier one."""
        return sum(count - 1 for count in Counter(self.requests).values())


def changes(raw: bytes) -> list[str]:
    """Return the changes that a body tells, each subject's in their order."""
    import json

    body = json.loads(raw)
    if "digest" not in body["customTags"]:
        return [body["customTags"]["event_id"][:8]]
    found: list[str] = []
    for latest, before in re.findall(r"\b([0-9a-f]{8})(?: \(before ([^)]*)\))?", body["message"]):
        found += [*reversed(re.findall(r"\b[0-9a-f]{8}\b", before)), latest]
    return found
