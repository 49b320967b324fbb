"""The bench must not rot: its quick form runs all scenarios, and all programs that are installed, on tiny sizes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.bench.compare import Measured, line, machine
from tests.bench.peers import Peer
from tests.bench.report import Report, page
from tests.bench.work import Work
from tests.host import needs

WORK = Work("script", "script check", 1.5, 10, 5)


def round_of(cpu: float, runs: int = 20, spin: float = 10.0) -> Measured:
    return Measured(cpu, runs, 10.0, 5.0, spin)


def test_the_bench_measures_every_work_by_every_program_and_counts_the_runs(tmp_path: Path) -> None:
    needs.root()
    for name, package in (("nginx", "nginx-light"), ("cc", "gcc"), ("openssl", "openssl")):
        needs.command(name, package)
    needs.file("/proc/self/smaps_rollup")
    file = tmp_path / "bench.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", "--json", file],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = json.loads(file.read_bytes())
    ours = [one["work"].split(",")[0] for one in made["lines"] if one["program"] == "hostvigil"]
    assert ours == ["script check", "script check", "http check", "https check", "process check"]
    assert [one["program"] for one in made["lines"] if not one["runs"]] == []
    assert [one["what"].split(":")[0] for one in made["figures"]] == [
        *["8 mixed checks"] * 3,
        "4 mixed checks, 2 s",
        *["20 http and 5 script checks hang"] * 3,
    ]
    assert all(one["program"].split()[0] in done.stdout for one in made["lines"])
    assert re.search(r"Measured on 2\d\d\d-", done.stdout)


def test_a_program_is_held_against_hostvigil_by_the_median_of_its_rounds() -> None:
    peer = Peer("nagios", ("script",), "/x", lambda program, scene: [program], "4")
    made = line(WORK, peer, [round_of(0.02), round_of(0.04), round_of(0.9)], ours=1.0)
    assert (made.cost, made.least, made.most, made.ratio, made.sound) == (2.0, 1.0, 45.0, 0.5, True)


def test_runs_that_did_not_happen_flatter_nobody() -> None:
    assert not line(WORK, None, [round_of(0.02), round_of(0.02, runs=9)], ours=1.0).sound


def test_the_noise_is_what_the_same_work_varied_by() -> None:
    figures = [round_of(0.02, spin=spin) for spin in (10.0, 12.0, 11.0)]
    assert round(machine(figures).noise, 2) == 0.18
    lines = [line(WORK, None, figures, ours=1.0)]
    assert "18%" in page(Report(lines, [], machine(figures)))
