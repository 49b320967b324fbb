"""Completion: one function says what may follow, and real shells ask it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.completion import SCRIPTS, candidates
from agent.cli.options import COMMANDS
from agent.cli.words import STATUSES
from tests.host import needs

KNOWN = {
    "NAME": lambda: ["web", "web-2", "disk"],
    "CHECK": lambda: ["web", "web-2", "disk"],
    "SELECTOR": lambda: ["web", "web-2", "disk"],
    "TYPE": lambda: ["http", "disk"],
    "STATUS": lambda: STATUSES,
}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["sta"], ["status"]),
        (["sil"], ["silence"]),
        (["explain", "we"], ["web", "web-2"]),
        (["check", ""], ["web", "web-2", "disk"]),
        (["status", "web", "d"], ["disk"]),
        (["status", "--pro"], ["--problems"]),
        (["status", "--status", "cr"], ["critical"]),
        (["status", "--type", ""], ["http", "disk"]),
        (["status", "--problems", "we"], ["web", "web-2"]),
        (["silence", "we"], ["web", "web-2"]),
        (["silence", "web", "--fo"], ["--for"]),
        (["silence", "--reason", "we"], []),
        (["types", "h"], ["http"]),
        (["events", "re"], ["retry", "restate"]),
        (["import", ""], ["nrpe"]),
        (["nothing", "x"], []),
        (["check", "nothing"], []),
    ],
)
def test_what_may_follow_follows(words: list[str], found: list[str]) -> None:
    assert candidates(words, KNOWN) == found


@given(
    words=st.lists(
        st.sampled_from([*COMMANDS, "--config", "--", "-", "web", "", "x y"]) | st.text(max_size=5), min_size=1
    )
)
def test_whatever_was_typed_what_follows_begins_with_it(words: list[str]) -> None:
    assert all(text.startswith(words[-1]) for text in candidates(words, KNOWN))


@pytest.fixture
def surroundings(tmp_path: Path) -> Mapping[str, str]:
    """A command `hostvigil` in the PATH, with two checks."""
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/a.yaml").write_text("checks: {database: {type: load}, disks: {type: load}}\n")
    (tmp_path / "hostvigil").write_text(f'#!/bin/sh\nexec {sys.executable} -m agent.cli "$@"\n')
    (tmp_path / "hostvigil").chmod(0o755)
    for shell, script in SCRIPTS.items():
        (tmp_path / shell).write_text(script)
    own = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOSTVIGIL_CONFIG": str(tmp_path / "conf.d"), "TERM": "dumb"}
    return os.environ | own | {"HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.mark.parametrize(
    ("shell", "start", "ready"),
    [
        ("bash", "bash --norc --noprofile -i", "PS1=; source ./bash; echo is-{ready,so}"),
        ("zsh", "zsh -f -i", "PS1=; autoload -Uz compinit; compinit -D; source ./zsh; echo is-{ready,so}"),
    ],
)
def test_a_real_shell_completes(
    shell: str, start: str, ready: str, surroundings: Mapping[str, str], tmp_path: Path
) -> None:
    needs.command(shell, shell)
    child = pexpect.spawn(
        start, env=dict(surroundings), cwd=str(tmp_path), timeout=30, encoding="utf-8", dimensions=(24, 200)
    )
    try:
        child.sendline(ready)
        child.expect("is-ready is-so")
        child.send("echo $(( 1 )) hostvigil; hostvigil exp\tdat\t")
        child.expect("explain.*database")
    finally:
        child.close(force=True)


def test_a_real_fish_completes(surroundings: Mapping[str, str], tmp_path: Path) -> None:
    fish = needs.command("fish", "fish")
    for line, found in (
        ("hostvigil exp", "explain"),
        ("hostvigil explain da", "database"),
        ("hostvigil check ", "disks"),
    ):
        words = [fish, "--no-config", "-c", f"source ./fish; complete -C '{line}'"]
        done = subprocess.run(words, env=dict(surroundings), cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert found in done.stdout.split(), (line, done.stdout, done.stderr)
