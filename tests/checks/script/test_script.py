"""What a script is told: arguments, environment, signals and folder; and what the settings may say."""

from __future__ import annotations

import os
import shlex
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agent.api import Status
from checks.script import Script
from tests.checks.script.programs import executable, run, sh, shell

pytestmark = pytest.mark.usefixtures("nothing_stays_behind")


# What it is told


def test_a_plugin_gives_status_text_details_and_metrics() -> None:
    result = sh("echo 'DISK WARNING - 81% used | used=81%;80;90'; echo more; exit 1")
    assert (result.status, result.summary, result.details) == (Status.WARNING, "DISK WARNING - 81% used", "more")
    assert (result.metrics[0].name, result.metrics[0].value, result.metrics[0].warning) == ("used", 81, "80")


def test_every_exit_code_is_read_as_it_is() -> None:
    wanted = {0: Status.OK, 1: Status.WARNING, 2: Status.CRITICAL}
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda code: sh(f"exit {code}"), range(256)))
    for code, result in enumerate(results):
        assert result.status is wanted.get(code, Status.NODATA)
        assert str(code) in result.summary


def test_death_by_every_signal_is_nodata_and_names_it() -> None:
    for number in sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}):
        if number in (signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH, signal.SIGTSTP, signal.SIGTTIN):
            continue  # these do not end a process
        if number == signal.SIGTTOU:
            continue
        result = sh(f"ulimit -c 0; kill -{int(number)} $$")
        name = number.name if isinstance(number, signal.Signals) else f"signal {number}"
        assert (result.status, result.summary) == (Status.NODATA, f"killed by {name}")
    assert sh("kill -KILL $$").summary == "killed by SIGKILL"


def test_arguments_reach_the_program_unchanged() -> None:
    words = ["a b", "$HOME", "*", "", "'", '"', "ü", "--"]
    assert run("/bin/sh", "-c", 'printf "%s;" "$@"', "sh", *words).summary == ";".join(words) + ";"


def test_a_shell_is_used_only_when_asked_for() -> None:
    result = shell("echo one | tr a-z A-Z; exit 2")
    assert (result.status, result.summary) == (Status.CRITICAL, "ONE")


def test_the_environment_is_clean_and_takes_what_is_set() -> None:
    result = run("/usr/bin/env", env={"PORT": "80", "LANG": "C"})
    names = dict(line.split("=", 1) for line in (result.summary + "\n" + result.details).splitlines())
    assert {name: names[name] for name in ("PORT", "LANG")} == {"PORT": "80", "LANG": "C"}
    assert set(names) == {"PATH", "HOME", "LANG", "PORT"}


def test_the_program_gets_no_input_no_terminal_and_no_descriptor_of_ours() -> None:
    opened = os.open("/dev/null", os.O_RDONLY)
    try:
        assert sh("cat; echo read").summary == "read"
        assert sh("(: </dev/tty) 2>/dev/null || echo none").summary == "none"
        assert str(opened) not in sh("cd /dev/fd && echo *").summary.split()
    finally:
        os.close(opened)


def test_signals_are_as_a_program_expects_them() -> None:
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert sh("yes | head -n 1; kill -HUP $$").summary == "killed by SIGHUP: y"
    finally:
        signal.signal(signal.SIGHUP, old)


def test_blocked_signals_of_the_worker_are_not_handed_down() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    try:
        assert sh("kill -USR1 $$").summary == "killed by SIGUSR1"
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])


def test_it_starts_in_the_folder_that_is_set(tmp_path: Path) -> None:
    folder = tmp_path / "-a folder"
    folder.mkdir()
    executable(folder / "here.sh", "#!/bin/sh\npwd\nexit 1\n")
    for command in (["./here.sh"], ["pwd"]):
        assert run(*command, cwd=str(folder)).summary == str(folder.resolve())
    assert shell('echo "$PWD" "$0"', cwd=str(folder)).summary == f"{folder.resolve()} /bin/sh"


# What the settings may say


@pytest.mark.parametrize(
    ("settings", "setting", "text"),
    [
        ({"command": []}, "command", "is empty"),
        ({"command": [" "]}, "command", "is empty"),
        ({"command": "", "shell": True}, "command", "is empty"),
        ({"command": "check_load -w '1 2'"}, "command", 'write ["check_load", "-w", "1 2"]'),
        ({"command": "check_x '"}, "command", "needs `shell: true`"),
        ({"command": ["a"], "shell": True}, "command", "is one text, not a list"),
        ({"command": ["./check"]}, "command", "relative to nothing"),
        ({"command": ["/bin/echo", "a\0b"]}, "command", "NUL"),
        ({"command": ["x"], "env": {"A=B": "c"}}, "env", "'A=B' cannot be an environment variable"),
        ({"command": ["x"], "env": {"A": "\0"}}, "env", "NUL"),
        ({"command": ["x"], "cwd": "here"}, "cwd", "'here' is not a full path"),
    ],
)
def test_settings_that_cannot_work_are_problems(settings: dict[str, Any], setting: str, text: str) -> None:
    ((name, told),) = Script(**settings).problems()
    assert name == setting
    assert text in told


def test_settings_that_work_are_none() -> None:
    for settings in (
        {"command": ["check_load"]},
        {"command": ["./check"], "cwd": "/opt"},
        {"command": "a | b", "shell": True, "env": {"A": "b"}},
    ):
        assert list(Script(**settings).problems()) == []


def test_a_suggested_list_is_the_command_as_a_shell_would_split_it() -> None:
    command = "/bin/check --text 'two words' \"it's\""
    ((_, told),) = Script(command=command).problems()
    for word in shlex.split(command):
        assert f'"{word}"' in told
