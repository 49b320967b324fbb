"""What a script gets as input, and the limits that hold for it and for all that it starts."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agent.api import CheckError, Context, Duration, Size, Status
from checks.script.limits import Limits
from tests.checks.looks import found, script_of
from tests.checks.script.with_rights import error_of, executable, lines, run, sh

pytestmark = pytest.mark.usefixtures("nothing_stays_behind")


# Input


def test_the_text_of_stdin_is_read_to_its_end() -> None:
    assert lines(run("/bin/cat", stdin="hello\nyou")) == ["hello", "you"]
    assert run("/usr/bin/wc", "-c", stdin="ü" * 500_000).summary == "1000000"


def test_a_program_that_does_not_read_its_input_holds_nobody() -> None:
    assert run("/bin/echo", "done", stdin="x" * 500_000).summary == "done"


# Limits


def test_limits_hold_for_the_program_and_what_it_starts() -> None:
    limits = Limits(
        memory=Size(300 * 1024**2), cpu=Duration(7.0), processes=4000, file_size=Size(1024**2), open_files=50
    )
    text = "import resource as r; print(*(r.getrlimit(getattr(r, 'RLIMIT_' + n)) for n in "
    text += "('AS', 'CPU', 'NPROC', 'FSIZE', 'NOFILE')))"
    wanted = f"{(300 * 1024**2,) * 2} (7, 8) (4000, 4000) {(1024**2,) * 2} (50, 50)"
    assert sh(f'{sys.executable} -ISc "{text}"', limits=limits).summary == wanted


def test_a_program_beyond_its_processor_time_is_killed_by_the_kernel() -> None:
    result = sh("while :; do :; done", limits=Limits(cpu=Duration(1.0)))
    assert (result.status, result.summary) == (Status.NODATA, "killed by SIGXCPU")


def test_a_program_beyond_its_memory_fails_by_itself() -> None:
    result = run(sys.executable, "-ISc", "x = bytearray(10**9)", limits=Limits(memory=Size(200 * 1024**2)))
    assert "MemoryError" in result.details


def test_a_program_that_writes_too_large_a_file_is_killed(tmp_path: Path) -> None:
    result = sh(f"exec head -c 5000 /dev/zero >{tmp_path}/big", limits=Limits(file_size=Size(1000)))
    assert result.summary == "killed by SIGXFSZ"
    assert (tmp_path / "big").stat().st_size == 1000


def test_a_limit_above_the_agents_own_leaves_the_agents_own() -> None:
    assert sh("ulimit -n", limits=Limits(open_files=10**7)).summary.isdigit()


def test_nice_and_umask_reach_the_program() -> None:
    assert lines(sh("nice; umask", nice=7, umask="027")) == [str(os.nice(0) + 7), "0027"]


def test_behind_the_stage_everything_else_is_as_without_it(tmp_path: Path) -> None:
    text = (
        "env | grep -Ev '^(_|OLDPWD)='; ls /proc/self/fd | wc -l; cat; pwd; grep -E '^Sig(Blk|Ign)' /proc/self/status"
    )
    for lang in ("C", "POSIX", "C.UTF-8"):
        settings: dict[str, Any] = {"cwd": str(tmp_path), "env": {"LANG": lang, "X": "é"}, "stdin": "in"}
        assert sorted(lines(sh(text, nice=1, **settings))) == sorted(lines(sh(text, **settings)))
    assert run("./here", cwd=str(executable(tmp_path / "here", "#!/bin/sh\nexit 2").parent), nice=1).summary == (
        "no output (exit 2)"
    )
    assert sh("yes | head -n 1; kill -PIPE $$", nice=1).summary == "killed by SIGPIPE: y"
    assert sh("sleep 60 & exit 0", nice=1).details == "(it left processes running in its group: killed)"
    assert sh("sleep 60", timeout=0.5, nice=1).summary == "did not finish within 500ms (killed)"


def test_what_cannot_be_started_behind_the_stage_says_why(tmp_path: Path) -> None:
    lost = executable(tmp_path / "lost", "#!/opt/python9\n")
    assert error_of(str(lost), nice=1) == f"cannot start {lost}: its interpreter is missing (#!/opt/python9)"
    headless = executable(tmp_path / "headless", "echo hello\n")
    assert error_of(str(headless), nice=1).endswith("or a script without #! in its first line")


# Abuse


def test_a_fork_bomb_is_bounded_and_nothing_of_it_stays(folder: Path) -> None:
    # A shell that cannot fork ends at once and says so; another has its time: which it is, is a matter of luck.
    text = "bomb() { bomb | bomb & wait; }; bomb; sleep 60"
    result = sh(text, timeout=1.0, user="daemon", limits=Limits(processes=40))
    assert result.status is Status.NODATA
    deadline = time.monotonic() + 60
    while [pid for pid in os.listdir("/proc") if pid.isdigit() and _runs(pid, text)]:  # noqa: PTH208 - names
        assert time.monotonic() < deadline, "some of it still runs"


def _runs(pid: str, text: str) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return text.encode() in Path(f"/proc/{pid}/cmdline").read_bytes() and stat not in "ZX"
    except OSError:
        return False


def test_the_stage_is_ended_like_any_child() -> None:
    context = Context(timeout=60)
    context.interrupt()
    with pytest.raises(CheckError, match="the agent gave it up"):
        list(found(script_of("/bin/sleep", "60", nice=1).run(context)))


def test_closed_output_behind_the_stage_is_a_death_by_sigpipe_like_everywhere() -> None:
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN
    assert sh("yes | head -n1 >/dev/null; echo ${?}", nice=1).summary == "0"
