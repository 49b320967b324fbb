"""Without rights each command says what it may not do, and the command that may."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.cli.answers.agents_eyes import unreadable
from agent.cli.answers.rights import refusal, state_meant
from agent.cli.places import default_state, state_of_user
from agent.store import Store
from tests.cli.called import GOOD, LESSER, NOBODY, called, called_by, shut
from tests.host import needs

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


def test_a_user_without_name_and_home_means_the_servers_state_directory() -> None:
    """As in a container that runs as any number: `~` stays as it is."""
    assert state_of_user("~/.local/state") == Path("/var/lib/hostvigil")
    assert state_of_user("/home/x/.local/state") == Path("/home/x/.local/state/hostvigil")
