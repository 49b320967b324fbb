"""Words that a command does not take lead to what is meant."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.answers.mistyped import SYNONYMS, too_much
from agent.cli.options import COMMANDS, parser
from agent.store import Store, StoreError
from tests.cli.called import GOOD, LESSER, called, called_by
from tests.examples import examples

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


IDLE = {
    "only: web-1": "",
    "only: web": "agent.destinations.ops.only: 'web' fits no check now, did you mean 'web-1'?",
    "only: 'db-*'": "agent.destinations.ops.only: 'db-*' fits no check now",
    "only: env=test": "agent.destinations.ops.only: 'env=test' fits no check now",
    "only: env=prod": "",
    "only: os=debian": "",
    "only: 'web-1:/mnt'": "",
    "only: hostvigil": "",
}


@pytest.mark.parametrize("only", IDLE)
def test_a_destination_that_would_be_told_of_no_check_is_named(only: str, tmp_path: Path) -> None:
    ops = "agent: {destinations: {ops: {type: webhook, url: 'https://x', " + only + "}}}\n"
    (tmp_path / "a.yaml").write_text(
        f"{ops}checks: {{web-1: {{type: load, tags: {{env: prod}}}}, x: {{type: load}}}}\n"
    )
    code, text = called("validate", "--config", str(tmp_path), "--state", str(tmp_path))
    assert code == 0
    assert text == (f"hostvigil: {IDLE[only]}\n" if IDLE[only] else "") + f"{tmp_path}: 2 checks, no problems\n"


def test_a_window_that_would_hold_no_check_is_named(tmp_path: Path) -> None:
    window = "agent: {maintenance: {select: webb, weekly: 'sun 2:00', duration: 1h}}\n"
    (tmp_path / "a.yaml").write_text(f"{window}checks: {{web: {{type: load}}}}\n")
    text = called("validate", "--config", str(tmp_path), "--state", str(tmp_path))[1]
    assert "hostvigil: agent.maintenance: select: 'webb' fits no check now, did you mean 'web'?\n" in text


@pytest.mark.parametrize(
    ("window", "is_open"),
    [
        ("weekly: 'mon-sun 0:00', duration: 1d", True),
        ("weekly: 'mon-sun 0:00', duration: 23h", False),
        ("weekly: 'sat 22:00', duration: 7d", True),
        ("cron: '*/5 * * * *', duration: 10m", True),
        ("cron: '*/5 8-18 * * *', duration: 10m", False),
        ("cron: '0 0 1 * *', duration: 31d", True),
        ("cron: '0 0 1 * *', duration: 30d", False),
        ("cron: '0 0 29 2 *', duration: 31d", False),
    ],
)
def test_a_window_that_never_ends_is_named(window: str, is_open: bool, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"checks: {{web: {{type: load, maintenance: {{{window}}}}}}}\n")
    code, text = called("validate", "--config", str(tmp_path), "--state", str(tmp_path))
    assert code == 0
    assert ("web: a window of maintenance is always open, nothing of it is ever told" in text) is is_open


def test_a_report_where_no_agent_ever_ran_says_that(tmp_path: Path) -> None:
    code, text = called("report", "--state", str(tmp_path / "none"), "backup", "ok")
    assert code == 2
    assert text.endswith("/none/spool is not there: has it run with this state directory?\n")


def test_a_file_is_told_as_no_directory_and_not_as_forbidden(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(GOOD)
    code, text = called("validate", "--config", str(file), "--state", str(tmp_path))
    assert (code, text) == (1, f"{file}:1:1: is not a directory: name the directory that holds the *.yaml files\n")
    for of in (Store.open, Store.beside):
        with pytest.raises(StoreError, match=f"^{file} is no directory: name another with --state$"):
            of(file)


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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("silence", "--for", "1h"), "which checks? write for example: hostvigil silence 'web-*' --for 1h"),
        (("silence", "--reason", "x"), "which checks?"),
        (("unsilence", "disks"), "0 silences ended: none is written 'disks', nothing is silenced"),
        (("silence", ""), "argument selector: is empty: is a variable not set?"),
        (("silence", "disks", "--for", ""), "argument --for: is empty: is a variable not set?"),
        (("relay", "silence", "*", "--for", ""), "argument --for: is empty: is a variable not set?"),
        (("status", "--watch", "2s"), "'2s' is none, write a number of seconds between 0.2 and 86400, without a unit"),
        (("events", "--destination", "ops"), "no destination is called 'ops', there are: none"),
        (("events", "retry", "--destination", "ops"), "no destination is called 'ops', there are: none"),
        (("events", "restate", "ops"), "restate takes no 'ops', write --destination where only one is meant"),
        (("events", "pending"), "'pending' is an option, write --pending"),
        (("status", "problems"), "no check is called 'problems'; --problems is an option"),
        (("status", "critical"), "no check is called 'critical'; --status critical shows what is so"),
        (("status", "--json", "--watch"), "--watch is for people, and --json for programs"),
        (("history", "disks", "--last", "0s"), "--last: 0s holds nothing, write for example 7d"),
        (("history", "disks", "--last", "3651d"), "--last: 3651d is more than is ever kept, write at most 3650d"),
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
