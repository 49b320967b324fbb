"""The pin: what runs is what was hashed, byte for byte."""

from __future__ import annotations

import hashlib
import os

from agent.api import CheckError, size_text
from checks.script.memory_file import memory_file
from checks.script.program import open_to_read, why_not_started

MOST_BYTES = 64 * 1024 * 1024


def open_pinned(file: str, sha256: str) -> int:
    """Return the descriptor of a sealed copy of the file; CheckError when its content is not the pinned one.

    The copy is what runs: a file that is exchanged between the look at it and its start changes nothing.
    """
    try:
        with os.fdopen(open_to_read(file), "rb") as program:
            content = program.read(MOST_BYTES + 1)
    except OSError as error:
        raise CheckError(f"cannot compare {file} with its sha256: {os.strerror(error.errno or 0)}") from error
    if len(content) > MOST_BYTES:
        raise CheckError(f"cannot compare {file} with its sha256: larger than {size_text(MOST_BYTES)}")
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256.lower():
        raise CheckError(
            f"refused to run {file}: its sha256 is {digest}, not the one that is set: somebody changed it; "
            "when that is right, write the new one (sha256sum prints it)"
        )
    try:
        return memory_file("pinned", content)
    except OSError as error:
        raise CheckError(why_not_started(file, error)) from error
