"""What every command says the same way."""

from __future__ import annotations

import sys


def fail(message: object) -> int:
    """Say why a command could not do its work; exit code 2, or 3 where 2 would mean critical."""
    print(f"hostvigil: {_in_words(message)}", file=sys.stderr)
    return 2


def _in_words(message: object) -> object:
    if not isinstance(message, OSError) or not message.strerror:
        return message
    who = ": run it as root or as the agent's user" if isinstance(message, PermissionError) else ""
    return f"{message.filename}: {message.strerror}{who}" if message.filename else f"{message.strerror}{who}"


def counted_word(number: int, word: str, many: str = "") -> str:
    """Say `1 check`, `2 checks`; `many` where the plural is another word."""
    return f"{number} {word}" if number == 1 else f"{number} {many or word + 's'}"
