"""The script check against real processes that behave as badly as processes do."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agent.api import CheckError, Context, Result, Status
from checks.script import Script
from tests.left_behind import nothing_left_behind
from tests.looks import found, script_of

WAIT = 10.0
GRACE = 0.5  # what a busy machine may add; the runner waits a second


def run(*command: str, timeout: float = WAIT, **settings: Any) -> Result:
    (result,) = found(script_of(*command, **settings).run(Context(timeout=timeout)))
    return result


def sh(text: str, timeout: float = WAIT, **settings: Any) -> Result:
    return run("/bin/sh", "-c", text, timeout=timeout, **settings)


def shell(text: str, **settings: Any) -> Result:
    (result,) = found(Script(command=text, shell=True, **settings).run(Context()))  # noqa: S604 - ours
    return result


def py(text: str, timeout: float = WAIT) -> Result:
    return run(sys.executable, "-ISc", text, timeout=timeout)


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.005)


def gone(pid: int) -> bool:
    """A process that is no more, or only a zombie that init has yet to fetch."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (ProcessLookupError, FileNotFoundError):
        return True


@pytest.fixture(autouse=True)
def nothing_stays_behind() -> Iterator[None]:
    with nothing_left_behind():
        yield


def executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


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


# What it prints


def test_any_bytes_survive() -> None:
    assert sh(r"printf 'caf\351 \000\033[31mred\033[0m\r\n'").summary == "caf\ufffd red"
    assert sh(r"printf '\377\376O\000K\000'").summary == "OK"


def test_stderr_shows_only_when_there_is_a_problem() -> None:
    assert sh("echo fine; echo warned >&2").details == ""
    result = sh("echo 'no connection' >&2; exit 2")
    assert (result.summary, result.details) == (
        "no output (exit 2), stderr: no connection",
        "stderr: no connection",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sys; sys.exit(1 / 0)", "it died: ZeroDivisionError: division by zero"),
        ("import nothing_like_this", "it died: ModuleNotFoundError: No module named 'nothing_like_this'"),
        ("def (", "it died: SyntaxError: invalid syntax"),
    ],
)
def test_a_program_that_dies_of_an_exception_is_nodata_whatever_it_exits_with(text: str, said: str) -> None:
    result = py(text)
    assert (result.status, result.summary) == (Status.NODATA, said)


@pytest.mark.parametrize("text", ["set -u; echo $NOTHING", "if true; then", ". /nothing/here"])
def test_so_is_a_shell_script_with_a_bug(text: str) -> None:
    assert sh(text).status is Status.NODATA


@pytest.mark.parametrize(
    "complaint",
    [
        "ls: unrecognized option '--nosuch'\nTry 'ls --help' for more information.",
        "tar: invalid option -- 'Q'",
        "sort: option requires an argument -- 'k'",
        "/bin/sh: 0: -c requires an argument",
        "unknown option --nosuch\nusage: python [option] ...",
        "Illegal option -Q",
    ],
)
@pytest.mark.parametrize("code", [1, 2])
def test_a_program_that_was_called_wrongly_has_no_verdict(complaint: str, code: int) -> None:
    result = py(f"import sys; print({complaint!r}, file=sys.stderr); sys.exit({code})")
    assert (result.status, result.summary) == (
        Status.NODATA,
        f"it was called wrongly: {complaint.splitlines()[0]}",
    )


DEATHS = [
    "Traceback (most recent call last):\n  File 'x', line 1\nOSError: disk",
    "python3: can't open file '/x.py': [Errno 2] No such file or directory",
    "disk is gone at /opt/check.pl line 3.",
    "/opt/x.rb:1:in `<main>': disk (RuntimeError)",
    "Error: disk\n    at Object.<anonymous> (/x.js:1:7)\n    at Module._compile (node:internal:1105:14)",
    'Exception in thread "main" java.lang.RuntimeException: disk\n\tat X.main(X.java:3)',
    "lua: x.lua:1: disk\nstack traceback:\n\t[C]: in function 'error'",
    "panic: disk\n\ngoroutine 1 [running]:\nmain.main()",
    "PHP Fatal error:  Uncaught Exception: disk in /x.php:2",
    "x.sh: 3: Syntax error: end of file unexpected",
    "bash: NOTHING: unbound variable",
    "/bin/sh: 1: Cannot fork",
    "bash: fork: retry: Resource temporarily unavailable",
]


@pytest.mark.parametrize("code", [1, 2])
@pytest.mark.parametrize("death", DEATHS)
def test_every_languages_crash_report_is_known(death: str, code: int) -> None:
    result = sh('printf "%s" "$TEXT" >&2; exit $CODE', env={"TEXT": death, "CODE": str(code)})
    assert (result.status, result.summary[:9]) == (Status.NODATA, "it died: ")
    told = sh('echo "disk is gone"; printf "%s" "$TEXT" >&2; exit $CODE', env={"TEXT": death, "CODE": str(code)})
    assert (told.status, told.summary) == ((Status.WARNING, Status.CRITICAL)[code - 1], "disk is gone")
    mapped = sh('printf "%s" "$TEXT" >&2; exit $CODE', env={"TEXT": death, "CODE": str(code)}, exit_codes={
        str(code): "critical"
    })  # fmt: skip
    assert mapped.status is Status.CRITICAL


def test_silence_means_what_the_setting_says() -> None:
    assert sh("exit 0").summary == "no output (exit 0)"
    for word in ("ok", "warning", "critical", "nodata"):
        assert (sh("exit 0", empty=word).status.value, sh("exit 0", empty=word).summary) == (word, "printed nothing")
        assert sh("echo x", empty=word).status is Status.OK
    assert sh("exit 2", empty="ok").status is Status.CRITICAL


def test_of_a_line_that_is_written_over_the_last_writing_counts() -> None:
    assert sh(r"printf '10%%\r50%%\r100%% done\r\nmore\r\n'").summary == "100% done"
    assert sh(r"printf '10%%\r100%%\r'").summary == "100%"


def test_a_hundred_kilobytes_are_read_and_cut_with_a_note() -> None:
    result = sh("echo start; yes long | head -c 100000; yes err | head -c 300000 >&2; exit 1")
    assert (result.status, result.summary) == (Status.WARNING, "start")
    assert "only the first 64 KiB are kept" in result.details
    assert len(result.details) < 12000


def test_a_huge_single_line_is_bounded() -> None:
    result = sh("head -c 3000000 /dev/zero | tr '\\0' w")
    assert (result.status, len(result.summary)) == (Status.OK, 512)


@pytest.mark.parametrize("to", ["", " >&2"])
def test_a_gigabyte_ends_in_a_kill_at_64_mib(to: str) -> None:
    result = sh(f"echo start{to}; head -c 1000000000 /dev/zero{to}; exit 0")
    assert (result.status, result.summary) == (Status.NODATA, "printed more than 64 MiB (killed)")
    assert "start" in result.details


def test_closing_stdout_early_is_not_the_end() -> None:
    result = sh("echo said; exec >&- 2>&-; sleep 0.15; exit 2")
    assert (result.status, result.summary) == (Status.CRITICAL, "said")


# When it does not end


def test_a_run_that_takes_too_long_is_terminated_and_keeps_what_it_printed() -> None:
    began = time.monotonic()
    result = sh("echo halfway; echo trouble >&2; sleep 60", timeout=0.5)
    assert (result.status, result.summary) == (Status.NODATA, "did not finish within 500ms (killed)")
    assert result.details == "halfway\nstderr: trouble"
    assert 0.4 < time.monotonic() - began < 0.5 + GRACE


def test_a_child_that_ignores_term_is_killed_by_the_deadline() -> None:
    context = Context(timeout=0.5)
    script = script_of("/bin/sh", "-c", "trap '' TERM; echo $$; while :; do sleep 60; done")
    (result,) = found(script.run(context))
    assert result.summary == "did not finish within 500ms (killed)"
    assert time.monotonic() < context.deadline + GRACE


def test_a_child_that_exits_0_after_term_was_too_late_all_the_same() -> None:
    result = sh("trap 'echo cleaned up; exit 0' TERM; sleep 60 & wait", timeout=0.5)
    assert (result.status, result.summary) == (Status.NODATA, "did not finish within 500ms")
    assert result.details == "cleaned up"


def test_a_child_that_stops_itself_is_ended() -> None:
    assert sh("kill -STOP $$; echo never", timeout=0.5).summary == "did not finish within 500ms (killed)"


def test_a_grandchild_that_keeps_stdout_holds_nobody_and_is_killed() -> None:
    began = time.monotonic()
    result = sh("sleep 60 & echo $!")
    assert time.monotonic() - began < 5
    assert (result.status, result.details) == (Status.OK, "(it left processes running in its group: killed)")
    until(lambda: gone(int(result.summary)), "the grandchild's end")


def test_grandchildren_that_ignore_term_are_killed_with_their_group() -> None:
    result = sh("trap '' TERM; (sleep 60; :) & echo $!; sleep 60", timeout=0.5)
    assert result.summary == "did not finish within 500ms (killed)"
    until(lambda: gone(int(result.details)), "the grandchild's end")


def test_a_daemon_with_a_session_of_its_own_is_out_of_reach_but_holds_nobody() -> None:
    began = time.monotonic()
    result = py(
        "import os, time\n"
        "ready, done = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    os.write(1, b'%d' % os.getpid())\n"
        "    os.write(done, b'x')\n"
        "    time.sleep(60)\n"
        "os.read(ready, 1)"
    )
    try:
        assert time.monotonic() - began < 5
        assert result.details == ""
        assert not gone(int(result.summary))
    finally:
        os.kill(int(result.summary), signal.SIGKILL)
    until(lambda: gone(int(result.summary)), "the daemon's end")


def test_an_escaped_daemon_that_prints_for_ever_is_not_listened_to() -> None:
    began = time.monotonic()
    result = py(
        "import os, signal\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
        "    while True: os.write(1, b'x' * 1000)"
    )
    assert time.monotonic() - began < 5
    assert result.status is Status.OK


def test_an_interrupt_from_another_thread_kills_the_group_at_once() -> None:
    context = Context(timeout=60)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            list(found(script_of("/bin/sh", "-c", "trap '' TERM; sleep 60").run(context)))
        except CheckError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: context._interrupts, "the child to run")
    context.interrupt()
    thread.join(WAIT)
    assert not thread.is_alive()
    assert str(errors[0]) == "killed: the agent gave it up"
    assert context._interrupts == []


def test_a_run_given_up_before_its_child_started_kills_it_too() -> None:
    context = Context(timeout=60)
    context.interrupt()
    with pytest.raises(CheckError, match="the agent gave it up"):
        list(found(script_of("/bin/sleep", "60").run(context)))


def test_an_exception_while_reading_reaps_all_the_same() -> None:
    class Broken(Context):
        def interruptible(self, interrupt: Callable[[], None]) -> None:  # type: ignore[override]
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        list(found(script_of("/bin/sh", "-c", "sleep 60 & sleep 60").run(Broken())))


def test_a_hundred_at_once_leak_nothing_and_mix_nothing_up() -> None:
    with ThreadPoolExecutor(100) as pool:
        results = list(pool.map(lambda number: sh(f"echo {number}; exit {number % 4}"), range(100)))
    assert [result.summary for result in results] == [str(number) for number in range(100)]


def test_an_agent_that_ignores_sigchld_says_what_it_lost() -> None:
    old = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert error_of("/bin/true") == "its exit status is lost: SIGCHLD is ignored in the agent"
    finally:
        signal.signal(signal.SIGCHLD, old)


# Where the kernel has no pidfd


def test_without_pidfd_all_goes_the_same_way(without_pidfd: None) -> None:
    assert sh("echo fine | cat; exit 1").summary == "fine"
    assert sh("echo halfway; sleep 60", timeout=0.5).details == "halfway"
    assert sh("sleep 60 & exit 0").details == "(it left processes running in its group: killed)"
    assert sh("echo said; exec >&- 2>&-; sleep 0.1; exit 2").status is Status.CRITICAL


@pytest.fixture
def without_pidfd(monkeypatch: pytest.MonkeyPatch) -> None:
    # The system's own seam: macOS has no such function.
    monkeypatch.delattr(os, "pidfd_open", raising=False)


# When it cannot start


def error_of(*command: str, **settings: Any) -> str:
    with pytest.raises(CheckError) as caught:
        run(*command, **settings)
    return str(caught.value)


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


def test_a_program_that_no_loop_has_taken_over_yet_is_killed_when_the_agent_stops(tmp_path: Path) -> None:
    script = script_of("/bin/sh", "-c", f"trap '' TERM; echo $$ > {tmp_path}/pid; exec sleep 60")
    ctx = Context(timeout=30)
    waits = script.run(ctx)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.01)
    pid = int((tmp_path / "pid").read_text())
    ctx.interrupt()  # nothing has awaited it so far
    until = time.monotonic() + 60
    while not gone(pid):
        assert time.monotonic() < until, "it was left behind"
        time.sleep(0.01)
    with pytest.raises(CheckError, match=r"given up|killed"):
        list(found(waits))
