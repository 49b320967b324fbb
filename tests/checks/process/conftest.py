"""Programs that run under any name, and a folder that looks like /proc."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.checks.process.processes import FakeProc, Start, wait_for_exec


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start programs, by default a copy of sleep under any name; they end with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(name: str | bytes = "victim", *arguments: str | bytes, **options: Any) -> subprocess.Popen[bytes]:
        program = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), os.fsencode(name))))  # noqa: PTH118 - bytes
        if not program.exists():
            shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
        process: subprocess.Popen[bytes] = subprocess.Popen([program, "600", *arguments], **options)
        started.append(process)
        wait_for_exec(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def fake_proc(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path)
