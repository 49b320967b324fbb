"""What a script prints, and which exit code is no verdict."""

from __future__ import annotations

import pytest

from agent.api import Status
from tests.checks.script.programs import py, sh

pytestmark = pytest.mark.usefixtures("nothing_stays_behind")


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


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        ("[eval]:1\nnull.x\n     ^\n\nTypeError: disk\n    at [eval]:1:6\n\nNode.js v20.20.2", "TypeError: disk"),
        ("Error: disk\n    at y (z:1) {\n  code: 'X',\n  stack: []\n}\n\nNode.js v20.20.2", "Error: disk"),
        ("panic: disk\n\ngoroutine 1 [running]:\nmain.main()\n\t/x.go:3 +0x1d\nexit status 2", "panic: disk"),
        (
            "PHP Fatal error:  disk in /x.php:2\nStack trace:\n#0 {main}\n  thrown in",
            "PHP Fatal error:  disk in /x.php:2",
        ),
        ("lua: x.lua:1: disk\nstack traceback:\n\t[C]: in ?", "lua: x.lua:1: disk"),
        ("Can't locate X.pm at -e line 1.\nBEGIN failed--compilation at -e line 1.", "Can't locate X.pm at -e line 1."),
        (
            "Error: Cannot find module 'x'\nRequire stack:\n- /x.js\n    at y (z:1)\n\nNode.js v20.20.2",
            "Error: Cannot find module 'x'",
        ),
        ("Can't locate X.pm in @INC (a b).\nBEGIN failed--compilation aborted.", "Can't locate X.pm in @INC (a b)."),
        ("mawk: line 2: missing } near end of file", "mawk: line 2: missing } near end of file"),
        ("Exception in thread x\n\tat X.main(X.java:3)\nCaused by: disk\n\t... 3 more", "Caused by: disk"),
    ],
)
def test_the_line_with_the_reason_is_told_of_a_crash_report(report: str, reason: str) -> None:
    assert sh('printf "%s" "$TEXT" >&2; exit 1', env={"TEXT": report}).summary == f"it died: {reason}"


@pytest.mark.parametrize(
    "complaint",
    [
        "sudo: a password is required",
        "sudo: a terminal is required to read the password; either use the -S option\nsudo: a password is required",
        'sudo: The "no new privileges" flag is set, which prevents sudo from running as root.',
        "nagios is not in the sudoers file.  This incident will be reported.",
        "Sorry, user nagios is not allowed to execute '/x' as root on web-1.",
        "doas: Operation not permitted",
        "Password: su: Authentication failure",
        "runuser: may not be used by non-root users",
        "setpriv: failed to parse reuid: 'nope'",
        "nsenter: cannot open /proc/999/ns/net: No such file or directory",
        "Error: Unable to access jarfile /opt/check.jar",
        "/usr/bin/python3: No module named check_disk",
        "/usr/bin/python3: Error while finding module specification for 'a.b' (ModuleNotFoundError: ...)",
        "Unrecognized VM option 'X'\nError: Could not create the Java Virtual Machine.\nError: A fatal exception",
        "ruby: No such file or directory -- /opt/check.rb (LoadError)",
        "lua5.4: cannot open /opt/check.lua",
        "choom: failed to set score adjust value: Invalid argument",
        "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: x",
        "Failed to start transient service unit: Interactive authentication required.",
        'couldn\'t read file "/opt/check.tcl": no such file or directory',
    ],
)
@pytest.mark.parametrize("code", [1, 2])
def test_a_program_that_its_launcher_did_not_start_has_no_verdict(complaint: str, code: int) -> None:
    env = {"TEXT": complaint, "CODE": str(code)}
    result = sh('printf "%s" "$TEXT" >&2; exit $CODE', env=env)
    assert (result.status, result.summary) == (Status.NODATA, f"it was not started: {complaint.splitlines()[0]}")
    assert sh('echo "disk is gone"; printf "%s" "$TEXT" >&2; exit $CODE', env=env).summary == "disk is gone"


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("Error occurred during initialization of VM\nToo small heap", "Error occurred during initialization of VM"),
        (
            "OpenJDK 64-Bit Server VM warning: x\n#\n# There is insufficient memory for the Java Runtime Environment",
            "",
        ),
        ("Could not open input file: /opt/check.php", ""),
    ],
)
def test_a_launcher_that_says_so_where_output_stands_gives_no_verdict(output: str, reason: str) -> None:
    result = sh('printf "%s" "$TEXT"; exit 1', env={"TEXT": output})
    last = reason or output.splitlines()[-1]
    assert (result.status, result.summary) == (Status.NODATA, f"it was not started: {last}")
    assert sh('printf "%s" "$TEXT"', env={"TEXT": output}).status is Status.OK
    assert sh('printf "disk is gone\\n%s" "$TEXT"; exit 1', env={"TEXT": output}).status is Status.WARNING


def test_what_sudo_says_beside_a_program_that_it_started_leaves_the_verdict() -> None:
    result = sh('echo "sudo: unable to resolve host web-1: Name or service not known" >&2; exit 2')
    assert result.status is Status.CRITICAL


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
