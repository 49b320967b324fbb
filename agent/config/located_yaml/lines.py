"""Lines as editors count them: LF, CR LF and CR end one. What YAML 1.1 knows beyond these is text here."""

from __future__ import annotations

import re
from bisect import bisect_right

from agent.config.settings import Place

_BREAK = re.compile(r"\r\n?|\n")


class Lines:
    """A text's lines, and the place of each of its characters."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._text = text
        self._starts = [0]
        self._ends: list[int] = []
        for end in _BREAK.finditer(text):
            self._ends.append(end.start())
            self._starts.append(end.end())
        self._ends.append(len(text))
        if len(self._starts) > 1 and self._starts[-1] == len(text):
            # What ends the last line begins no further one.
            del self._starts[-1], self._ends[-1]
        self._numbers = list(range(1, len(self._starts) + 1))
        """Of each line one object for all places in it."""

    def place(self, index: int) -> Place:
        """Return where the character of this index stands; beyond the end it is the end."""
        at = bisect_right(self._starts, index) - 1
        return Place(self._file, self._numbers[at], min(index, self._ends[at]) - self._starts[at] + 1)

    def number_of(self, word: str, after: int) -> int:
        """Return the number of the first line after this one that has the word; 0 where none has."""
        numbers = range(after + 1, len(self._starts) + 1)
        return next((number for number in numbers if word in self.line(number).split()), 0)

    def line(self, number: int) -> str:
        """Return the line of a number, counted from 1; '' where there is none."""
        return self._text[self._starts[number - 1] : self._ends[number - 1]] if 1 <= number <= len(self._starts) else ""
