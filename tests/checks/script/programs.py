"""One run of a script check of a command, a shell's text or a line of Python, and what is left of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from agent.api import CheckError, Context, Result
from checks.script import Script
from tests.checks.looks import found, script_of

WAIT = 10.0


def run(*command: str, timeout: float = WAIT, **settings: Any) -> Result:
    (result,) = found(script_of(*command, **settings).run(Context(timeout=timeout)))
    return result


def sh(text: str, timeout: float = WAIT, **settings: Any) -> Result:
    return run("/bin/sh", "-c", text, timeout=timeout, **settings)


def shell(text: str, **settings: Any) -> Result:
    (result,) = found(Script(command=text, shell=True, **settings).run(Context()))  # noqa: S604 - ours
    return result


def py(text: str, timeout: float = WAIT) -> Result:
    return run(sys.executable, "-ISc", text, timeout=timeout)


def executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def error_of(*command: str, **settings: Any) -> str:
    with pytest.raises(CheckError) as caught:
        run(*command, **settings)
    return str(caught.value)
