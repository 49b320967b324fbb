"""What a script sees of the agent that started it: not its environment, memory or descriptors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.host import needs

ROOT = Path(__file__).parents[3]

AS_GAMES = """
import os, subprocess, sys
from agent.system.process import shut_off
if "shut" in sys.argv:
    shut_off()
print(subprocess.run(["/bin/sh", "-c", '''
    cat /proc/$PPID/environ | tr '\\\\0' '\\\\n' | grep -c SECRET
    head -c 1 /proc/$PPID/mem 2>&1 | grep -c denied
    ls /proc/$PPID/fd >/dev/null 2>&1 && echo listed
    ls /proc/self/fd | wc -l
    ulimit -c unlimited
'''], capture_output=True, text=True, close_fds=False).stdout.split())
import hashlib
from agent.api import Context
from agent.testing import ran
from checks.disk import Disk
from checks.load import Load
from checks.memory import Memory
from checks.process import Process
from checks.script import Script
seal = hashlib.sha256(open("/bin/true", "rb").read()).hexdigest()
scripts = ({"sha256": seal}, {"stdin": "x"}, {"cwd": "/"})
checks = [Script(command=["/bin/true"], **settings) for settings in scripts]
checks += [Disk(path=["/"]), Load(), Memory(), Process(name="python3", min=0)]
for check in checks:
    found = ran(check, timeout=20.0)
    assert all(result.status != "nodata" for result in found.results), (check, found.results, found.bug)
own = os.listdir("/proc/self/fd"), open("/proc/self/stat").read(), open("/proc/self/mountinfo").read()
print(*map(bool, own))
"""


def seen(*options: str) -> tuple[str, str]:
    opened = os.open("/etc/hostname", os.O_RDONLY)
    try:
        done = subprocess.run(
            [
                *(needs.command("setpriv"), "--reuid", "games", "--regid", "games", "--clear-groups"),
                *(sys.executable, "-c", AS_GAMES, *options),
            ],
            capture_output=True,
            text=True,
            cwd=ROOT,
            pass_fds=(opened,),
            env={**os.environ, "SECRET": "hunter2"},
        )
    finally:
        os.close(opened)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    return first, second


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says who may look")
def test_a_script_of_the_agents_user_sees_nothing_of_it() -> None:
    needs.root()
    open_to_all, _ = seen()
    assert open_to_all == "['1', '0', 'listed', '5']", "without it this test would show nothing"
    shut, own = seen("shut")
    assert shut == "['0', '1', '4']"
    assert own == "True True True", "the agent itself sees what it needs"
