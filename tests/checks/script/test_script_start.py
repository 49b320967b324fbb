"""A script that cannot be started says why, and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.api import Status
from tests.checks.script.programs import error_of, executable, run, shell

pytestmark = pytest.mark.usefixtures("nothing_stays_behind")


# When it cannot start


def test_a_program_that_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    missing = str(tmp_path / "check_x")
    assert error_of(missing) == f"cannot start {missing}: no such file"
    assert error_of(f"{missing}/y") == f"cannot start {missing}/y: no such file"
    assert error_of("check_nowhere", env={"PATH": "/bin"}) == (
        "cannot start check_nowhere: not found in PATH (/bin), write its full path"
    )


def test_a_file_that_is_no_program_is_named_with_the_reason(tmp_path: Path) -> None:
    assert error_of(str(tmp_path)) == f"cannot start {tmp_path}: it is a folder"
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    plain.chmod(0o644)
    assert error_of(str(plain)).startswith(f"cannot start {plain}: not executable for the agent's user (chmod +x")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert error_of(str(fifo)) == f"cannot start {fifo}: not a regular file"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"\xef\xbb\xbf#!/bin/sh\necho OK\n", "a byte order mark stands before its #!: sed -i '1s/"),
        ("#!/bin/sh\necho OK\n".encode("utf-16"), "it is written in UTF-16: save it as UTF-8"),
        (b"\n #!/bin/sh\necho OK\n", "its #! must be the very first of it: remove what stands before"),
        (b"#!/" + b"a" * 300 + b"\n", "its first line is too long for the system"),
        (b"#!/bin/sh\r", r"its first line ends in CR, so that a carriage return belongs to it (/bin/sh\r)"),
        (b"#!/bin/sh\recho OK\r", r"its first line ends in CR, so that a carriage return belongs to it (/bin/sh\r)"),
        (b"\x7fELF" + b"\0" * 100, "not a program for this machine, or a script without #! in its first line"),
    ],
)
def test_what_keeps_a_program_from_being_one_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    program = tmp_path / "program"
    program.write_bytes(content)
    program.chmod(0o755)
    assert said in error_of(str(program))


def test_a_nul_in_the_first_line_of_a_script_is_where_the_system_ends_to_read(tmp_path: Path) -> None:
    program = executable(tmp_path / "nul", "#!/bin/sh\0 -x\nexit 2\n")
    assert run(str(program)).status is Status.CRITICAL


def test_a_broken_script_head_is_told(tmp_path: Path) -> None:
    lost = executable(tmp_path / "lost", "#!/opt/python9\n")
    assert error_of(str(lost)) == f"cannot start {lost}: its interpreter is missing (#!/opt/python9)"
    dos = executable(tmp_path / "dos", "#!/bin/sh\r\nexit 0\r\n")
    assert r"its first line ends in CR LF, so that a carriage return belongs to it (/bin/sh\r)" in error_of(str(dos))
    # Here the kernel finds a program, which then stumbles.
    for head in ("/bin/sh -e", "/usr/bin/env bash"):
        executable(dos, f"#!{head}\r\nexit 0\r\n")
        assert f"its first line ends in CR LF, so that a carriage return belongs to it ({head}\\r)" in error_of(
            str(dos)
        )
    headless = executable(tmp_path / "headless", "echo hello\n")
    assert error_of(str(headless)).endswith("or a script without #! in its first line")
    refused = executable(tmp_path / "refused", "#!/etc/passwd\n")
    assert "its interpreter is not executable: #!/etc/passwd" in error_of(str(refused))


def test_a_program_in_a_closed_folder_is_told(tmp_path: Path) -> None:
    program = executable(tmp_path / "check", "#!/bin/sh\n")
    tmp_path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # root enters every folder
    try:
        told = error_of(str(program))
    finally:
        os.seteuid(user)
        tmp_path.chmod(0o700)
    assert told == f"cannot start {program}: a folder above it may not be entered by the agent's user"


def test_a_program_need_not_be_readable_to_be_started(tmp_path: Path) -> None:
    program = tmp_path / "true"
    program.write_bytes(Path("/bin/true").resolve().read_bytes())
    program.chmod(0o111)
    assert run(str(program)).status is Status.OK


def test_arguments_beyond_the_systems_limit_are_told() -> None:
    assert error_of("/bin/echo", "x" * 3_000_000).endswith("command and environment are too long for the system")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    missing = str(tmp_path / "no")
    assert error_of("/bin/true", cwd=missing) == f"cannot start in {missing}: no such folder (setting `cwd`)"


def test_a_command_that_the_shell_does_not_find_is_nodata_not_critical() -> None:
    result = shell("check_nowhere -w 5")
    assert result.status is Status.NODATA
    assert result.summary == "command or shared library not found (exit 127)"
    assert "check_nowhere" in result.details
