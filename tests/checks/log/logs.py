"""Logs that grow, and who reads them run after run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from agent.api import Context, Regex, Result
from agent.plugin.results import gather
from checks.log import Log
from checks.log.following import Block, Progress, drive, follow
from checks.log.position import Position

NEVER = float("inf")


class Blocks:
    """Takes what is read as it is; a line without end is counted if it has what is looked for."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.until = 0.0
        """Each block takes until then."""

    def judge(self, block: Block) -> int:
        time.sleep(max(0.0, self.until - time.monotonic()))
        if not block.unfinished:
            self.taken.append(block.content.partition(b"\n")[2] if block.counted else block.content)
            return len(block.content)
        if b"<" in block.content:
            self.taken.append(block.content)
        return b"<" in block.content

    def follow(self, log: Path, last: list[Position] | None, until: float = NEVER) -> Progress:
        return drive(follow(str(log), last, until), self.judge, lambda step: step())


class Watcher:
    """A log check with its memory between runs, as the runner keeps it."""

    def __init__(self, path: Path, pattern: str = "ERR", timeout: float = 5.0, **settings: Any) -> None:
        self.check = Log(path=str(path), pattern=Regex(pattern), **settings)
        self.timeout = timeout
        self.memory: dict[str, Any] = {}

    def run(self) -> Result:
        context = Context(timeout=self.timeout, memory=dict(self.memory))
        (result,) = gather(self.check.run(context))
        self.memory = context.memory
        return result

    def count(self) -> float:
        """Run; a log that is not there at this moment counts no lines."""
        return next((metric.value for metric in self.run().metrics if metric.name == "lines"), 0)


def append(path: Path, text: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(text.encode() if isinstance(text, str) else text)
