"""Pure: which silences began and ended since the last look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agent.model import Silence
from agent.view.history.rows import Deed, NoteRow

Key = tuple[str, int]
"""Selector, and since when: two silences of one selector are two."""


class SilenceBook:
    """What is noted of silences already. The history's thread owns it."""

    def __init__(self, ends: Mapping[Key, int]) -> None:
        """`ends`: the end of each silence whose begin is noted, Unix milliseconds; 0: its end is noted too."""
        self._ends = dict(ends)

    def news(self, silences: Iterable[Silence], now: int) -> list[NoteRow]:
        """Return what is new; `now` in Unix milliseconds."""
        there = {(one.selector, one.since): one for one in silences}
        rows = [*self._note_begins(there), *self._note_ends(there, now)]
        self._ends = {key: until for key, until in self._ends.items() if until or key in there}
        return rows

    def _note_begins(self, there: Mapping[Key, Silence]) -> Iterator[NoteRow]:
        for key, one in there.items():
            if key not in self._ends:
                self._ends[key] = one.until
                until = one.meant_until or one.until
                yield NoteRow(one.since, Deed.SILENCED, one.who, one.selector, one.since, until, one.reason)

    def _note_ends(self, there: Mapping[Key, Silence], now: int) -> Iterator[NoteRow]:
        for key, until in self._ends.items():
            one = there.get(key)
            at = min(one.until if one else now, until)
            if until and at <= now:
                self._ends[key] = 0
                yield NoteRow(at, Deed.SILENCE_ENDED, one.ended_by if one else "", key[0], key[1])
