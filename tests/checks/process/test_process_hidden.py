"""Behind hidepid: what the agent may not see is not zero."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.host import needs

HIDDEN_SCRIPT = """
import os, subprocess, sys
sys.path.insert(0, {root!r})
from tests.host.kernel import mount
from pathlib import Path
from agent.api import NumberAbove
from tests.checks.process.processes import look, wait_for, wait_for_exec

def seen(hidepid, privileged):
    mount("proc", Path("/proc"), "proc", options=f"hidepid={{hidepid}}")
    if privileged:
        return [look(name="sleep").status]
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
    mine = subprocess.Popen(["sleep", "600"], cwd="/")
    wait_for(lambda: look(user="65534", name="sleep").status == "ok")
    zombies = {{"zombies_warning": NumberAbove.parse(1)}}
    asked = ({{"name": "nginx"}}, {{"name": "sleep", "max": 5}}, {{"name": "sleep"}}, zombies)
    found = [*(look(**settings).status for settings in asked), look(user="65534", name="nginx").status]
    summary = look(name="nginx").summary
    mine.kill()
    mine.wait()
    return [*found, summary]

mount("proc", Path("/proc"), "proc")
other = subprocess.Popen(["sleep", "600"])
wait_for_exec(other)
for case in {cases}:
    child = os.fork()
    if not child:
        print(*seen(*case), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


HIDDEN = {
    (0, False): "critical ok ok ok critical",
    (1, False): "nodata nodata ok nodata critical",
    (2, False): "nodata nodata ok nodata critical",
    (2, True): "ok",
}
"""hidepid and whether root looks: what is seen. In one Python, for it imports all this test does."""


def test_behind_hidepid_what_is_not_seen_is_not_zero() -> None:
    needs.root()
    script = HIDDEN_SCRIPT.format(root=str(Path(__file__).parents[3]), cases=list(HIDDEN))
    # A pid namespace of its own: before Linux 5.8 all /proc of one namespace share their options.
    answer = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = answer.stdout.splitlines()
    assert len(lines) == len(HIDDEN), answer.stdout + answer.stderr
    for line, (case, says) in zip(lines, HIDDEN.items(), strict=True):
        assert line.startswith(says), (case, line)
        assert ("hidepid" in line) == ("nodata" in says), (case, line)
