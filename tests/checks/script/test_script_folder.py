"""The scripts folder: executables that are checks without any YAML."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.api import CheckError, Context, NumberAbove, Result
from agent.config.drop_ins import load
from agent.config.files.content import beginning, regular_file
from agent.config.script_folder import look
from agent.config.settings import Config
from agent.config.types.catalog import Catalog
from checks.script import Script
from tests.checks.looks import found, script_of
from tests.host import needs
from tests.processes.agent_process import AgentProcess
from tests.service.test_reload import agent  # noqa: F401 - a fixture
from tests.service.test_whole_way import told, wait_for_told
from tests.stand_ins.api import ApiStandIn


class House:
    """A directory of drop-ins and a scripts folder."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "conf.d"
        self.scripts = folder / "scripts.d"
        for made in (self.config, self.scripts):
            made.mkdir()
        self.drop_in("agent: {scripts: ../scripts.d}\n")

    def drop_in(self, text: str, name: str = "agent.yaml") -> None:
        (self.config / name).write_text(text)

    def put(self, name: str, header: str = "", body: str = "echo fine", mode: int = 0o755) -> Path:
        path = self.scripts / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{header}\n{body}\n")
        path.chmod(mode)
        return path

    def load(self) -> Config:
        return load(self.config, Catalog(), {})

    def problems(self) -> list[str]:
        return [str(problem).removeprefix(f"{self.config}/../scripts.d/") for problem in self.load().problems]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def run(config: Config, name: str) -> Result:
    (result,) = found(config.checks[name].check.run(Context()))
    assert isinstance(result, Result)
    return result


def test_an_executable_is_a_check_named_like_the_file(house: House) -> None:
    for name in ("mail", "disk_check.sh", "queue.py", "v1.2"):
        house.put(name)
    config = house.load()
    assert (sorted(config.checks), config.problems) == (["disk_check", "mail", "queue", "v1.2"], ())
    assert (config.checks["mail"].type, config.checks["mail"].interval) == ("script", 60.0)
    assert run(config, "mail").summary == "fine"


def test_its_head_says_the_settings(house: House) -> None:
    header = """# what it is about
# hostvigil: interval=5m timeout=20s warning=10 format=json fail_after=3 tags.team=web tags.env=prod
# hostvigil: env.TEXT="two words" exit_codes.4=warning description='RecorderConfig that wait.'"""
    house.put("queue", header)
    check = house.load().checks["queue"]
    script = check.check
    assert isinstance(script, Script)
    assert (check.interval, check.timeout, check.policy.fail_after.critical.times) == (300.0, 20.0, 3)
    assert (check.tags, check.description) == ({"team": "web", "env": "prod"}, "RecorderConfig that wait.")
    assert (script.format, script.warning) == ("json", NumberAbove.parse(10))
    assert (script.env, script.exit_codes) == ({"TEXT": "two words"}, {"4": "warning"})


@pytest.mark.parametrize("mark", ["#", "//", "--", ";;", '"""'])
def test_any_languages_comment_will_do(house: House, mark: str) -> None:
    house.put("queue", f"{mark} hostvigil: interval=5m")
    assert house.load().checks["queue"].interval == 300.0


def test_a_subfolder_named_by_an_interval_sets_it_and_the_head_wins(house: House) -> None:
    house.put("300/often")
    house.put("2h/rarely")
    house.put("2h/own", "# hostvigil: interval=30s")
    house.put("lib/not_a_check")
    intervals = {name: check.interval for name, check in house.load().checks.items()}
    assert intervals == {"often": 300.0, "rarely": 7200.0, "own": 30.0}


@pytest.mark.parametrize(
    "name", [".hidden", "a~", "a.bak", "#a#", "a.dpkg-old", "a.dpkg-dist", "a.rpmsave", "a.swp", "a.disabled"]
)
def test_what_editors_and_packages_leave_is_no_check(house: House, name: str) -> None:
    house.put("good")
    house.put(name)
    assert (list(house.load().checks), house.problems()) == (["good"], [])


def test_what_is_not_executable_or_no_file_is_no_check(house: House) -> None:
    house.put("good")
    house.put("README", mode=0o644)
    (house.scripts / "dangling").symlink_to("nowhere")
    os.mkfifo(house.scripts / "fifo", 0o755)
    assert (list(house.load().checks), house.problems()) == (["good"], [])


def test_a_script_that_is_not_executable_is_said(house: House) -> None:
    for name in ("x.sh", "300/y", "notes.txt", "x.sh~", "README.sh"):
        house.put(name, mode=0o644)
    house.put("good")
    (house.scripts / "data").write_text("no script")
    assert list(house.load().checks) == ["good"]
    said = "begins with #! and is not executable, so it is no check: chmod +x"
    assert house.problems() == [
        f"300/y:1:1: y: {said} y, or put it elsewhere",
        f"x.sh:1:1: x: {said} x.sh, or put it elsewhere",
    ]


def test_a_link_to_a_program_is_a_check(house: House) -> None:
    (house.scripts / "true").symlink_to("/bin/true")
    assert run(house.load(), "true").summary == "no output (exit 0)"


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("# hostvigil: interval=5", "x:2:23: x: interval: 5 has no unit, write 5s, 5m, 5h or 5d"),
        ("# hostvigil: interval=5m tiemout=3s", "x:2:26: x: unknown setting 'tiemout', did you mean 'timeout'?"),
        ("#\n#  hostvigil: interval", "x:3:15: x: 'interval' has no value, write setting=value"),
        ("# hostvigil: interval = 5m", "x:2:14: x: 'interval = 5m' is not written so in a comment: write interval=5m"),
        ("# hostvigil: interval: 5m", "x:2:14: x: 'interval: 5m' is not written so in a comment: write interval=5m"),
        ("# hostvigil: nice= '3'", "x:2:14: x: \"nice= '3'\" is not written so in a comment: write nice='3'"),
        ("#hostvigil:interval=5", "x:2:21: x: interval: 5 has no unit"),
        ("# Hostvigil - Interval=5m", "x:2:15: x: unknown setting 'Interval', did you mean 'interval'?"),
        ("# hostvigil: nice=3 nice=4", "x:2:21: x: 'nice' is written twice: remove one"),
        ("# hostvigil: command=/bin/x", "x:2:22: x: command: cannot be set here: it is the script itself"),
        ("# hostvigil: type=disk", "x:2:19: x: type: cannot be set here: it is the script itself"),
        ("# hostvigil: format=jsn", "x:2:21: x: format: must be one of 'nagios', 'checkmk_local', 'json', not text"),
        ("# hostvigil: limits.memory=1", "x:2:28: x: limits.memory: 1 has no unit"),
        ("# hostvigil: tags=x tags.a=b", "x:2:21: x: 'tags' is written twice"),
    ],
)
def test_a_mistake_in_the_head_is_named_at_its_place(house: House, header: str, problem: str) -> None:
    house.put("x", header)
    house.put("good")
    (told,) = house.problems()
    assert told.startswith(problem)
    assert list(house.load().checks) == ["good"]


@pytest.mark.parametrize(
    "head",
    ["# hostvigil: description='wait: 5 = 6'", "# Hostvigil counts orders", "# written for hostvigil - see wiki"],
)
def test_a_head_that_says_nothing_wrong_is_taken(house: House, head: str) -> None:
    house.put("x", head)
    assert house.problems() == []


def test_a_folder_of_programs_that_is_called_by_a_time_in_other_words_is_said(house: House) -> None:
    for name in ("5min/a", "hourly/b", "lib/c", "2h/d"):
        house.put(name)
    said = "is no interval, so nothing in it runs: call the folder"
    assert house.problems() == [f"5min:1:1: {said} 5m", f"hourly:1:1: {said} 1h"]
    assert list(house.load().checks) == ["d"]


def test_a_name_that_is_taken_is_a_problem_of_the_second(house: House) -> None:
    house.drop_in("checks: {mail: {type: script, command: [/bin/true]}}\n", "0.yaml")
    for name in ("mail", "a.sh", "a.py"):
        house.put(name)
    assert house.problems() == [
        f"a.sh:1:1: a: a check of this name is at {house.config}/../scripts.d/a.py:1:1 already: rename one",
        f"mail:1:1: mail: a check of this name is at {house.config}/0.yaml:1:10 already: rename one",
    ]


def test_a_name_that_no_check_can_have_is_told(house: House) -> None:
    house.put("a b")
    assert house.problems() == [
        "a b:1:1: a b: the name must be without ' ', which means something else in selectors: write a-b"
    ]


def test_a_folder_that_is_not_there_is_a_problem_that_takes_nothing_away(house: House) -> None:
    house.drop_in("agent: {scripts: /nowhere/at/all}\nchecks: {a: {type: script, command: [/bin/true]}}\n")
    config = house.load()
    assert [(problem.place.file, problem.check) for problem in config.problems] == [("/nowhere/at/all", "")]
    assert "No such file or directory; create it" in config.problems[0].text
    assert list(config.checks) == ["a"]


def test_compiled_programs_and_other_bytes_have_no_head(house: House) -> None:
    (house.scripts / "program").write_bytes(b"\x7fELF\n# hostvigil: interval=5\n")
    (house.scripts / "program").chmod(0o755)
    (house.scripts / "bytes").write_bytes(b"#!/bin/sh\n\xff\xfe\0\n# hostvigil: interval=5m\n")
    (house.scripts / "bytes").chmod(0o755)
    config = house.load()
    assert config.problems == ()
    assert {name: check.interval for name, check in config.checks.items()} == {"program": 60.0, "bytes": 300.0}


# With root's rights


def test_root_takes_no_script_that_others_could_change(house: House) -> None:
    needs.root()
    path = house.put("x", mode=0o757)
    house.put("good")
    assert house.problems()[0].startswith("x:1:1: x: refused to run it: everybody may write ")
    assert list(house.load().checks) == ["good"]
    path.chmod(0o755)
    os.chown(path, 65534, 0)
    assert "belongs to nobody, who could change it" in house.problems()[0]
    with pytest.raises(CheckError, match="refused to run"):
        list(found(script_of(str(path)).run(Context())))


def test_root_reads_no_configuration_that_everybody_can_write(house: House) -> None:
    needs.root()
    file = house.config / "0.yaml"
    house.drop_in("checks: {mail: {type: script, command: [/bin/true]}}\n", file.name)
    file.chmod(0o666)
    (told,) = house.problems()
    assert told == f"{file}:1:1: refused, for the agent runs as root: everybody may write {file}: chmod go-w {file}"
    file.chmod(0o644)
    house.config.chmod(0o777)
    (told,) = house.problems()
    assert f"everybody may write {house.config}: chmod go-w {house.config}" in told
    assert house.load().checks == {}
    house.config.chmod(0o1777)
    assert (house.problems(), list(house.load().checks)) == ([], ["mail"])


# The whole way


@pytest.fixture
def scripts(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "scripts.d"
    folder.mkdir()
    yield folder


def test_a_script_dropped_into_a_watched_folder_runs_and_is_told(
    agent: AgentProcess,  # noqa: F811 - the fixture
    api: ApiStandIn,
    scripts: Path,
) -> None:
    def drop(name: str, text: str, interval: str = "1s") -> None:
        (scripts / f".{name}").write_text(f"#!/bin/sh\n# hostvigil: interval={interval} fail_after.nodata=99\n{text}\n")
        (scripts / f".{name}").chmod(0o755)
        (scripts / f".{name}").rename(scripts / name)

    drop("first", "echo broken; exit 2", "1h")  # so that no run of it falls between its end and the reload
    agent.write("z.yaml", f"agent: {{watch: true, scripts: {scripts}}}\n")
    agent.start()
    wait_for_told(api, 1)
    drop("second", "echo bad; exit 1")
    wait_for_told(api, 2)
    (scripts / "first").unlink()
    wait_for_told(api, 3)
    assert [event["status"] for event in told(api)] == ["critical", "warning", "ok"]


def test_a_file_that_would_have_its_reader_wait_holds_up_nothing(tmp_path: Path) -> None:
    """The kernel calls /proc/kmsg a regular file, and has its readers wait for the next message."""
    needs.root()
    endless = needs.file("/proc/kmsg")
    (tmp_path / "x").symlink_to(endless)
    before = time.monotonic()
    with contextlib.suppress(BlockingIOError):
        beginning(tmp_path / "x", 100)
    assert look(tmp_path / "x", "") == ({}, "")
    assert isinstance(regular_file(tmp_path / "x", 10**7), bytes)
    assert time.monotonic() - before < 5
