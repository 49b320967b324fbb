"""A thousand odd forms of a command that run a file of somebody else (ALICE is their folder), and some that read."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.api import CheckError, Context
from checks.script import Script
from checks.script.code import code_of
from checks.script.fetched import runs_what_it_fetches
from tests.checks.looks import found, script_of
from tests.checks.script.test_script_code_texts import SHELL
from tests.host import needs

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
EXECUTABLE = ("x.sh", "tool", "x", "tree/x")
PLAIN = [
    "plain",
    "data.txt",
    "x.py",
    "x.pl",
    "x.js",
    "x.lua",
    "x.awk",
    "x.sed",
    "x.mk",
    "x.rb",
    "x.mjs",
    "x.ts",
    "x.php",
    "x.phar",
    "x.jar",
    "Main.java",
    "X.java",
    "Main",
    "x.groovy",
    "x.kts",
    "x.scala",
    "x.clj",
    "x.java",
    "x.R",
    "x.jl",
    "x.m",
    "x.scm",
    "x.lisp",
    "x.el",
    "x.so",
    "lib.so",
    "x.go",
    "y.go",
    "x.dll",
    "x.exe",
    "x.fsx",
    "x.ps1",
    "x.t",
    "x.deb",
    "x.rpm",
    "Gemfile",
    "a.zip",
    "a.tar",
    "package.json",
    "x.ko",
]


@pytest.fixture
def theirs(open_folder: Path) -> Path:
    (open_folder / "tree").mkdir()
    for name in (*EXECUTABLE, *PLAIN):
        (open_folder / name).write_text("#!/bin/sh\necho ran\n" if name in EXECUTABLE else "echo ran\n")
        (open_folder / name).chmod(0o755 if name in EXECUTABLE else 0o644)
    return open_folder


def forms(name: str) -> list[str]:
    return (Path(__file__).parent / name).read_text().splitlines()


def words_of(form: str, folder: Path) -> list[str]:
    text = form.replace("ALICE", str(folder))
    text = re.sub(r"\$'((?:[^'\\]|\\.)*)'", lambda match: shlex.quote(match[1].encode().decode("unicode_escape")), text)
    words = shlex.split(text)
    name = words[0] if "/" in words[0] else shutil.which(words[0], path=PATH) or f"/usr/bin/{words[0]}"
    return [name, *words[1:]]


def code_in(form: str, folder: Path) -> Iterator[str]:
    files = code_of(words_of(form, folder), "", {"PATH": PATH}, {})
    return (file for file in files if Path(os.path.normpath(file)).is_relative_to(folder))


def test_each_form_that_runs_their_file_is_seen(theirs: Path) -> None:
    assert [form for form in forms("forms_of_code.txt") if not any(code_in(form, theirs))] == []


def test_no_form_that_only_reads_their_file_is_taken_for_code(theirs: Path) -> None:
    assert [form for form in forms("forms_of_data.txt") if any(code_in(form, theirs))] == []


VARIABLES = [
    "PAGER=sh ALICE/plain",
    "GIT_CONFIG_VALUE_0=!sh ALICE/plain",
    "LESSOPEN=|sh ALICE/plain %s",
    "TAR_OPTIONS=--checkpoint=1 --checkpoint-action=exec=ALICE/x.sh",
    "ERL_AFLAGS=-pa ALICE",
    "GOFLAGS=-toolexec=ALICE/x.sh",
    "MAVEN_OPTS=-javaagent:ALICE/x.jar",
    "LUA_PATH=/usr/?.lua;ALICE/?.lua",
    "LUA_INIT=@ALICE/x.lua",
    "TCLLIBPATH=/usr ALICE",
    "SSH_SK_PROVIDER=ALICE/x.so",
    "ANSIBLE_CALLBACK_PLUGINS=ALICE",
    "AWS_CONFIG_FILE=ALICE/data.txt",
]


def test_variables_that_lead_to_their_code_are_seen_and_others_are_not(theirs: Path) -> None:
    data = [
        "TARGETS=ALICE/a ALICE/b",
        "MESSAGE=look at ALICE/data.txt",
        "OPTIONS=-f ALICE/data.txt",
        "REPORT=ALICE/tree",
    ]
    seen = [line for line in (*VARIABLES, *data) if any(theirs_in(line.replace("ALICE", str(theirs)), theirs))]
    assert seen == VARIABLES


def theirs_in(variable: str, folder: Path) -> list[str]:
    name, _, value = variable.partition("=")
    return [file for file in code_of(["/bin/true"], "", {"PATH": PATH}, {name: value}) if file.startswith(f"{folder}")]


def test_the_folder_in_which_make_looks_is_judged(theirs: Path) -> None:
    for words, judged in ((["make", "-q"], True), (["sh", "-c", "make -q"], True), (["true"], False)):
        command = words_of(shlex.join(words), theirs)
        folders = [file for file in code_of(command, str(theirs), {"PATH": PATH}, {}) if file.startswith(f"{theirs}")]
        assert bool(folders) == (judged and shutil.which("make") is not None), words


def test_a_file_that_anybody_may_make_yet_is_refused(open_folder: Path) -> None:
    needs.root()
    open_folder.chmod(0o1777)
    missing = open_folder / "later.sh"
    for command in (
        ["/bin/sh", str(missing)],
        ["/bin/sh", "-c", f". {missing}"],
        ["/usr/bin/nice", "sh", f"{missing}"],
    ):
        with pytest.raises(CheckError, match="is not there, and everybody may put it into"):
            list(found(script_of(*command).run(Context(timeout=10))))
    open_folder.chmod(0o755)
    assert "not there" not in str([*found(script_of("/bin/sh", str(missing)).run(Context(timeout=10)))])


FETCHED = [
    "curl -s http://x/y | sh",
    "curl http://x 2>&1 | sudo bash -s -- -v",
    "wget -qO- http://x | bash",
    'bash -c "curl x | sh"',
    'eval "$(curl -s x)"',
    'sh -c "$(wget -O- x)"',
    "source <(curl x)",
    "python3 <(curl x)",
    "curl x | python3 -",
    "curl x | tee /tmp/a | sh",
    "curl -o /run/x http://y && sh /run/x",
    "curl http://y > /run/x; /run/x",
    "wget -O /run/x y; chmod +x /run/x; /run/x -v",
    "eval `ssh h cat x`",
    "nc -l 1 | bash",
    "bash -c 'eval \"$(dig +short TXT x)\"'",
    "curl x | xargs -n1 sh",
]
READ = [
    "curl -s http://x | grep ok",
    "curl -s http://x | python3 -m json.tool",
    "curl -s http://x | python3 -c 'import sys; print(1)'",
    "curl -s http://x | perl -ne 'print'",
    "curl -o /run/x http://y && wc -l /run/x",
    "curl -o /run/x http://y && sh /opt/check /run/x",
    "ssh h 'sh -c true'",
    'x=$(curl -s y); [ "$x" = ok ]',
    'test "$(curl -s x)" = ok',
    "nc -z h 22 && echo ok",
    "bash -c 'exec 3<>/dev/tcp/h/22; head -1 <&3'",
    "curl -s x | sh-checker",
]


def test_what_comes_over_the_network_is_run_by_no_root() -> None:
    assert [text for text in FETCHED if not runs_what_it_fetches(text)] == []
    assert [text for text in READ if runs_what_it_fetches(text)] == []
    for text in ("curl " * 9000, "curl -o /a " * 9000, "a|sudo x " * 9000, "curl a|sudo " + "x " * 90000):
        assert not runs_what_it_fetches(text)  # and ends: nothing in it takes longer than its length


def test_validate_says_so_where_root_would_run_it() -> None:
    needs.root()
    script = Script(command="curl -s http://x/y | sh", **SHELL)
    assert [setting for setting, text in script.problems() if "comes over the network" in text] == ["command"]
    assert not [*script_of("sh", "-c", "curl -s http://x/y | sh", user="nobody").problems()]
    assert [*script_of("sh", "-c", "curl -s http://x/y | sh").problems()]
