"""Counts the lines that match, and keeps the last ones to be shown."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

from agent.api import CheckError, Regex
from checks.log.following import Block
from checks.log.text import parts

SHOWN_LINES = 10
SHOWN_LENGTH = 300
LINE_SECONDS = 0.25
"""A line on which a pattern needs longer is passed over, so that it does not keep us from those behind it.

Less where the whole run has less than two seconds for reading."""
EVERY = 255
"""So many lines are judged between two looks at the clock; a power of two, less one."""


class Counter:
    """Judges lines for one run."""

    def __init__(self, pattern: Regex, exclude: Regex | None, until: float) -> None:
        """`until` is monotonic seconds: later than that no further line is judged."""
        self._pattern = pattern.search
        self._exclude = exclude.search if exclude else None
        self._until = until
        self._seconds = max(0.02, min(LINE_SECONDS, (until - time.monotonic()) / 8))
        self._last: deque[str] = deque(maxlen=SHOWN_LINES)
        self.count = 0
        self.slow = 0
        self.slow_length = 0

    def judge(self, block: Block) -> int:
        """Judge the lines of a block and answer as it asks."""
        before = self.count
        for number, line in enumerate(block.lines.split(block.content)):
            slow = self.slow
            # What was counted before it had its end may have got it by a carriage return: more follows then.
            again = len(block.lines.split(block.content[-block.again :])[-1]) if block.again else 0
            self._judge(islice(parts(line), int(block.counted and not number), None), block.name, again)
            if (self.slow > slow or not number & EVERY) and time.monotonic() > self._until and not block.unfinished:
                return block.lines.size(block.content, number + 1)
        return self.count > before if block.unfinished else len(block.content)

    def line(self, line: str, name: str = "") -> None:
        self._judge(parts(line), name)

    def _judge(self, parts_of_line: Iterable[str], name: str, again: int = 0) -> None:
        """What begins within the last letters (`again`) is left to the next piece of the line."""
        seconds = self._seconds
        for part in parts_of_line:
            try:
                match = self._pattern(part, seconds)
                if not match or (again and match.start() >= len(part) - again):
                    continue
                if not (self._exclude and self._exclude(part, seconds)):
                    self.count += 1
                    self._last.append(f"{name}: {part.strip()}" if name else part)
            except CheckError:
                self.slow += 1
                self.slow_length = max(self.slow_length, len(part))

    def excerpt(self) -> Iterator[str]:
        if self.count > len(self._last):
            yield f"the last {len(self._last)}:"
        for line in self._last:
            yield _printable(line.strip()[: SHOWN_LENGTH + 1])


def _printable(line: str) -> str:
    text = "".join(char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in line)
    return text if len(text) <= SHOWN_LENGTH else text[:SHOWN_LENGTH] + "…"
