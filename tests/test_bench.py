"""The bench must not rot: its quick form runs all scenarios on tiny sizes."""

from __future__ import annotations

import re
import subprocess
import sys

from tests import needs


def test_the_bench_measures_every_scenario_and_counts_its_runs() -> None:
    needs.command("nginx", "nginx-light")
    needs.file("/proc/self/smaps_rollup")
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()[1:]
    measured = [line.split(" checks")[0] for line in lines]
    assert measured == [
        *["8 mixed"] * 3,
        *["5 script"] * 2,
        "5 http",
        "5 process",
        "4 mixed",
        *["20 http and 5 script"] * 3,
    ]
    assert all(re.search(r" [1-9]\d* runs of [45]", line) for line in lines[3:8]), done.stdout
