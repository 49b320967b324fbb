"""hostvigil import nrpe: what NRPE ran runs as it stood; what cannot is off, with the reason."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli import import_nrpe
from agent.cli.options import parser
from agent.config.drop_ins import load
from agent.config.settings import Config
from agent.config.types.catalog import Catalog
from agent.testing import ran


def imported(folder: Path, text: str, code: int = 0) -> Config:
    (folder / "nrpe.cfg").write_text(text)
    conf = folder / "conf.d"
    conf.mkdir(exist_ok=True)
    options = parser().parse_args(["import", "nrpe", str(folder / "nrpe.cfg"), "--config", str(conf)])
    assert import_nrpe.main(options) == code
    return load(conf, Catalog(), {})


COMMANDS = [
    "/bin/echo OK -w 15,10,5 -c 30,25,20",
    "/bin/echo 'a b'  \"c 'd'\" 007 0x10 1e3 yes no null .5",
    "/bin/echo one | tr o 0",
    "/bin/echo ${HOME:+home} '${file:/etc/passwd}' $((1 + 1))",
    "/bin/echo a; /bin/echo b",
    "LANG=C /bin/echo x",
    "/bin/echo 20% 10% -p / *.none ~ #no",
]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_says_what_it_said_under_nrpe(line: str, tmp_path: Path) -> None:
    config = imported(tmp_path, f"command[it]={line}\n")
    assert not config.problems
    oracle = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True).stdout
    assert oracle.splitlines()[0].strip() in ran(config.checks["it"].check).result.summary


@given(st.lists(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1), min_size=1, max_size=6))
def test_words_without_a_shell_are_the_words_the_shell_would_make(words: list[str]) -> None:
    line = "/bin/echo " + " ".join(shlex.quote(word) for word in words)
    command = import_nrpe._suggestion("it", line, 60, "").settings["command"]
    if isinstance(command, list):
        assert [word.replace("$${", "${") for word in command] == ["/bin/echo", *words]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("/bin/true -p $ARG1$ -w $ARG2$", "$ARG1$, $ARG2$ came from the Nagios server"),
        ("/usr/bin/sudo /bin/true", "hostvigil wrap"),
        ("/bin/sh -c 'sudo x' | sudo /bin/true", "hostvigil wrap"),
        ("/nonexistent/check -w 1", "/nonexistent/check is not there"),
        ("/bin/echo 'no end", "a quote in it does not end"),
    ],
)
def test_what_cannot_be_taken_over_is_off_with_the_reason(
    line: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = imported(tmp_path, f"command[it]={line}\ncommand[good]=/bin/true\n")
    assert set(config.checks) == {"good"}
    assert reason in capsys.readouterr().out
    assert line.split(maxsplit=1)[0] in (tmp_path / "conf.d/nrpe.yaml").read_text()


def test_includes_time_out_prefix_and_names_are_followed(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/one.cfg").write_text("command[check disk: /]=/bin/true\n")
    (tmp_path / "two.cfg").write_text(f"command[hostvigil]=/bin/true\ninclude={tmp_path}/nrpe.cfg\n")
    text = f"command_timeout=90\n#command[no]=/bin/false\ninclude_dir={tmp_path}/d\ninclude={tmp_path}/two.cfg\n"
    config = imported(tmp_path, text)
    assert set(config.checks) == {"check-disk", "nrpe-hostvigil"}
    assert {check.timeout for check in config.checks.values()} == {90.0}


def test_a_name_that_is_taken_is_off(tmp_path: Path) -> None:
    config = imported(tmp_path, "command[it]=/bin/echo first\ncommand[it]=/bin/echo second\n")
    assert not config.problems
    assert "first" in ran(config.checks["it"].check).result.summary


def test_a_drop_in_that_is_there_stays(tmp_path: Path) -> None:
    imported(tmp_path, "command[it]=/bin/echo first\n")
    before = (tmp_path / "conf.d/nrpe.yaml").read_text()
    imported(tmp_path, "command[other]=/bin/echo second\n", code=1)
    assert (tmp_path / "conf.d/nrpe.yaml").read_text() == before


@pytest.mark.parametrize("text", ["", "server_port=5666\n"])
def test_a_file_without_commands_is_no_nrpe_cfg(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    imported(tmp_path, text, code=2)
    assert "command[" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["none.cfg", "circle", "pipe", "a\0b"])
@pytest.mark.parametrize("setting", ["include", "include_dir"])
def test_what_is_no_file_is_named(setting: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    os.mkfifo(tmp_path / "pipe")
    imported(tmp_path, f"{setting}={tmp_path}/{name}\n", code=2)
    assert (name.partition("\0")[0] if setting == "include" else "no line") in capsys.readouterr().err
