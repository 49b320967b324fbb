"""A pinned script runs only with the content that is pinned."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from agent.api import Status
from tests.checks.script.with_rights import OTHER, error_of, executable, run

pytestmark = pytest.mark.usefixtures("nothing_stays_behind")


# The pin


def pin(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_pinned_script_or_program_runs_with_its_arguments(tmp_path: Path) -> None:
    script = executable(tmp_path / "check", '#!/bin/sh\necho "$1"; exit 1\n')
    for settings in ({}, {"cwd": str(tmp_path)}, {"nice": 1}, {"stdin": "x"}):
        result = run(str(script), "a b", sha256=pin(script), **settings)
        assert (result.status, result.summary) == (Status.WARNING, "a b")
    binary = Path("/bin/echo").resolve()
    assert run("/bin/echo", "hello", sha256=pin(binary).upper()).summary == "hello"


def test_the_script_of_an_interpreter_is_what_is_pinned(tmp_path: Path) -> None:
    script = tmp_path / "check.py"
    script.write_text("import sys; print(sys.argv[1])")
    assert run(sys.executable, "-I", str(script), "seen", sha256=pin(script)).summary == "seen"
    assert run("/bin/sh", "./x.sh", cwd=str(executable(tmp_path / "x.sh", "echo in").parent), sha256=pin(
        tmp_path / "x.sh"
    )).summary == "in"  # fmt: skip


def test_a_pinned_script_runs_as_another_user(folder: Path) -> None:
    script = executable(folder / "check", "#!/bin/sh\nid -u\n")
    assert run(str(script), user="nobody", sha256=pin(script)).summary == str(OTHER)


def test_another_content_is_refused_and_not_run(tmp_path: Path) -> None:
    script = executable(tmp_path / "check", "#!/bin/sh\n")
    wanted = pin(script)
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/run\n")
    told = error_of(str(script), sha256=wanted)
    assert told.startswith(f"refused to run {script}: its sha256 is {pin(script)}, not the one that is set")
    assert not (tmp_path / "run").exists()


def test_a_script_exchanged_after_the_look_at_it_does_not_run(tmp_path: Path) -> None:
    # The script exchanges itself before its interpreter has read on: what runs is the sealed copy all the same.
    script = executable(
        tmp_path / "check", f"#!/bin/sh\necho 'echo evil' >{tmp_path}/check\n{'#' * 100_000}\necho good\n"
    )
    assert run(str(script), sha256=pin(script)).summary == "good"
    copy = executable(tmp_path / "copy", '#!/bin/sh\necho evil >>"$0" || echo sealed\n')
    assert "sealed" in run(str(copy), sha256=pin(copy)).summary
