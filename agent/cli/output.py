"""What every command says the same way."""

from __future__ import annotations

import sys


def fail(message: object) -> int:
    """Say why a command could not do its work; exit code 2, or 3 where 2 would mean critical."""
    print(f"hostvigil: {message}", file=sys.stderr)
    return 2


def counted_word(number: int, word: str) -> str:
    """Say `1 check`, `2 checks`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
