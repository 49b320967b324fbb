"""The first hour: no command turns "may not" into "is not"; what is mistyped is understood; pages read well."""

from __future__ import annotations

import argparse
import codecs
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.answers.agents_eyes import unreadable
from agent.cli.answers.mistyped import SYNONYMS, too_much
from agent.cli.answers.readable import readable
from agent.cli.answers.rights import refusal, state_meant
from agent.cli.main import main
from agent.cli.options import COMMANDS, parser
from agent.cli.places import default_state
from agent.config.catalog import Catalog
from agent.config.schema import common_page, type_page, working
from agent.store import Store, StoreError
from tests.examples import examples
from tests.host import needs

NOBODY = 65534
LATE = (
    "agent.cli.import_nrpe",
    "asyncio.events",
    "grp",
    "pwd",
    "agent.cli.check",
    "agent.running.runner",
    "checks.load",
)
"""What a command imports when it needs it: where Python lies in root's home, another user may not."""
GOOD = "checks:\n  disks: {type: load}\n"


def called(*words: str) -> tuple[int, str]:
    """Run a command in this process; return its exit code and all that it prints."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        try:
            code = main(words)
        except SystemExit as end:
            code = int(end.code or 0)
    return code, out.getvalue()


def called_by(user: int, *words: str) -> tuple[int, str]:
    """The same as another user, in a child."""
    for module in LATE:
        import_module(module)
    codecs.lookup("utf-8-sig")
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            if user != os.geteuid():
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            code, text = called(*words)
        except Exception as error:  # noqa: BLE001 - a child of ours must end here
            code, text = 99, f"raised {error!r}"
        os.write(write, f"{code} {text}".encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        code_text, _, text = answer.read().partition(" ")
    os.waitpid(child, 0)
    return int(code_text), text


LESSER = os.geteuid() or NOBODY
"""Who may not what root may."""


def shut(path: Path) -> None:
    """Close it to all but root."""
    path.chmod(0 if os.geteuid() else 0o700)


@pytest.fixture
def closed(open_folder: Path) -> tuple[str, ...]:
    """A server's configuration and state, which only root may read."""
    for name, file in (("conf.d", "a.yaml"), ("state", "hostvigil.db")):
        (open_folder / name).mkdir()
        (open_folder / name / file).write_text(GOOD if name == "conf.d" else "")
        shut(open_folder / name)
    return ("--config", str(open_folder / "conf.d"), "--state", str(open_folder / "state"))


COMMANDS_OF_ALL = [
    ("status",),
    ("events",),
    ("check", "disks"),
    ("explain", "disks"),
    ("validate",),
    ("test-event",),
    ("silence", "x"),
    ("silence",),
    ("unsilence", "x"),
    ("reload",),
    ("new-check", "mine"),
]


@pytest.mark.parametrize("words", COMMANDS_OF_ALL, ids=" ".join)
def test_without_rights_each_command_says_what_it_may_not_and_what_to_do(
    words: Sequence[str], closed: tuple[str, ...]
) -> None:
    code, text = called_by(LESSER, words[0], *closed, *words[1:])
    assert code == (3 if words[0] == "check" else 2)
    assert re.search(r"hostvigil: you may not read /\S+, run it as root: sudo hostvigil " + words[0], text)
    assert len(text.splitlines()) == 1


def test_what_is_above_may_be_what_is_closed(closed: tuple[str, ...], open_folder: Path) -> None:
    (open_folder / "outer/conf.d").mkdir(parents=True)
    shut(open_folder / "outer")
    code, text = called_by(LESSER, "check", "--config", str(open_folder / "outer/conf.d"), "disks")
    assert (code, "you may not read" in text) == (3, True)


def test_a_check_in_a_file_that_may_not_be_read_is_not_said_to_be_missing(
    closed: tuple[str, ...], open_folder: Path
) -> None:
    (open_folder / "conf.d").chmod(0o755)
    shut(open_folder / "conf.d/a.yaml")
    code, text = called_by(LESSER, "check", *closed, "disks")
    assert code == 3
    assert "it may be in what cannot be read: " in text
    assert "a.yaml:1:1: cannot be read: Permission denied" in text
    assert f"run it as root: sudo hostvigil {shlex.join(['check', *closed, 'disks'])}" in text


@pytest.mark.parametrize(
    "words", [("new-check", "mine"), ("import", "nrpe", "nrpe.cfg"), ("metrics", "--output", "x.prom")], ids=" ".join
)
def test_who_may_not_write_is_told_the_whole_command_that_root_may(words: tuple[str, ...], open_folder: Path) -> None:
    folder = open_folder / "conf.d"
    folder.mkdir()
    (folder / "a.yaml").write_text(GOOD)
    nrpe = open_folder / "nrpe.cfg"
    nrpe.write_text("command[check_x]=/bin/true\n")
    folder.chmod(0o755 if os.geteuid() == 0 else 0o500)
    state = open_folder / "state"
    if words[0] == "metrics":
        Store.open(state).close()
        for path in (state, *state.iterdir()):
            path.chmod(0o777)
    places = {"nrpe.cfg": str(nrpe), "x.prom": str(folder / "x.prom")}
    typed = [words[0], "--config", str(folder), "--state", str(state), *(places.get(one, one) for one in words[1:])]
    code, text = called_by(LESSER, *typed)
    assert (code, text.partition("hostvigil: ")[0]) == (2, "")
    assert text.endswith(f"run it as root: sudo hostvigil {shlex.join(typed)}\n")


def test_a_check_in_a_broken_file_is_not_said_to_be_missing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace("load}", "load"))
    code, text = called("check", "--config", str(tmp_path), "disks")
    assert code == 3
    assert "it may be in what cannot be read: " in text
    assert "a.yaml:2:10: the '{' that opens here is not closed" in text


def test_root_and_whoever_may_are_not_stopped(tmp_path: Path) -> None:
    options = argparse.Namespace(command="explain", config=tmp_path, state=tmp_path)
    assert refusal(options, ["explain", "x"]) == ""
    options = argparse.Namespace(command="explain", config=tmp_path / "gone", state=tmp_path / "gone")
    assert refusal(options, ["explain", "x"]) == "", "that is not there, and the command says so"


def test_the_servers_state_is_meant_where_we_have_none_of_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "own"))
    server = tmp_path / "server"
    assert state_meant(default_state(), server) == tmp_path / "own", "no server here"
    server.mkdir()
    assert state_meant(default_state(), server) == server
    assert state_meant(tmp_path / "other", server) == tmp_path / "other", "asked for"
    (tmp_path / "own").mkdir()
    (tmp_path / "own/hostvigil.db").touch()
    assert state_meant(default_state(), server) == tmp_path / "own"


def test_validate_of_root_finds_what_the_agents_user_may_not_read(closed: tuple[str, ...], open_folder: Path) -> None:
    needs.root()
    os.chown(open_folder / "state", NOBODY, NOBODY)
    (open_folder / "conf.d").chmod(0o755)
    good, bad = open_folder / "conf.d/a.yaml", open_folder / "conf.d/b.yaml"
    bad.write_text("agent: {}\n")
    bad.chmod(0o640)
    good.chmod(0o644)
    found = unreadable(
        open_folder / "state", [str(open_folder / "conf.d"), str(good), str(bad), str(open_folder / "gone")]
    )
    assert [path for path, _ in found] == [str(bad)]
    code, text = called("validate", *closed)
    assert code == 1
    assert f"{bad}:1:1: the agent's user nobody may not read it" in text
    bad.chmod(0o644)
    assert called("validate", *closed)[0] == 0
    (open_folder / "conf.d").chmod(0o700)
    assert called("validate", *closed)[0] == 1


# --- words


@pytest.mark.parametrize(
    ("typed", "meant"), [("stauts", "status"), ("relaod", "reload"), ("valdate", "validate"), ("newcheck", "new-check")]
)
def test_a_mistyped_command_is_understood(typed: str, meant: str) -> None:
    assert called(typed) == (2, f"hostvigil: no command {typed!r}, did you mean {meant!r}?\n")


def test_an_unknown_command_leads_to_the_list() -> None:
    assert called("frobnicate") == (2, "hostvigil: no command 'frobnicate', see hostvigil help\n")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *(("start", "hostvigil run"), ("stop", "systemctl stop hostvigil"), ("logs", "journalctl -u hostvigil")),
        *(("LIST", "hostvigil status"), ("configtest", "hostvigil validate"), ("mute", "hostvigil silence")),
    ],
)
def test_a_command_of_another_tool_leads_to_ours(typed: str, meant: str) -> None:
    assert called(typed) == (2, f"hostvigil: no command {typed!r}, write {meant!r}\n")


def test_each_word_of_other_tools_means_one_command_that_there_is() -> None:
    words = [word for theirs in SYNONYMS.values() for word in theirs.split()]
    assert len(words) == len(set(words))
    assert not set(words) & set(COMMANDS)
    ours = [command.split()[1] for command in SYNONYMS if command.startswith("hostvigil ")]
    assert set(ours) <= set(COMMANDS)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("--config", "a", "validate"), "the command comes first: hostvigil validate --config a"),
        (("--verbose",), "a command is missing before --verbose, see hostvigil help"),
        (("validate", "."), "validate takes no '.', write --config ."),
        (("validate", "-c", "x"), "validate takes no '-c', write --config"),
        (("status", "--confg", "x"), "status takes no '--confg', write --config"),
        (("silence", "a", "2h"), "silence takes no '2h', write --for 2h"),
        (("silence", "a", "90", "minutes", "--reason", "x"), "silence takes no '90', write --for 90m"),
        (("explain", "a", "b"), "explain takes no 'b', write one name at a time"),
        (("silence", "a", "b"), "silence takes no 'b', write one selector at a time"),
        (("reload", "now"), "reload takes no 'now', see hostvigil help reload"),
    ],
    ids=str,
)
def test_words_that_a_command_does_not_take_lead_to_what_is_meant(typed: tuple[str, ...], said: str) -> None:
    assert called(*typed) == (2, f"hostvigil: {said}\n")


@pytest.mark.parametrize("option", ["--config", "--state"])
@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"import", "relay"}))
def test_a_variable_that_is_not_set_is_no_folder(command: str, option: str) -> None:
    """Else a command would read and write wherever somebody happens to be."""
    code, text = called(command, option, "")
    assert code == (3 if command == "check" else 2)
    assert f"argument {option}: is empty: is a variable not set?" in text


def test_a_check_that_is_called_wrongly_knows_nothing() -> None:
    assert called("check", "a", "b") == (3, "hostvigil: check takes no 'b', write one name at a time\n")


@given(st.sampled_from(sorted(set(COMMANDS) - {"import"})), st.lists(st.text(max_size=8), min_size=1, max_size=3))
@examples(30)
def test_any_words_that_are_too_much_are_told(command: str, words: list[str]) -> None:
    assert too_much(command, words).startswith(f"{command} takes no ")


def test_a_file_is_told_as_no_directory_and_not_as_forbidden(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(GOOD)
    code, text = called("validate", "--config", str(file), "--state", str(tmp_path))
    assert (code, text) == (1, f"{file}:1:1: is not a directory: name the directory that holds the *.yaml files\n")
    with pytest.raises(StoreError, match=f"^{file} is no directory: name another with --state$"):
        Store.open(file)


def test_a_command_that_no_folder_of_path_has_is_missing_whatever_folder_is_closed(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system says `Permission denied` of the folder that it may not look into."""
    closed, plain = open_folder / "closed", open_folder / "plain"
    closed.mkdir(mode=0)
    plain.mkdir()
    (plain / "data").touch(0o644)
    monkeypatch.setenv("PATH", f"{closed}:{plain}:/usr/bin:/bin")
    for command, code, said in (
        ("no-such-command", 127, "hostvigil: no-such-command: there is no such command"),
        ("data", 126, "hostvigil: data: Permission denied"),
        (f"{closed}/x", 126, f"hostvigil: {closed}/x: Permission denied"),
    ):
        found, text = called_by(LESSER, "wrap", "backup", "--state", str(open_folder), "--", command)
        assert (found, said in text.splitlines()) == (code, True), text


@pytest.mark.parametrize(
    ("word", "status"), [("OK", "ok"), ("Warning", "warning"), ("CRIT", "critical"), ("UNKNOWN", "nodata")]
)
def test_a_report_takes_the_words_of_nagios(word: str, status: str) -> None:
    assert parser().parse_args(["report", "backup", word, "text"]).status == status


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is Linux's")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("check", "disks"), 3),
        (("validate",), 2),
        (("validate", "--json"), 2),
        (("types", "http"), 2),
        (("check", "--help"), 3),
        (("help",), 2),
    ],
)
def test_an_output_that_cannot_be_written_is_neither_a_status_nor_a_bug(
    words: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    command = [sys.executable, "-m", "agent.cli", *words, "--config", str(tmp_path), "--state", str(tmp_path)]
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (
        code,
        "hostvigil: the output cannot be written: no space left on device\n",
    )


@pytest.mark.parametrize("words", [(), ("help",), ("--help",), ("help", "nonsense")], ids=str)
def test_hostvigil_alone_and_help_list_the_commands(words: tuple[str, ...]) -> None:
    code, text = called(*words)
    assert code == 0
    assert all(name in text for name in COMMANDS)


def test_help_of_a_command_and_version() -> None:
    assert called("help", "check") == called("check", "--help")
    assert called("version") == called("--version")
    assert called("version")[0] == 0


def test_a_mistyped_check_is_understood(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    assert "did you mean 'disks'?" in called("check", "--config", str(tmp_path), "dsks")[1]
    assert "that is a subject of a check, write disks" in called("check", "--config", str(tmp_path), "disks:/srv")[1]
    assert "did you mean" not in called("check", "--config", str(tmp_path), "router")[1]


# --- pages


@pytest.mark.parametrize("width", [60, 80, 200])
def test_every_page_reads_well_in_a_terminal(width: int) -> None:
    for name, kind in working(Catalog()).items():
        page = type_page(name, kind)
        text = readable(page, width)
        assert text.startswith(f"type: {name}\n=====")
        assert "```" not in text
        assert "|---|" not in text
        for row in re.findall(r"(?m)^\| `([a-z_.0-9]+)` \|", page):
            assert re.search(rf"(?m)^  {re.escape(row)}  \(", text), f"{name}: {row}"
    assert "  interval  (a time span, default 1m)\n      Time from run to run" in readable(common_page(), width)


def test_prose_is_wrapped_and_code_is_not() -> None:
    page = "### `type: a`\n\n" + "word " * 30 + "\n\n```yaml\n  key: " + "x" * 90 + "\n```\n\n- item " + "word " * 20
    lines = readable(page, 40).splitlines()
    assert all(len(line) <= 40 for line in lines if "xxx" not in line)
    assert "      key: " + "x" * 90 in lines


@pytest.mark.parametrize(
    ("words", "unbuffered"),
    [
        *((words, "") for words in (("types",), ("schema",), ("help",), ("check", "--help"), ("--version",))),
        *((words, "1") for words in (("types",), ("help",))),
    ],
)
def test_a_reader_that_goes_away_early_is_no_error(words: tuple[str, ...], unbuffered: str) -> None:
    command = [sys.executable, "-m", "agent.cli", *words]
    environ = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("words", "code"), [(("check", "--config"), 3), (("status", "--config"), 2), (("stauts",), 2), (("events", "x"), 2)]
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_called_wrongly_it_fails_also_where_nobody_reads_why(
    words: tuple[str, ...], code: int, unbuffered: str
) -> None:
    read, write = os.pipe()
    os.close(read)
    command, environ = [sys.executable, "-m", "agent.cli", *words], os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=write, timeout=60, env=environ)
    os.close(write)
    assert (done.returncode, done.stdout) == (code, b"")


@pytest.mark.parametrize("closed_ones", [(1,), (2,), (1, 2), (0, 1, 2)], ids=str)
def test_a_command_whose_output_is_closed_does_its_work_and_writes_it_nowhere(
    closed_ones: tuple[int, ...], tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text("checks: {a: {type: load}}\n")
    shell = "exec " + " ".join(f"{number}{'<' if number == 0 else '>'}&-" for number in closed_ones)
    words = f'{shell}; "$0" -m agent.cli check a --config "$1" --state "$1"'
    done = subprocess.run(["sh", "-c", words, sys.executable, str(tmp_path)], capture_output=True, timeout=60)
    assert done.returncode in (0, 1, 2), done.stderr
    assert b"Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("silence", "--for", "1h"), "which checks? write for example: hostvigil silence 'web-*' --for 1h"),
        (("silence", "--reason", "x"), "which checks?"),
        (("unsilence", "disks"), "0 silences ended: none is written 'disks', nothing is silenced"),
        (("check", "hostvigil"), "the check hostvigil is the agent's own"),
        (("events", "--limit", "0"), "'0' is no number from 1 on"),
        (("events", "retry"), "there was no such refused event: no event is refused"),
        (("events", "retry", "abc"), "there was no such refused event: none with the id abc"),
        (("metrics", "--output", "/nowhere/x.prom"), "hostvigil: /nowhere/x.prom: No such file or directory"),
        (("metrics", "--output", "/usr"), "hostvigil: /usr: is a directory, name a file in it"),
        (("report", "backup", "critical", "x" * 100_000), ""),
        (("report", "backup", "critical", os.fsdecode(b"\xff")), ""),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_what_cannot_be_meant_is_not_answered_as_if_it_could(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "state").mkdir()
    (tmp_path / "state/spool").mkdir()
    Store.open(tmp_path / "state").close()
    code, text = called(words[0], "--config", str(tmp_path), "--state", str(tmp_path / "state"), *words[1:])
    assert said in text
    assert (code == 0) == (not said)
