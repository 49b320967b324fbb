"""Runs of a script with other rights, and files that others may change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.api import CheckError, Context, Result
from tests.checks.looks import found, script_of

OTHER = 65534  # nobody


def run(*command: str, timeout: float = 60.0, **settings: Any) -> Result:
    (result,) = found(script_of(*command, **settings).run(Context(timeout=timeout)))
    return result


def sh(text: str, timeout: float = 60.0, **settings: Any) -> Result:
    return run("/bin/sh", "-c", text, timeout=timeout, **settings)


def error_of(*command: str, **settings: Any) -> str:
    with pytest.raises(CheckError) as caught:
        run(*command, **settings)
    return str(caught.value)


def lines(result: Result) -> list[str]:
    return [result.summary, *result.details.splitlines()]


def executable(path: Path, text: str, mode: int = 0o755) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path
