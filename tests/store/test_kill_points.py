"""No moment to be killed at makes a difference to what the API is told in the end."""

from __future__ import annotations

import subprocess
import sys
import tempfile

import pytest

from tests.engine.step_by_step import MEMORY


@pytest.mark.parametrize(
    ("scenario", "every", "at_least", "told"),
    # A prime number of steps: it is in step with nothing that repeats. `make torture` takes each.
    [("checks", 11, 18, 18), ("destinations", 23, 21, 29)],
)
def test_a_kill_at_any_step_changes_nothing_that_is_told(scenario: str, every: int, at_least: int, told: int) -> None:
    with tempfile.TemporaryDirectory(prefix="hostvigil-kills-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        command = [sys.executable, "-m", "tests.torture.kill_points", folder, scenario, str(every)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    points, _, _, events, _ = said[-1].split()
    assert int(points) >= at_least
    assert int(events) == told
