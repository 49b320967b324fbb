"""Pure: which silences began and ended since the last look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agent.model import Silence
from agent.view.history.rows import Deed, NoteRow

Key = tuple[str, int]
"""Selector, and since when: two silences of one selector are two."""


class SilenceBook:
    """What is noted of silences already. The history's thread owns it."""

    def __init__(self, noted: Mapping[Key, int]) -> None:
        """`noted`: when each ends that is noted to have begun, Unix milliseconds; 0: its end is noted too."""
        self._noted = dict(noted)

    def news(self, found: Iterable[Silence], now: int) -> list[NoteRow]:
        """Return what is new; `now` in Unix milliseconds."""
        there = {(one.selector, one.since): one for one in found}
        rows = [*self._begun(there), *self._ended(there, now)]
        self._noted = {key: until for key, until in self._noted.items() if until or key in there}
        return rows

    def _begun(self, there: Mapping[Key, Silence]) -> Iterator[NoteRow]:
        for key, one in there.items():
            if key not in self._noted:
                self._noted[key] = one.until
                until = one.meant_until or one.until
                yield NoteRow(one.since, Deed.SILENCED, one.who, one.selector, one.since, until, one.reason)

    def _ended(self, there: Mapping[Key, Silence], now: int) -> Iterator[NoteRow]:
        for key, until in self._noted.items():
            one = there.get(key)
            at = min(one.until if one else now, until)
            if until and at <= now:
                self._noted[key] = 0
                yield NoteRow(at, Deed.SILENCE_ENDED, one.ended_by if one else "", key[0], key[1])
