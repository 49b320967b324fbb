"""The subjects that a script speaks of: it finds them by itself, and nobody has named them in the settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2s

import msgspec

from agent.api import Context, Result
from checks._lasting import find_missing


class Subjects:
    """Marks the results of one run, and says at its end who is missing."""

    def __init__(self, command: object) -> None:
        # Only a checksum is remembered: a command may hold a secret.
        self._choice = blake2s(repr(command).encode(errors="replace"), digest_size=8).hexdigest()
        self._names: set[str] = set()

    def mark(self, result: Result) -> Result:
        if not result.subject:
            return result
        self._names.add(result.subject)
        return msgspec.structs.replace(result, discovered=True)

    def missing(self, ctx: Context) -> Iterator[Result]:
        """Yield who lasted and is gone; to be asked only after a run that came to its end."""
        return find_missing(ctx.memory, self._names, self._choice, ctx.now())


def mark_subjects(results: Iterable[Result], command: object, ctx: Context) -> Iterator[Result]:
    """Yield the results as those of subjects that were found, and then who is missing."""
    subjects = Subjects(command)
    yield from map(subjects.mark, results)
    yield from subjects.missing(ctx)
