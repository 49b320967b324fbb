"""Files of the configuration on a mount that hangs: bounded in time, named, and nothing else is touched by it."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agent.cli.places import is_there
from agent.system.frozen import FROZEN, takes_writes
from tests.host import kernel, needs
from tests.processes.agent_process import AgentProcess, agent_process
from tests.stand_ins.api import ApiStandIn

GOOD = "checks:\n  good: {type: script, command: [/bin/true], interval: 1s}\n"
SECONDS = 10
"""For a command on a busy machine. What hangs would take for ever."""
SAID = "cannot be read in time: does its disk or mount hang?"


def secrets(agent: AgentProcess, dead: Path) -> list[Path]:
    for number in range(5):
        use = f"command: [/bin/echo, '${{file:{dead}/{number}}}']"
        agent.write(f"secret{number}.yaml", f"checks:\n  secret{number}: {{type: script, {use}}}\n")
    return [dead / str(number) for number in range(5)]


def drop_in(agent: AgentProcess, dead: Path) -> list[Path]:
    (agent.config / "x.yaml").symlink_to(dead / "x.yaml")
    return [agent.config / "x.yaml"]


def folder_of_types(agent: AgentProcess, dead: Path) -> list[Path]:
    folder = agent.config.parent / "checks.d"
    folder.symlink_to(dead)
    agent.write("mine.yaml", "checks: {mine: {type: mine}}\n")
    return [folder]


def type_(agent: AgentProcess, dead: Path) -> list[Path]:
    folder = agent.config.parent / "checks.d"
    folder.mkdir()
    (folder / "mine.py").symlink_to(dead / "mine.py")
    agent.write("mine.yaml", "checks: {mine: {type: mine}}\n")
    return [folder / "mine.py"]


def folder_of_scripts(agent: AgentProcess, dead: Path) -> list[Path]:
    agent.write("scripts.yaml", f"agent: {{scripts: {dead}}}\n")
    return [dead]


def script(agent: AgentProcess, dead: Path) -> list[Path]:
    folder = agent.config.parent / "scripts.d"
    folder.mkdir()
    (folder / "mine").symlink_to(dead / "mine")
    agent.write("scripts.yaml", f"agent: {{scripts: {folder}}}\n")
    return [folder / "mine"]


def token(agent: AgentProcess, dead: Path) -> list[Path]:
    agent.write("page.yaml", f"agent: {{page: 'unix:{agent.config.parent}/p', page_token: {dead}/token}}\n")
    return [dead / "token"]


KINDS = {"folders": (secrets, drop_in, folder_of_types, folder_of_scripts), "files": (secrets, type_, script, token)}


@pytest.fixture
def mounts() -> Iterator[None]:
    needs.root()
    needs.file("/dev/fuse")
    with kernel.own_mounts():
        yield


@pytest.fixture
def agent(mounts: None) -> Iterator[AgentProcess]:
    # Short paths are told uncut.
    with TemporaryDirectory() as folder, ApiStandIn() as api, agent_process(Path(folder)) as agent:
        agent.write("agent.yaml", f"agent: {{events: {{endpoint: '{api.url}', api_key: '{api.key}'}}}}\n")
        agent.write("good.yaml", GOOD)
        yield agent


def hanging(agent: AgentProcess) -> AbstractContextManager[Path]:
    return kernel.never_answering(agent.config.parent / "dead")


def commanded(agent: AgentProcess, *arguments: str) -> str:
    began = time.monotonic()
    done = agent.call(*arguments)
    assert time.monotonic() - began < SECONDS, f"{arguments} took too long"
    return done.stdout + done.stderr


def names(said: str, paths: list[Path]) -> bool:
    return all(str(path) in said for path in paths)


def ends(agent: AgentProcess) -> None:
    began = time.monotonic()
    assert agent.stop(signal.SIGTERM) == 0
    assert time.monotonic() - began < SECONDS


@pytest.mark.parametrize("kinds", KINDS)
def test_what_hangs_at_the_start_is_named_and_everything_else_goes_on(agent: AgentProcess, kinds: str) -> None:
    with hanging(agent) as dead:
        paths = [path for kind in KINDS[kinds] for path in kind(agent, dead)]
        agent.start()
        agent.wait_until(lambda: names(agent.output(), paths), "a word about all that hangs")
        agent.wait_until(lambda: " ok" in commanded(agent, "status", "good"), "a run of the other check")
        assert SAID in commanded(agent, "status")
        assert names(commanded(agent, "validate"), paths)
        assert commanded(agent, "check", "good").startswith("OK")
        ends(agent)


@pytest.mark.parametrize("kinds", KINDS)
def test_what_hangs_at_a_reload_leaves_all_as_it_was_until_it_answers(agent: AgentProcess, kinds: str) -> None:
    agent.start()
    agent.wait_until(lambda: "1 check at work" in agent.call("reload").stdout, "a running agent")
    with hanging(agent) as dead:
        paths = [path for kind in KINDS[kinds] for path in kind(agent, dead)]
        said = commanded(agent, "reload")
        assert names(said, paths)
        assert "1 check at work; what is wrong stays as it was" in said
        assert SAID in commanded(agent, "status")
    # What is on it is gone with the mount, and that is an answer: nobody has to ask for one more reload.
    agent.wait_until(lambda: SAID not in agent.call("status").stdout, "one more look")
    ends(agent)


def test_a_whole_folder_that_hangs_is_waited_for_and_nothing_is_drained(agent: AgentProcess) -> None:
    good = agent.config.parent / "good.d"
    agent.config.rename(good)
    agent.config.symlink_to(good)
    agent.write("push.yaml", "checks:\n  job: {type: pushed, ttl: 1h}\n")
    agent.start()
    agent.wait_until(lambda: agent.call("report", "job", "critical", "broken").returncode == 0, "a pushed problem")
    ends(agent)
    with hanging(agent) as dead:
        agent.config.unlink()
        agent.config.symlink_to(dead)
        agent.start()
        agent.wait_until(lambda: f"{agent.config}:1:1: {SAID}" in agent.output(), "a word about the folder")
        assert "it takes the result when it starts" in commanded(agent, "report", "job", "ok", "mended")
        assert names(commanded(agent, "status"), [agent.config])
        agent.config.unlink()
        agent.config.symlink_to(good)
    agent.wait_until(lambda: "mended" in agent.call("status", "job").stdout, "what was pushed meanwhile")
    agent.wait_until(lambda: "ok" in agent.call("status", "good").stdout, "a run")
    ends(agent)


def test_an_end_that_is_asked_for_while_the_folder_hangs_comes_at_once(agent: AgentProcess) -> None:
    with hanging(agent) as dead:
        agent.config.rename(agent.config.parent / "good.d")
        agent.config.symlink_to(dead)
        agent.start()
        agent.wait_until(lambda: catches(agent, signal.SIGTERM), "an agent that hears signals")
        began = time.monotonic()
        assert agent.stop(signal.SIGTERM) == 0
        assert time.monotonic() - began < SECONDS


def test_no_command_hangs_with_the_folder(agent: AgentProcess) -> None:
    agent.start()
    agent.wait_until(lambda: "1 check at work" in agent.call("reload").stdout, "a running agent")
    with hanging(agent) as dead:
        agent.config.rename(agent.config.parent / "good.d")
        agent.config.symlink_to(dead)
        said = f"{agent.config} {SAID}"
        assert said in commanded(agent, "discover")
        assert said in commanded(agent, "new-check", "mine")
        assert said in commanded(agent, "setup", "--yes", "--no-start", "--endpoint", "http://127.0.0.1:1")
        assert "nothing is told as a problem of good now" in commanded(agent, "ack", "good")
        assert "it matches good" in commanded(agent, "silence", "good", "--for", "1m")
        commanded(agent, "test-event")
        ends(agent)


def test_a_socket_of_the_page_that_hangs_closes_the_page_and_nothing_else(agent: AgentProcess) -> None:
    with hanging(agent) as dead:
        agent.write("page.yaml", f"agent: {{page: 'unix:{dead}/page'}}\n")
        agent.start()
        agent.wait_until(lambda: " ok" in commanded(agent, "status", "good"), "a run of the check")
        agent.wait_until(lambda: f"the page cannot be served at unix:{dead}/page: {SAID}" in agent.output(), "a word")
        ends(agent)


def test_a_socket_of_the_page_that_comes_to_hang_keeps_no_agent_from_its_end(agent: AgentProcess) -> None:
    folder = agent.config.parent / "dead"
    folder.mkdir()
    agent.write("page.yaml", f"agent: {{page: 'unix:{folder}/page'}}\n")
    agent.start()
    agent.wait_until((folder / "page").exists, "the page")
    with hanging(agent):
        ends(agent)


@pytest.mark.parametrize("place", ["dead", "dead/state"])
def test_a_state_directory_that_hangs_is_named_by_all_and_waited_for_by_the_agent(
    agent: AgentProcess, place: str
) -> None:
    agent.state = agent.config.parent / place
    said = f"{agent.state} {SAID}"
    with hanging(agent):
        agent.start()
        agent.wait_until(lambda: said in agent.output(), "a word about the state directory", SECONDS)
        for command in (
            ("status",),
            ("explain", "good"),
            ("events",),
            ("reload",),
            ("report", "good", "ok"),
            ("doctor",),
        ):
            assert said in commanded(agent, *command), command
        assert "no problems" in commanded(agent, "validate")
        assert commanded(agent, "check", "good").startswith("OK")
    agent.wait_until(lambda: " ok" in commanded(agent, "status", "good"), "a run once the directory is there")
    assert f"the state directory {agent.state} answers again" in agent.output()
    ends(agent)


def test_an_end_that_is_asked_for_while_the_state_directory_hangs_comes_at_once(agent: AgentProcess) -> None:
    agent.state = agent.config.parent / "dead"
    with hanging(agent):
        agent.start()
        agent.wait_until(lambda: SAID in agent.output(), "a word about the state directory", SECONDS)
        ends(agent)


def test_a_command_that_is_wrapped_runs_although_the_state_directory_hangs(agent: AgentProcess) -> None:
    agent.state = agent.config.parent / "dead"
    with hanging(agent):
        said = commanded(agent, "wrap", "good", "--", "/bin/echo", "it ran")
        assert said.startswith("it ran\n")
        assert said.count(SAID) == 1


def test_a_servers_state_directory_that_hangs_is_the_one_that_is_meant(mounts: None, tmp_path: Path) -> None:
    with kernel.never_answering(tmp_path / "dead") as dead:
        assert is_there(dead, os.X_OK)
    assert is_there(tmp_path, os.X_OK)
    assert not is_there(tmp_path / "none", os.X_OK)


def test_who_asks_an_agent_to_run_a_check_waits_for_no_state_directory_that_hangs(agent: AgentProcess) -> None:
    agent.state = agent.config.parent / "dead"
    with hanging(agent):
        assert f"{agent.state} {SAID}" in commanded(agent, "check", "good", "--by-agent")


@contextmanager
def freezing(target: Path) -> Iterator[None]:
    """Keep all who write there waiting, as a snapshot does. Source: FIFREEZE, FITHAW of linux/fs.h."""
    folder = os.open(target, os.O_RDONLY)
    fcntl.ioctl(folder, 0xC0045877, 0)
    try:
        yield
    finally:
        fcntl.ioctl(folder, 0xC0045878, 0)
        os.close(folder)


def test_on_a_filesystem_that_is_frozen_each_command_says_so_and_a_wrapped_one_runs(agent: AgentProcess) -> None:
    needs.command("mkfs.ext4")
    image = agent.config.parent / "image"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    agent.state.mkdir()
    mounting = subprocess.run(["mount", "-o", "loop", image, agent.state], capture_output=True, text=True)
    if mounting.returncode:
        needs.missing(f"loop devices: {mounting.stderr}")
    agent.write("push.yaml", "checks:\n  job: {type: pushed, ttl: 1h}\n")
    agent.start()
    agent.wait_until(lambda: " ok" in commanded(agent, "status", "good"), "a run")
    ends(agent)
    assert takes_writes(agent.state)
    with freezing(agent.state):
        for command in (("status",), ("status", "--watch", "1")):
            assert f"{agent.state} {FROZEN}" in commanded(agent, *command), command
        said = commanded(agent, "wrap", "job", "--", "/bin/echo", "it ran")
        assert said.startswith("it ran\n")
        assert said.count(f"{agent.state}/spool {FROZEN}") == 1
    assert takes_writes(agent.state)
    kernel.unmount(agent.state)


def catches(agent: AgentProcess, number: int) -> bool:
    assert agent.process
    said = Path(f"/proc/{agent.process.pid}/status").read_text()
    caught = next(int(line.split()[1], 16) for line in said.splitlines() if line.startswith("SigCgt"))
    return bool(caught >> (number - 1) & 1)
