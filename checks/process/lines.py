"""Command lines, and what patterns have found in them: each is searched once for as long as it stays what it is."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from agent.api import CheckError, Context, Regex

LINE_SECONDS = 0.25
"""For one pattern on one command line; a line that takes longer is not known to fit, and is not searched again."""
ONLOOKERS = {
    "vi",
    "vim",
    "vim.basic",
    "vim.tiny",
    "nvim",
    "view",
    "nano",
    "emacs",
    "ed",
    "less",
    "more",
    "most",
    "tail",
}
ONLOOKERS |= {"head", "cat", "grep", "egrep", "fgrep", "zgrep", "rg", "man", "pgrep", "pkill"}
"""They name in their arguments what they look at, and are something else."""
SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "busybox"}
WRAPPERS = {"su", "sudo", "doas", "runuser", "timeout", "flock", "script", "xargs", "time", "tini", "dumb-init"}


class CommandLine:
    """The arguments of a process. Patterns are bits here, so that many of them on many lines need little memory."""

    __slots__ = ("beyond", "first", "hits", "raw", "searched", "slow", "text", "wraps")

    def __init__(self, raw: bytes) -> None:
        arguments = raw.rstrip(b"\0").decode("utf-8", "surrogateescape").split("\0")
        self.raw = raw
        self.text = " ".join(arguments)
        """The arguments, joined by spaces."""
        self.first = tuple(argument.rpartition("/")[2] for argument in arguments[:3])
        """The last path parts of the first three arguments: the name is among them, behind an interpreter too."""
        self.beyond = len(arguments[0])
        """Where the program's own name ends in the text."""
        self.wraps = _wraps(self.first)
        """Whether it only runs what its arguments name."""
        self.searched = self.hits = self.slow = 0

    @property
    def looks_on(self) -> bool:
        return self.first[0] in ONLOOKERS


def _wraps(first: tuple[str, ...]) -> bool:
    program = first[0].lstrip("-")
    return program in WRAPPERS or (program in SHELLS and len(first) > 1 and first[1][:1] == "-" and "c" in first[1])


class HasLine(Protocol):
    """A process of which the command line may be known."""

    line: CommandLine | None


R = TypeVar("R", bound=HasLine)


class Searches:
    """Knows the bits of patterns. Any thread may ask; one lock guards the bits of all lines."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bits: dict[tuple[str, bool], int] = {}
        self._bits_in_use = 0
        """Bits of patterns that were asked for since `in_use`."""

    def in_use(self) -> int:
        """Return the bits of all patterns that were asked for since this was asked last: those of the checks."""
        with self._lock:
            bits, self._bits_in_use = self._bits_in_use, 0
            return bits

    def bit(self, pattern: Regex, by_words: bool) -> int:
        """Return what stands for a pattern in `hits`, `slow` and `searched` of a line."""
        with self._lock:
            bit = self._bits.setdefault((str(pattern), by_words), 1 << len(self._bits))
            self._bits_in_use |= bit
            return bit

    def search(self, pattern: Regex, rows: Iterable[HasLine], ctx: Context, *, by_words: bool = False) -> int:
        """Search the lines that were not searched yet, and return the pattern's bit: see `hits` and `slow` of a line.

        `by_words`: nothing else is said of the process, so what only looks at such a thing is not one.
        """
        bit = self.bit(pattern, by_words)
        new = [line for row in rows if (line := row.line) is not None and not line.searched & bit]
        if not new:
            return bit
        verdicts = [_verdict(pattern, line, ctx, by_words) for line in new]
        with self._lock:
            for line, (hit, slow) in zip(new, verdicts, strict=True):
                line.hits |= bit * hit
                line.slow |= bit * slow
                line.searched |= bit
        return bit


class ByPattern(Generic[R]):
    """The processes of a scan by what earlier scans found in their command lines. Immutable.

    So a check whose pattern was searched for before does not go through all processes. `bits` are those patterns; the
    lines that are new since, and those that cannot be read, are still to be looked at.
    """

    def __init__(self, rows: Iterable[R], bits: int) -> None:
        self._bits = bits
        self._rows_by_bit: dict[int, list[R]] = {}
        self._open: list[R] = []
        for row in rows:
            line = row.line
            if line is None or line.searched & bits != bits:
                self._open.append(row)
                continue
            remaining = (line.hits | line.slow) & bits
            while remaining:
                bit = remaining & -remaining
                self._rows_by_bit.setdefault(bit, []).append(row)
                remaining ^= bit

    def possible(self, rows: list[R], bit: int) -> list[R]:
        """Return those of all rows that may fit a pattern."""
        return self._rows_by_bit.get(bit, []) + self._open if self._bits & bit else rows


def _verdict(pattern: Regex, line: CommandLine, ctx: Context, by_words: bool) -> tuple[bool, bool]:
    try:
        match = pattern.search(line.text, LINE_SECONDS)
    except CheckError:
        if not ctx.remaining():
            raise
        return False, True
    return match is not None and not (by_words and line.looks_on and match.start() >= line.beyond), False
