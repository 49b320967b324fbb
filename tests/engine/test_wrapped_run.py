"""Whether a run that pushes its end still goes on: its process is asked, and never touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.engine import dead_mans_switch as room
from agent.engine.dead_mans_switch import process_is_there


@pytest.mark.parametrize(
    ("error", "command", "there"),
    [
        (None, b"python\0-m\0hostvigil\0wrap\0backup", True),
        (None, b"sleep\0100", False),
        (ProcessLookupError(), b"", False),
        (PermissionError(), b"", True),
    ],
)
def test_a_run_goes_on_while_its_process_is_a_wrap(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: OSError | None, command: bytes, there: bool
) -> None:
    signals: list[tuple[int, int]] = []

    def kill(pid: int, number: int) -> None:
        signals.append((pid, number))
        if error:
            raise error

    (tmp_path / "cmdline").write_bytes(command)
    monkeypatch.setattr(os, "kill", kill)
    monkeypatch.setattr(room, "Path", lambda path: tmp_path / path.removeprefix("/proc/7/"))
    assert process_is_there(7) is there
    assert signals == [(7, 0)], "asked, and not ended"


def test_without_proc_a_process_that_is_there_is_taken_for_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "kill", lambda pid, number: None)
    monkeypatch.setattr(room, "Path", lambda path: Path("/nowhere/at/all"))
    assert process_is_there(7)
