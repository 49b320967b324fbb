"""What of a command is code that it runs, behind launchers and interpreters, and what is only read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agent.api import CheckError, Context
from checks.script.code import code_of
from checks.script.program import refuse_weak
from tests.checks.looks import found, script_of
from tests.checks.script.weak_code import PATH, weak_of

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
