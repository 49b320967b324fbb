"""What of a command is code: an agent of root runs none that others could change, however the command leads to it."""

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
from checks.script.program import refuse_weak
from tests import needs
from tests.looks import found, script_of

ALICE = 65534  # nobody
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture
def folders(open_folder: Path) -> tuple[Path, Path]:
    """A folder of root and one of alice, with the same scripts in them."""
    needs.root()
    made = folders_like(open_folder)
    for path in (made[1], *made[1].rglob("*")):
        os.chown(path, ALICE, ALICE)
    return made


@pytest.fixture
def unowned(open_folder: Path) -> tuple[Path, Path]:
    """The same, of whoever runs the tests: what is read of a command does not depend on who owns it."""
    return folders_like(open_folder)


def folders_like(folder: Path) -> tuple[Path, Path]:
    made = folder / "root", folder / "alice"
    for one in made:
        one.mkdir()
        (one / "x.sh").write_text("#!/bin/sh\necho ran\n")
        (one / "x.sh").chmod(0o755)
        for name, text in SCRIPTS.items():
            (one / name).write_text(text)
        (one / "tree").mkdir()
        shutil.copy(one / "x.sh", one / "tree" / "x")
        shutil.copy(one / "x.sh", one / "tool")
        (one / "X.java").touch()
    return made


SCRIPTS = {
    "plain": "echo ran\n",
    "x.py": "print('ran')\n",
    "x.pl": "print 'ran';\n",
    "x.awk": 'BEGIN { print "ran" }\n',
    "x.sed": "s/.*/ran/\n",
    "x.mk": "all:\n\t@echo ran\n",
    "data.txt": "ran\n",
}

LAUNCHED = [
    "{}/x.sh",
    "nice {}/x.sh",
    "nice -n 5 {}/x.sh",
    "nice -5 {}/x.sh",
    "nohup {}/x.sh",
    "timeout 5 {}/x.sh",
    "timeout -s KILL 5 {}/x.sh",
    "timeout --signal=KILL 5s nice {}/x.sh",
    "env {}/x.sh",
    "env -i A=b {}/x.sh",
    "env -u A {}/x.sh",
    "env -- {}/x.sh",
    "env -S{}/x.sh",
    "env -S '{}/x.sh -v'",
    "setsid {}/x.sh",
    "setsid -w {}/x.sh",
    "ionice -c 3 {}/x.sh",
    "ionice -c3 -n7 {}/x.sh",
    "chrt -o 0 {}/x.sh",
    "stdbuf -o L {}/x.sh",
    "stdbuf -oL -eL {}/x.sh",
    "flock {}/data.txt {}/x.sh",
    "flock -w 3 {}/data.txt -c {}/x.sh",
    "taskset 1 {}/x.sh",
    "setpriv --nnp {}/x.sh",
    "prlimit --core=0 {}/x.sh",
    "choom -n 0 {}/x.sh",
    "unshare -m {}/x.sh",
    "chroot / {}/x.sh",
    "sudo -u mail {}/x.sh",
    "sudo -n -- {}/x.sh",
    "runuser -u mail -- {}/x.sh",
    "su -s /bin/sh -c {}/x.sh mail",
    "su mail -c '{}/x.sh --verbose'",
    "xargs {}/x.sh",
    "xargs -n 1 {}/x.sh",
    "find / -maxdepth 0 -exec {}/x.sh ;",
    "find / -maxdepth 0 -exec true ; -exec {}/x.sh ;",
    "find / -maxdepth 0 -name test -exec {}/x.sh ;",
    "start-stop-daemon --start --exec {}/x.sh",
    "systemd-run --pipe -p User=mail {}/x.sh",
    "strace -f -o /dev/null {}/x.sh",
    "some-launcher-of-tomorrow --with=this 5 {}/x.sh",
    "run-parts {}/tree",
    "busybox sh {}/plain",
    "busybox awk -f {}/x.awk",
    "env -C {} ./x.sh",
    "sudo -D {} ./x.sh",
    "git -c core.sshCommand={}/x.sh fetch",
    "tar -cf /dev/null --checkpoint=1 --checkpoint-action=exec={}/x.sh /etc/hostname",
    "bash -c 'sh < {}/plain'",
    "sh -c 'nice -n 5 perl <{}/x.pl'",
    "sh -c 'cat {}/plain | sh'",
    "sh -c 'cat /etc/hostname {}/plain | bash -s -- -v'",
    "sh -c 'sed 1d {}/x.pl | perl -'",
    "awk 'BEGIN {{ system(\"{}/x.sh\") }}'",
    "perl -e 'system(\"{}/x.sh\")'",
    "sed '1e {}/x.sh' /etc/hostname",
    "busybox nice {}/x.sh",
    "nice sh {}/plain",
    "nice -n 5 perl -w {}/x.pl",
    "sudo -u mail perl {}/x.pl",
    "timeout 5 env A=b python3 {}/x.py",
    "sh {}/plain",
    "sh -e {}/plain",
    "sh -eu -o errexit {}/plain",
    "sh -- {}/plain",
    "bash --norc -x {}/plain",
    "bash --rcfile {}/plain -c true",
    "bash -O extglob +o history {}/plain",
    "python3 {}/x.py",
    "python3 -u {}/x.py",
    "python3 -W ignore -X dev -Bu {}/x.py",
    "python3.11 {}/x.py",
    "perl {}/x.pl",
    "perl -w {}/x.pl",
    "perl -I/usr/lib {}/x.pl",
    "perl -I{} -e print",
    "perl -I {} -e print",
    "ruby -W0 {}/x.rb",
    "node --no-warnings {}/x.js",
    "node -r {}/x.js -e 1",
    "php -d a=b -f {}/x.php",
    "lua5.4 {}/x.lua",
    "java -Xmx9m -jar {}/x.jar",
    "java -cp /usr/lib:{}/x.jar Main",
    "go run {}/x.go",
    "/lib64/ld-linux-x86-64.so.2 {}/tool",
    "/lib64/ld-linux-x86-64.so.2 --library-path {} /bin/true",
    "awk -f {}/x.awk",
    "awk -v a=b -f{}/x.awk /etc/hostname",
    "sed -n -f {}/x.sed /etc/hostname",
    "make -s -f {}/x.mk",
    "make -C {}",
    "sh -c {}/x.sh",
    "sh -ec {}/x.sh",
    "bash -c '{}/x.sh | cat'",
    "sh -c 'cd {} && ./x.sh'",
    "sh -c 'true; sh {}/plain'",
    "sh -c 'if true; then {}/x.sh; fi'",
    "sh -c '. {}/plain'",
    "sh -c 'exec {}/x.sh'",
    "sh -c 'exec nice {}/x.sh'",
    "sh -c 'echo $({}/x.sh)'",
    "sh -c 'echo `sh {}/plain`'",
    "sh -c 'echo \"got $(sh {}/plain) there\"'",
    "sh -c 'A=b nice {}/x.sh >/dev/null 2>&1'",
    "sh -c '</dev/null {}/x.sh'",
    "sh -c 'PATH={}:$PATH; tool'",
    "sh -c 'export PATH={}:$PATH; tool'",
    "sh -c 'LD_PRELOAD={}/x.so ls'",
    "sh -c 'cat < /etc/hostname | nice -n 5 perl {}/x.pl'",
    "sh -c \"trap '{}/x.sh -v' EXIT\"",
    "watch -n 1 'perl {}/x.pl'",
]
"""Each runs a file of the folder; some of these programs need not be there."""

DATA = [
    "cat {}/data.txt",
    "cat {}/x.sh",
    "nice cat {}/data.txt",
    "timeout 5 head -n 1 {}/data.txt",
    "nice -n 5 grep -c python {}/data.txt",
    "env -i LC_ALL=C grep perl {}/data.txt",
    "sudo -u mail cat {}/data.txt",
    "grep ran {}/data.txt",
    "stat {}/x.sh",
    "test -x {}/x.sh",
    "sha256sum {}/x.sh",
    "pgrep -f {}/x.sh",
    "/usr/lib/nagios/plugins/check_file_age -f {}/x.sh",
    "/usr/lib/nagios/plugins/check_procs -a {}/x.sh",
    "openssl x509 -in {}/data.txt",
    "ssh db1 {}/x.sh",
    "docker exec web {}/x.sh",
    "find {} -name *.txt -mmin -5",
    "find {}/x.sh -mmin +5",
    "find {}/x.sh -exec ls -l {{}} ;",
    "dd if={}/x.sh of=/dev/null",
    "sh -c 'while read x; do echo $x; done < {}/data.txt'",
    "sh -c 'sh {root}/plain < {}/data.txt'",
    "sh -c 'cat {}/data.txt | sh {root}/plain'",
    "sh -c 'cat {}/data.txt | perl -ne print | sort | uniq -c'",
    "sh -c 'cat {}/data.txt | awk 1'",
    "sh -c 'cat {}/x.sh | wc -l'",
    "flock {}/data.txt true",
    "awk '{{print}}' {}/data.txt",
    "awk -F : -v a={}/data.txt 1 {}/data.txt",
    "sed -n 1p {}/data.txt",
    "perl -ne print {}/data.txt",
    "perl -F: -lane print {}/data.txt",
    "python3 -Ic print {}/data.txt",
    "sh -c 'cat {}/data.txt'",
    "sh -c 'cat <{}/data.txt >/dev/null'",
    "sh -c 'wc -l {}/data.txt | cut -d\" \" -f1'",
    "sh -c 'test -x {}/x.sh && echo there'",
    "sh -c 'A={}/data.txt; cat $A'",
    "sh {root}/plain {}/data.txt",
    "sh -e {root}/plain {}/x.sh",
    "python3 -u {root}/x.py {}/data.txt",
    "perl -w {root}/x.pl {}/data.txt",
    "mysql -e 'select 1' shop",
    "nmap --script default,vuln host",
    "git -C / log",
    "openssl s_client -connect host:443 -CAfile {}/data.txt",
    "kubectl get pods -o yaml",
    "sh -c 'D={}; cat $D/data.txt'",
    "sh -c 'for f in {}/data.txt {}/plain; do wc -l $f; done'",
    "sh -c 'echo $(cat {}/data.txt)'",
    "sh -c 'x=$(cat {}/data.txt); test -n \"$x\"'",
    "sh -c 'D={root}; sh $D/plain {}/data.txt'",
    "sh -c 'cat {}/data.txt | mysql_is_no_client'",
    "perl -Mstrict -MPOSIX -e 'open F, q({}/data.txt)'",
    "python3 -Ic 'open(\"{}/data.txt\")'",
    "java -jar {root}/x.jar -Dlog={}/data.txt",
    "sqlite3 {}/data.txt 'select 1'",
    "{root}/x.sh {}/x.sh",
    "nice {root}/x.sh {}/data.txt",
]


def words_of(text: str, root: Path, other: Path) -> list[str]:
    import shlex

    words = shlex.split(
        text.replace("{root}", str(root)).replace("{}", str(other)).replace("{{", "{").replace("}}", "}")
    )
    return [_found(words[0]), *words[1:]]


def _found(name: str) -> str:
    return name if "/" in name else shutil.which(name, path=PATH) or f"/usr/bin/{name}"


def weak_of(words: list[str], owner: Path) -> list[str]:
    """Return which files of one folder the command would run."""
    return [file for file in code_of(words, "", {"PATH": PATH}, {}) if Path(file).is_relative_to(owner)]


def test_what_a_command_runs_is_found_behind_every_launcher_and_interpreter(unowned: tuple[Path, Path]) -> None:
    root, alice = unowned
    for text in LAUNCHED:
        assert weak_of(words_of(text, root, alice), alice), text
        assert weak_of(words_of(text, root, root), root), text
        if Path(words_of(text, root, alice)[0]).exists():  # else no launcher can start it
            assert weak_of(["/usr/bin/nohup", *words_of(text, root, alice)], alice), f"{text}, behind nohup"


ORDERED = [
    "/lib64/ld-linux-x86-64.so.2 /bin/sh {}/x.sh",
    "/lib64/ld-linux-x86-64.so.2 --argv0 x /usr/bin/nice {}/x.sh",
    "bash -O expand_aliases -c 'alias q={}/x.sh\nq'",
    "sh -c 'eval \"$(cat {}/plain)\"'",
    "bash -c 'bash <(cat {}/plain)'",
    "bash -c 'true; . <(grep -v x {}/plain)'",
    "bash -c 'source <(cat {}/plain)'",
    "ssh -o ProxyCommand={}/x.sh host",
    "ssh -oproxycommand='sh {}/x.sh' host true",
    "scp -o 'LocalCommand {}/x.sh' host:a b",
    "sftp -F {}/data.txt host",
    "curl -K {}/data.txt",
    "curl --config={}/data.txt https://host/",
    "curl -sK{}/data.txt https://host/",
    "wget --config={}/data.txt https://host/",
    "sqlite3 -init {}/data.txt db",
    "psql -f {}/data.txt",
    "psql -1Xf{}/data.txt",
    "psql -c '\\i {}/data.txt'",
    "sh -c 'mysql shop < {}/data.txt'",
    "sh -c 'cat {}/data.txt | psql -d shop'",
    "mysql -e 'source {}/data.txt'",
    "sqlite3 db '.read {}/data.txt'",
    "perl -Mlib={} -e 1",
    "perl -e 'do \"{}/x.pl\"'",
    "python3 -Ic 'exec(open(\"{}/x.py\").read())'",
    "python3 -I -X pycache_prefix={} -c 1",
    "php -d auto_prepend_file={}/data.txt -r 1",
    "java -javaagent:{}/data.txt=x -jar a.jar",
    "java @{}/data.txt Main",
    "java {}/X.java",
    "nmap --script=default,{}/data.txt host",
    "vim -es -S {}/data.txt",
    "emacs --batch -l {}/data.txt",
    "kubectl --kubeconfig={}/data.txt get pods",
    "git --git-dir={} log",
    "openssl s_client -engine {}/data.txt",
    "at -f {}/plain now",
    "sort --compress-program={}/x.sh x",
    "fish -C 'source {}/plain' -c true",
    "su --command='sh {}/plain' mail",
    "'su' '-csh {}/plain' mail",
    "sudo --chdir={} ./x.sh",
    "bash -ic 'source {}/plain'",
    "bash -c 'command . {}/plain'",
    "bash -c 'D={}; sh $D/plain'",
    "bash -c 'D={}; E=$D/x.sh; $E'",
    "bash -c 'D=/tmp; D={}; \"$D\"/x.sh'",
    "bash -c 'export D={}; sh ${{D}}/plain'",
    "bash -c 'for f in /bin/true {}/x.sh; do $f; done'",
    "bash -c 'pushd {}; ./x.sh'",
    "bash -c 'function f {{ {}/x.sh; }}; f'",
    "bash -c 'echo x > >({}/x.sh)'",
    "bash -c '$(cat {}/plain)'",
    "bash -c 'bash -c \"$(cat {}/plain)\"'",
    "bash -c 'bash <<< \"$(cat {}/plain)\"'",
    "bash -c 'echo \"sh {}/plain\" | sh'",
    "bash -c 'hash -p {}/x.sh ls; ls'",
]


def test_a_file_of_orders_is_code(unowned: tuple[Path, Path]) -> None:
    root, alice = unowned
    assert [text for text in ORDERED if not weak_of(words_of(text, root, alice), alice)] == []


def test_the_empty_device_has_no_orders_that_others_could_change() -> None:
    refuse_weak(["/usr/bin/ssh", "-F", "/dev/null", "host"], "/", {"PATH": PATH}, {}, 0)


@pytest.mark.parametrize("words", [["sh"], ["bash", "-s", "x"], ["sh", "-"], ["perl"], ["python3", "-"]])
@pytest.mark.parametrize("stdin", ["{}/x.sh\n", "system('{}/x.sh')", "true; . {}/x.sh"])
def test_a_program_that_is_given_as_input_is_judged_like_a_text(
    unowned: tuple[Path, Path], words: list[str], stdin: str
) -> None:
    root, alice = unowned
    for folder in (root, alice):
        text = stdin.replace("{}", str(folder))
        said = [*code_of([_found(words[0]), *words[1:]], "", {"PATH": PATH}, {}, text)]
        assert any(Path(file).is_relative_to(folder) for file in said) or (words[0] == "sh" and "system" in stdin)
        assert not any(
            Path(file).is_relative_to(folder) for file in code_of(["/bin/cat"], "", {"PATH": PATH}, {}, text)
        )


def test_a_pipe_before_a_program_in_a_variable_hides_nothing(unowned: tuple[Path, Path]) -> None:
    _, alice = unowned
    for value in (f"|{alice}/x.sh %s", f"||-{alice}/x.sh %s"):
        assert f"{alice}/x.sh" in code_of(["/bin/true"], "", {}, {"LESSOPEN": value})


def test_what_a_command_only_reads_is_not_taken_for_code(unowned: tuple[Path, Path]) -> None:
    root, alice = unowned
    assert [text for text in DATA if weak_of(words_of(text, root, alice), alice)] == []


@pytest.mark.parametrize("text", [*LAUNCHED, *DATA])
def test_root_refuses_the_one_and_runs_the_other(folders: tuple[Path, Path], text: str) -> None:
    """The same by the check itself, where the program is on this host and ends by itself."""
    root, alice = folders
    if not Path(words_of(text, root, root)[0]).exists() or text.split(maxsplit=1)[0] in (
        "chroot",
        "watch",
        "su",
        "ssh",
        "docker",
    ):
        pytest.skip("not on this host")
    script = script_of(*words_of(text, root, alice), stdin="x\n")
    if text in LAUNCHED:
        with pytest.raises(CheckError, match="refused to run"):
            list(found(script.run(Context(timeout=10))))
    else:
        assert list(found(script.run(Context(timeout=10))))
    assert list(found(script_of(*words_of(text, root, root), stdin="x\n").run(Context(timeout=10))))


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
