"""No moment to be killed at makes a difference to what the API is told in the end."""

from __future__ import annotations

import subprocess
import sys
import tempfile

from tests.test_model import MEMORY


def test_a_kill_at_any_step_changes_nothing_that_is_told() -> None:
    with tempfile.TemporaryDirectory(prefix="hostvigil-kills-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        command = [sys.executable, "-m", "tests.kill_points", folder]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    points, _, _, events, _ = said[-1].split()
    assert int(points) >= 200
    assert int(events) == 18
