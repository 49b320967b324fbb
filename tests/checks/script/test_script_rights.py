"""A script runs as the user and with the groups that are set, and only if nobody else could change it."""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.api import Status, weak_spot
from checks.script import stage
from checks.script.home import home_of_root
from checks.script.launch import Launch
from tests.checks.looks import script_of
from tests.checks.script.with_rights import OTHER, error_of, executable, lines, run, sh

pytestmark = pytest.mark.usefixtures("nothing_stays_behind")


# Users and groups


def test_a_user_has_its_groups_its_home_and_no_way_back(folder: Path) -> None:
    result = sh("id -u; id -G; echo $HOME; grep -E '^(Cap(Prm|Eff)|[UG]id)' /proc/self/status", user="nobody")
    words = lines(result)
    assert words[:3] == [str(OTHER), " ".join(map(str, os.getgrouplist("nobody", OTHER))), "/nonexistent"]
    assert words[3].split()[1:] == [str(OTHER)] * 4
    assert {line.split()[1] for line in words[5:]} == {"0" * 16}


def test_a_group_replaces_the_users_own(folder: Path) -> None:
    assert sh("id -g", user="nobody", group="tty").summary == "5"
    assert lines(sh("id -u; id -G", group="tty")) == ["0", "5"]


def test_users_and_groups_without_a_name_are_written_as_numbers(folder: Path) -> None:
    ids = "id -u; id -G; echo $HOME"
    assert lines(sh(ids, user=str(OTHER))) == lines(sh(ids, user="nobody"))
    assert lines(sh(ids, user="4711", group="4712")) == ["4711", "4712", "/"]
    assert error_of("/bin/true", user="4711").endswith("(setting `user`): write `group` too, for it has none")
    for none in ("4294967295", "99999999999", "-1", "\u0665"):
        assert "on this host" in error_of("/bin/true", user=none, group="0")


def test_a_group_alone_gives_root_no_home_of_another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = folder / "home"
    home.mkdir()
    os.chown(home, OTHER, OTHER)
    monkeypatch.setenv("HOME", str(home))
    assert sh("echo $HOME", group="tty").summary == pwd.getpwuid(0).pw_dir


def test_what_was_open_when_a_check_was_tried_by_hand_reaches_no_script(folder: Path) -> None:
    drop_ins = folder / "conf.d"
    drop_ins.mkdir()
    look = "{type: script, shell: true, command: 'echo yes >&9 && echo open'}"
    (drop_ins / "a.yaml").write_text(f"checks:\n  a: {look}\n")
    command = f"exec {sys.executable} -m agent.cli check a --config {drop_ins} --state {folder}"
    done = subprocess.run(["sh", "-c", f"exec 9>/dev/null; {command}"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, "open" in done.stdout.partition("\n")[0]) in ((1, False), (2, False)), done.stdout
    assert "9" in done.stdout


def test_the_folder_is_entered_as_the_user(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    assert (
        error_of("/bin/true", user="nobody", cwd=str(closed)) == "cannot start /bin/true with `cwd`: Permission denied"
    )


def test_names_that_do_not_exist_are_told() -> None:
    assert error_of("/bin/true", user="nobody9") == "no user is called 'nobody9' on this host (setting `user`)"
    assert error_of("/bin/true", group="nobody9") == "no group is called 'nobody9' on this host (setting `group`)"


def test_an_agent_without_the_right_says_who_has_it(folder: Path) -> None:
    reader, writer = os.pipe()
    with as_other(), pytest.raises(SystemExit):
        stage.main(writer, os.open("/dev/null", os.O_RDONLY), ["user", "1,1,1", "start", "/bin/true"])
    said = os.read(reader, 100).decode()
    os.close(reader)
    os.close(writer)
    assert said == f"{errno.EPERM} user"
    with Launch(script_of("/bin/true")) as launch:
        assert launch._why_given_up(errno.EPERM, "user") == (
            "cannot start /bin/true with `user`: Operation not permitted: only an agent that runs as root may"
        )


class as_other:
    def __enter__(self) -> None:
        os.setresuid(OTHER, OTHER, 0)

    def __exit__(self, *_: object) -> None:
        os.setresuid(0, 0, 0)


def test_a_late_program_of_another_user_is_killed(folder: Path) -> None:
    result = sh("trap '' TERM; sleep 60; sleep 60", timeout=0.5, user="nobody")
    assert result.summary == "did not finish within 500ms (killed)"


def test_the_scripts_environment_is_in_force_when_the_rights_are_given_up_and_not_before(folder: Path) -> None:
    """A library of the user's, which tells whom it runs as when it is loaded, is loaded as the user only."""
    if not shutil.which("cc"):
        pytest.skip("no compiler")
    library, told = folder / "libtold.so", folder / "told"
    told.mkdir(mode=0o777)
    told.chmod(0o777)
    (folder / "x.c").write_text(
        """#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((constructor)) static void tell(void) {
    char name[200]; sprintf(name, "%s/%d", getenv("TOLD"), geteuid()); fclose(fopen(name, "w")); }
"""
    )
    subprocess.run(["cc", "-w", "-shared", "-fPIC", "-o", library, folder / "x.c"], check=True)
    os.chown(library, OTHER, OTHER)
    env = {"LD_PRELOAD": str(library), "TOLD": str(told)}
    for more in ({}, {"cwd": "/tmp"}, {"nice": 1}):
        assert run("/usr/bin/id", "-un", user="nobody", env=env, **more).summary == "nobody"
    assert [path.name for path in told.iterdir()] == [str(OTHER)]


def test_what_is_secret_in_the_environment_shows_in_no_argument(folder: Path) -> None:
    text = "tr '\\0' ' ' </proc/$$/cmdline; tr '\\0' ' ' </proc/$PPID/cmdline; ls /proc/$$/fd | wc -l"
    result = sh(text, user="nobody", env={"TOKEN": "hunter2hunter2"})
    assert "hunter2" not in f"{result.summary}{result.details}"


WITH_RIGHTS = """
import os, sys
from agent.api import CheckError, Context
from checks.script import Script
from tests.checks.looks import found, script_of
for names in ([], ["CAP_DAC_READ_SEARCH"], [], ["CAP_SYS_TIME"]):
    script = Script(command=["/bin/grep", "-E", "^Cap(Amb|Eff)", "/proc/self/status"], capabilities=names)
    try:
        print(*[f"{one.summary} {one.details}" for one in found(script.run(Context()))])
    except CheckError as error:
        print(error)
os.execv("/bin/grep", ["grep", "CapAmb", "/proc/self/status"])
"""


def test_rights_of_the_agents_unit_are_a_scripts_only_where_it_says_so(folder: Path) -> None:
    if not shutil.which("setpriv"):
        pytest.skip("no setpriv")
    caps = "+dac_read_search,+sys_ptrace"
    done = subprocess.run(
        ["setpriv", "--reuid", "games", "--regid", "games", "--clear-groups",
         "--inh-caps", caps, "--ambient-caps", caps, sys.executable, "-c", WITH_RIGHTS],
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    none, one, again, lacking, own = done.stdout.splitlines()
    assert set(none.split()[1::2]) == {"0" * 16}
    assert set(one.split()[1::2]) == {"0000000000000004"}
    assert again == none
    assert lacking.startswith("the agent cannot give it CAP_SYS_TIME, which it has not itself")
    assert own.split()[1] == "0000000000080004", "the agent has kept its own"


# Who could change it


def test_what_only_root_may_write_is_run(folder: Path) -> None:
    assert run(str(executable(folder / "check", "#!/bin/sh\necho fine"))).summary == "fine"


@pytest.mark.parametrize(("mode", "who"), [(0o775, "the group root"), (0o777, "everybody"), (0o757, "everybody")])
def test_a_script_that_others_may_write_is_refused(folder: Path, mode: int, who: str) -> None:
    script = executable(folder / "check", "#!/bin/sh\n", mode)
    assert error_of(str(script)) == f"refused to run {script}: {who} may write {script}: chmod go-w {script}"


def test_so_is_one_in_a_folder_that_others_may_write(folder: Path) -> None:
    (folder / "open" / "in").mkdir(parents=True)
    (folder / "open").chmod(0o777)
    script = executable(folder / "open" / "in" / "check", "#!/bin/sh\n")
    assert f"everybody may write {folder}/open: chmod go-w {folder}/open" in error_of(str(script))
    (folder / "open").chmod(0o1777)
    assert run(str(script)).status is Status.OK


def test_so_is_one_behind_a_link_somebody_could_turn(folder: Path) -> None:
    (folder / "open").mkdir()
    (folder / "open").chmod(0o777)
    executable(folder / "check", "#!/bin/sh\n")
    (folder / "open" / "middle").symlink_to("../check")
    (folder / "first").symlink_to("open/middle")
    assert f"everybody may write {folder}/open:" in error_of(str(folder / "first"))


def test_so_are_interpreters_and_the_scripts_given_to_them(folder: Path) -> None:
    shell = executable(folder / "shell", Path("/bin/sh").resolve().read_text("latin-1"), 0o777)
    script = executable(folder / "check", f"#!{shell}\n")
    assert f"refused to run {shell}" in error_of(str(script))
    weak = executable(folder / "weak.sh", "echo x", 0o666)
    assert f"refused to run {weak}" in error_of("/bin/sh", str(weak))
    assert f"refused to run {weak}" in error_of("sh", "-x", "weak.sh", cwd=str(folder))
    assert run("/bin/cat", str(weak)).summary == "echo x"


def test_a_script_of_somebody_else_runs_only_as_that_user(folder: Path) -> None:
    script = executable(folder / "check", "#!/bin/sh\nid -u\n")
    os.chown(script, OTHER, 0)
    told = error_of(str(script))
    assert told == (
        f"refused to run {script}: {script} belongs to nobody, who could change it: chown root {script}, "
        "or keep it elsewhere"
    )
    assert run(str(script), user="nobody").summary == str(OTHER)
    for words in (("runuser", "-u", "nobody", "--"), ("su", "nobody", "-s", "/bin/sh", "-c")):
        hint = f"; to run it as nobody, leave {words[0]} out and write `user: nobody`"
        assert error_of(*words, str(script)) == told + hint
    assert error_of("runuser", "-u", "mail", "--", str(script)) == told


def test_a_container_that_knows_no_root_has_a_home_for_him() -> None:
    def ask(number: int) -> None:
        raise KeyError(number)

    assert (home_of_root(ask), home_of_root()) == ("/", pwd.getpwuid(0).pw_dir)


def test_an_agent_that_is_not_root_runs_what_it_may(folder: Path) -> None:
    script = executable(folder / "check", "#!/bin/sh\necho fine", 0o777)
    with as_other():
        assert run(str(script)).summary == "fine"


def test_roots_scripts_have_roots_home_wherever_root_was_called_from(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner, home in ((0, str(folder)), (OTHER, pwd.getpwuid(0).pw_dir)):
        os.chown(folder, owner, 0)
        monkeypatch.setenv("HOME", str(folder))
        assert sh("echo $HOME").summary == home
    os.chown(folder, 0, 0)


def test_loops_of_links_and_missing_files_are_no_weak_spots(folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    assert weak_spot(str(folder / "loop")) == ""
    assert weak_spot(str(folder / "missing" / "x")) == ""
    assert weak_spot("/bin/../bin/./sh") == ""
