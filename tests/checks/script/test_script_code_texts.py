"""What root refuses to run: texts for a shell, first lines of scripts, variables and files of a home."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import CheckError, Context, Result
from checks.script import Script, shell_text
from checks.script.code import code_of
from checks.script.languages import language_of
from tests.checks.looks import found
from tests.checks.script.weak_code import ALICE, PATH, weak_of


def run(command: Any, **settings: Any) -> Result:
    ((result),) = found(Script(command=command, **settings).run(Context(timeout=10)))
    return result


SHELL: dict[str, Any] = {"shell": True}


def refused(command: Any, **settings: Any) -> str:
    with pytest.raises(CheckError) as caught:
        run(command, **settings)
    return str(caught.value)


def test_a_text_for_a_shell_is_judged_like_a_list(folders: tuple[Path, Path]) -> None:
    root, alice = folders
    for text in ("{}/x.sh", "nice {}/x.sh | cat", 'cd "{}" && ./x.sh', "for i in 1; do sh {}/plain; done"):
        assert f"{alice}" in refused(text.format(alice), **SHELL)
        assert run(text.format(root), **SHELL).summary == "ran"
    assert run(f"cat {alice}/data.txt", **SHELL).summary == "ran"
    assert f"{alice}" in refused("$TOOL -v", **SHELL, env={"TOOL": f"{alice}/x.sh"})
    assert f"{alice}" in refused("./x.sh", **SHELL, cwd=str(alice))


def test_the_first_line_of_a_script_is_followed_as_far_as_it_leads(folders: tuple[Path, Path]) -> None:
    root, alice = folders

    def headed(name: str, line: str) -> str:
        (root / name).write_text(f"#!{line}\necho ran\n")
        (root / name).chmod(0o755)
        return str(root / name)

    path = {"PATH": f"{alice}:/usr/bin:/bin"}
    for folder in (root, alice):
        shutil.copy("/bin/sh", folder / "interp")
    os.chown(alice / "interp", ALICE, ALICE)
    assert "refused" in refused([headed("a", "/usr/bin/env interp")], env=path)
    assert run([headed("b", "/usr/bin/env interp")], env={"PATH": f"{root}:/usr/bin:/bin"}).summary == "ran"
    assert "refused" in refused([headed("c", f"/usr/bin/env -S PATH={alice} interp")])
    assert "refused" in refused([headed("d", f"{alice}/interp -e")])
    assert "refused" in refused([headed("e", f"/bin/sh {alice}/plain")])
    # The program of the first line may be a script itself.
    middle = headed("middle", f"{alice}/interp")
    assert "refused" in refused([headed("f", middle)])
    assert "refused" in refused(["/usr/bin/nice", headed("g", f"/usr/bin/env -S {alice}/interp -e")])
    assert run([headed("h", "/usr/bin/env -S sh -e")]).summary == "ran"
    # Longer than anybody writes it, and round in a circle.
    before = f"{alice}/interp"
    for number in range(6):
        before = headed(f"chain{number}", before)
    assert "refused" in refused([before])
    for line in (f"{root}/circle", f"/usr/bin/env -S nice -n 5 {root}/circle -v"):
        assert "refused" in refused([headed("circle", line)])


@pytest.mark.parametrize(
    "name",
    ["PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "LD_AUDIT", "PYTHONPATH", "PYTHONHOME", "PERL5LIB", "RUBYLIB",
     "NODE_PATH", "CLASSPATH", "BASH_ENV", "ENV", "JAVA_HOME", "PYTHONPYCACHEPREFIX", "GIT_DIR", "KUBECONFIG",
     "ODBCSYSINI", "OPENSSL_ENGINES", "R_LIBS_USER", "FPATH", "XDG_CONFIG_HOME"],
)  # fmt: skip
def test_variables_that_name_code_are_judged(folders: tuple[Path, Path], name: str) -> None:
    root, alice = folders
    for value in (f"{alice}", f"/usr/lib:{alice}"):
        assert f"{alice}" in refused(["/bin/true"], env={name: value})
    assert list(code_of(["/bin/true"], "/", {}, {name: f"{root}"})) == [f"{root}", "/bin/true"]


def test_other_variables_are_data_unless_they_name_a_program(folders: tuple[Path, Path]) -> None:
    _, alice = folders
    for value in (f"{alice}", f"{alice}/data.txt", "5", ""):
        assert run(["/bin/echo", "ran"], env={"DATA": value}).summary == "ran"
    assert run(["/bin/echo", "ran"], env={"ENV": "prod"}, cwd=str(alice)).summary == "ran"
    assert run(["/bin/echo", "ran"], env={"JAVA_TOOL_OPTIONS": f"-Dlog={alice}/log"}).summary == "ran"
    assert f"{alice}" in refused(["/bin/true"], env={"JAVA_TOOL_OPTIONS": f"-Xmx9m -javaagent:{alice}/x.jar=a"})
    assert f"{alice}" in refused(["/bin/true"], env={"PATH": "/bin:"}, cwd=str(alice))
    assert f"{alice}" in refused(["/bin/true"], env={"GIT_SSH_COMMAND": f"{alice}/x.sh -v"})
    assert f"{alice}" in refused(["/bin/true"], env={"NODE_OPTIONS": f"--require={alice}/x.js"})


def test_the_folder_that_python_takes_modules_from_is_judged(folders: tuple[Path, Path]) -> None:
    root, alice = folders
    for words in (["python3", "-c", "print('ran')"], ["nice", "python3", "-uc", "print('ran')"]):
        assert f"{alice}" in refused(words, cwd=str(alice))
        assert run(words, cwd=str(root)).summary == "ran"
    assert run(["python3", "-Ic", "print('ran')"], cwd=str(alice)).summary == "ran"


@pytest.mark.parametrize(("name", "file"), [("psql", ".psqlrc"), ("git", ".gitconfig"), ("sqlite3", ".sqliterc")])
def test_what_a_program_obeys_in_a_home_is_judged(unowned: tuple[Path, Path], name: str, file: str) -> None:
    for folder in unowned:
        assert f"{folder}/{file}" not in code_of([f"/usr/bin/{name}"], "", {"HOME": str(folder)}, {})
        (folder / file).touch()
        assert f"{folder}/{file}" in code_of([f"/usr/bin/{name}"], "", {"HOME": str(folder)}, {})


def test_what_an_interpreter_loads_from_a_home_is_judged(folders: tuple[Path, Path]) -> None:
    root, alice = folders
    python, login = ["python3", f"{root}/x.py"], ["bash", "-l", "-c", "echo ran"]
    for words in (python, login):
        assert run(words, env={"HOME": str(alice)}).summary == "ran"
    (alice / ".local" / "lib").mkdir(parents=True)
    (alice / ".bash_profile").touch()
    for words in (python, login):
        assert f"{alice}" in refused(words, env={"HOME": str(alice)})
    assert run(["bash", "-c", "echo ran"], env={"HOME": str(alice)}).summary == "ran"
    assert run(["python3", "-I", f"{root}/x.py"], env={"HOME": str(alice)}).summary == "ran"


def test_what_belongs_to_the_user_that_it_runs_as_is_run(folders: tuple[Path, Path]) -> None:
    _, alice = folders
    for words in (["/usr/bin/nice", f"{alice}/x.sh"], ["sh", "-e", f"{alice}/plain"]):
        assert run(words, user="nobody", env={"LD_LIBRARY_PATH": str(alice)}).summary == "ran"


@pytest.mark.parametrize(
    "name",
    ["sh", "bash", "dash", "python3", "python3.11", "perl5.36.0", "ruby3.1", "php8.2", "lua5.4", "nodejs", "mawk"],
)
def test_interpreters_are_known_with_their_version(name: str) -> None:
    assert language_of(name)
    assert not language_of(f"x{name}")


@given(st.text("abc /$(){}`'\";|&<>\\\n=-~!#*", max_size=80))
def test_no_text_for_a_shell_makes_the_reading_fail(text: str) -> None:
    for words in shell_text.commands(text):
        assert words
    list(code_of(["/bin/sh", "-c", text], "", {"PATH": PATH}, {}))


@given(
    st.lists(st.sampled_from(["sh", "-c", "-e", "--", "-", "", "env", "nice", "a=b", "/bin/sh", "-S", "x y", "perl"]))
)
def test_no_list_of_words_makes_the_reading_fail(words: list[str]) -> None:
    assert next(iter(code_of(["/usr/bin/nice", *words], "", {"PATH": PATH}, {}))) == "/usr/bin/nice"
    list(code_of(["/usr/bin/nice", *words], "", {"PATH": PATH}, {}))


def test_a_command_that_can_be_read_in_a_million_ways_is_read_in_no_time(unowned: tuple[Path, Path]) -> None:
    _, alice = unowned
    words = ["/usr/bin/nice", *(word for letter in "abcdefghijklmnopqrstuvwxyz" for word in (f"-{letter}", "nice"))]
    began = time.monotonic()
    assert weak_of([*words, f"{alice}/x.sh"], alice)
    assert time.monotonic() - began < 5
