"""Results that are reported and wrapped reach a real agent, whatever is wrong with it or with them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from agent.push.client import push
from agent.push.message import Message
from agent.push.sockets import reachable
from tests.host import needs
from tests.processes.agent_process import AgentProcess, agent_process

# --- for real ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    with agent_process(tmp_path) as agent:
        agent.write("backup.yaml", "checks:\n  backup: {type: pushed, ttl: 1h, max_run: 1h}\n")
        yield agent


def started(agent: AgentProcess) -> None:
    agent.start()
    agent.wait_for_socket("agent.sock")


def test_a_reported_result_is_taken_and_told(agent: AgentProcess) -> None:
    started(agent)
    assert agent.call("report", "backup", "critical", "disk", "full", "--metric", "files=12").returncode == 0
    agent.wait_until(lambda: "CRITICAL backup" in agent.output(), "the event")
    (line,) = [line for line in agent.status()["checks"] if line["check"] == "backup"]
    assert (line["summary"], line["metrics"][0]["value"]) == ("disk full", 12)
    assert agent.call("report", "backup", "ok", "fine").returncode == 0
    agent.wait_until(lambda: "OK backup" in agent.output(), "the recovery")


def test_what_cannot_be_taken_is_said(agent: AgentProcess) -> None:
    agent.write("other.yaml", "checks:\n  other: {type: script, command: ['true']}\n")
    started(agent)
    for name in ("nobody", "other"):
        done = agent.call("report", name, "ok", "fine")
        assert done.returncode == 2
        assert f"no check of type pushed is called '{name}'" in done.stderr
    for wrong in ("oops", "=5"):
        assert "name=value" in agent.call("report", "backup", "ok", "x", "--metric", wrong).stderr


def test_results_pushed_while_the_agent_is_down_are_taken_in_order_when_it_starts(agent: AgentProcess) -> None:
    started(agent)
    agent.stop()
    assert "when it starts" in agent.call("report", "backup", "critical", "one").stdout
    assert agent.call("report", "backup", "ok", "two").returncode == 0
    assert agent.call("report", "backup", "warning", "three").returncode == 0
    agent.start()
    agent.wait_until(lambda: "WARNING backup" in agent.output(), "the last event")
    titles = [line for line in agent.output().splitlines() if " backup on " in line]
    assert [title.split()[1] for title in titles] == ["CRITICAL", "OK", "WARNING"]
    agent.wait_until(lambda: not list((agent.state / "spool").iterdir()), "an empty spool")


def test_a_kill_right_after_a_report_loses_nothing(agent: AgentProcess) -> None:
    started(agent)
    for number in range(4):
        status = "critical" if number % 2 == 0 else "ok"
        assert agent.call("report", "backup", status, f"turn {number}").returncode == 0
        agent.stop(signal.SIGKILL)
        agent.start()
        agent.wait_until(lambda: agent.status()["agent"], "the next start")
        agent.wait_for_socket("agent.sock")
        # The agent may have been killed before it took the result: then it finds it in the spool.
        agent.wait_until(lambda: believed_of_backup(agent) == (status, f"turn {number}"), "the result")  # noqa: B023


def believed_of_backup(agent: AgentProcess) -> tuple[str, str]:
    (line,) = [line for line in agent.status()["checks"] if line["check"] == "backup"]
    return line["status"], line["summary"]


def test_a_check_without_results_is_nodata_after_its_ttl_and_well_again_with_the_next(agent: AgentProcess) -> None:
    agent.write("backup.yaml", "checks:\n  backup: {type: pushed, ttl: 1s}\n")
    started(agent)
    agent.wait_until(lambda: "NODATA backup" in agent.output(), "the dead man's switch")
    agent.call("report", "backup", "ok", "back", "--subject", "db")
    agent.wait_until(lambda: "OK backup" in agent.output(), "the recovery")


def test_wrap_passes_the_output_and_the_exit_status_and_tells_the_result(agent: AgentProcess) -> None:
    started(agent)
    done = agent.call("wrap", "backup", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    agent.wait_until(lambda: "CRITICAL backup" in agent.output(), "the event")
    assert "exit 3" in agent.output()
    assert agent.call("wrap", "backup", "--", "true").returncode == 0
    agent.wait_until(lambda: "OK backup" in agent.output(), "the recovery")
    assert agent.call("wrap", "backup", "--", "no-such-command").returncode == 127


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGRTMIN + 1])
def test_a_signal_that_ends_is_the_commands_and_its_end_is_told(agent: AgentProcess, number: int) -> None:
    started(agent)
    command = [*agent._command("wrap"), "backup", "--", "sh", "-c", "echo on; exec sleep 60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as wrapped:
        assert wrapped.stdout is not None
        assert wrapped.stdout.readline() == b"on\n"
        wrapped.send_signal(number)
        assert wrapped.wait(30) == 128 + number
    agent.wait_until(lambda: "killed by" in agent.call("status").stdout, "the end")


def test_wrap_runs_the_command_whatever_is_wrong_with_the_agent(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        done = agent.call("wrap", "backup", "--", "echo", "done")
        assert (done.returncode, done.stdout) == (0, "done\n")
        assert "the agent does not answer" in done.stderr


def test_a_wrapped_command_that_runs_too_long_is_told_while_it_runs(agent: AgentProcess, tmp_path: Path) -> None:
    agent.write("backup.yaml", "checks:\n  backup: {type: pushed, ttl: 1h, max_run: 1s}\n")
    started(agent)
    wrapped = subprocess.Popen(
        [sys.executable, "-m", "agent.cli", "wrap", "--state", str(agent.state), "backup", "--", "sleep", "60"]
    )
    agent.wait_until(lambda: "still running" in agent.output(), "the warning")
    wrapped.send_signal(signal.SIGTERM)
    assert wrapped.wait(10) == 128 + signal.SIGTERM
    agent.wait_until(lambda: "killed by SIGTERM" in agent.call("status").stdout, "the end")


def test_a_run_that_ends_well_does_not_end_another_one_that_hangs(agent: AgentProcess) -> None:
    agent.write("backup.yaml", "checks:\n  backup: {type: pushed, ttl: 1h, max_run: 1s}\n")
    started(agent)
    hanging = subprocess.Popen(
        [sys.executable, "-m", "agent.cli", "wrap", "--state", str(agent.state), "backup", "--", "sleep", "60"]
    )
    agent.wait_until(lambda: "CRITICAL backup" in agent.output(), "the event")
    assert agent.call("wrap", "backup", "--", "true").returncode == 0
    assert "another run goes on" in agent.call("status").stdout
    hanging.send_signal(signal.SIGKILL)
    hanging.wait(10)
    assert "OK backup" not in agent.output()
    assert agent.call("wrap", "backup", "--", "true").returncode == 0
    agent.wait_until(lambda: "OK backup" in agent.output(), "the recovery")


def test_a_problem_that_was_pushed_while_silenced_is_told_when_the_silence_is_lifted(agent: AgentProcess) -> None:
    started(agent)
    assert agent.call("silence", "backup", "--for", "1h").returncode == 0
    assert agent.call("report", "backup", "critical", "disk full").returncode == 0
    assert "silenced" in agent.call("status").stdout
    assert agent.call("unsilence", "backup").returncode == 0
    agent.wait_until(lambda: "CRITICAL backup" in agent.output(), "the event")
    assert "disk full" in agent.output()
    agent.stop()
    agent.start()
    agent.wait_until(lambda: agent.status()["agent"], "the next start")
    assert agent.call("report", "backup", "critical", "disk full").returncode == 0
    assert agent.output().count("CRITICAL backup") == 1


def test_senders_that_say_nothing_or_too_much_hold_nobody_up(agent: AgentProcess) -> None:
    started(agent)
    with ExitStack() as stack, reachable(agent.state / "agent.sock") as path:
        for _ in range(40):
            stack.enter_context(socket.socket(socket.AF_UNIX)).connect(path)
        with socket.socket(socket.AF_UNIX) as loud:
            loud.settimeout(20)
            loud.connect(path)
            with suppress(BrokenPipeError, ConnectionResetError):
                loud.sendall(b"x" * 200_000)
        begun = time.monotonic()
        assert push(Message(check="backup", summary="fine"), agent.state) == "taken"
        assert time.monotonic() - begun < 6


def test_the_socket_is_for_owner_and_group_only(agent: AgentProcess) -> None:
    started(agent)
    assert (agent.state / "agent.sock").stat().st_mode & 0o777 == 0o660
    assert (agent.state / "spool").stat().st_mode & 0o7777 == 0o1770, "nobody takes another's result away"
    assert agent.state.stat().st_mode & 0o777 == 0o700, "systemd's is 0710: so the group comes to the spool, or not"
    agent.stop()
    assert not (agent.state / "agent.sock").exists()


def test_what_lies_in_the_spool_but_is_no_file_is_not_followed_and_holds_nothing_up(
    agent: AgentProcess, tmp_path: Path
) -> None:
    started(agent)
    agent.stop()
    (tmp_path / "foreign").write_text('{"check": "backup", "status": "critical", "summary": "of another user"}')
    (agent.state / "spool" / "0.json").symlink_to(tmp_path / "foreign")
    os.mkfifo(agent.state / "spool" / "1.json")
    push(Message(check="backup", summary="left while away"), agent.state)
    started(agent)
    agent.wait_until(lambda: "left while away" in agent.call("status").stdout, "the spooled result")
    assert "of another user" not in agent.output()
    assert "1.json cannot be read: not a regular file" in agent.output()


def test_what_is_spooled_is_for_the_group_of_the_spool(tmp_path: Path) -> None:
    needs.root()
    (tmp_path / "spool").mkdir()
    os.chown(tmp_path / "spool", 4321, 4322)
    assert push(Message(check="backup"), tmp_path) == "spooled"
    (file,) = (tmp_path / "spool").iterdir()
    found = file.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (4321, 4322, 0o640)


def test_secrets_are_hidden_in_pushed_results_too(tmp_path: Path) -> None:
    with agent_process(tmp_path, {"PASSWORD": "hunter2-hunter2"}) as agent:
        agent.write("b.yaml", "checks:\n  backup: {type: pushed, ttl: 1h, description: 'uses ${env:PASSWORD}'}\n")
        started(agent)
        agent.call("report", "backup", "critical", "login with hunter2-hunter2 failed")
        agent.wait_until(lambda: "CRITICAL backup" in agent.output(), "the event")
        assert "login with *** failed" in agent.output()


# --- words ------------------------------------------------------------------------------------------------------------


def test_a_status_alone_is_a_report(agent: AgentProcess) -> None:
    started(agent)
    assert agent.call("report", "backup", "warning").returncode == 0
    agent.wait_until(lambda: "WARNING backup" in agent.output(), "the event")


def test_options_of_wrap_may_stand_behind_the_name_and_what_follows_the_dashes_is_the_commands(tmp_path: Path) -> None:
    def wrapped(*words: str) -> subprocess.CompletedProcess[str]:
        call = [sys.executable, "-m", "agent.cli", "wrap", *words]
        return subprocess.run(call, capture_output=True, text=True, timeout=30, check=False)

    state = str(tmp_path)
    assert wrapped("backup", "--state", state, "--", "echo", "--state", "x").stdout == "--state x\n"
    assert wrapped("--state", state, "backup", "echo", "-n", "y").stdout == "y"
    assert wrapped("--state", state, "backup", "--", "sh", "-c", "exit 7").returncode == 7
    for words in (("backup", "--stat", state, "--", "true"), ("backup", "--state", state), ("backup", "--")):
        done = wrapped(*words)
        assert done.returncode == 2
        assert "No such file" not in done.stderr


def test_what_is_wrong_is_said_once_and_in_words(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        done = agent.call("wrap", "backup", "--", "no-such-command")
        assert done.returncode == 127
        told = done.stderr.splitlines()
        assert len(told) == 2
        assert told[1] == "hostvigil: no-such-command: there is no such command"
        assert "Errno" not in done.stderr


def test_wrap_before_the_reload_that_brings_its_check_says_so(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        agent.write("a.yaml", "checks:\n  a: {type: script, command: ['true']}\n")
        agent.start()
        agent.wait_for_socket("control.sock")
        done = agent.call("wrap", "backup", "--", "echo", "done")
        assert (done.returncode, done.stdout) == (0, "done\n")
        said = "hostvigil: no pushed check called backup is at work; if it is new: hostvigil reload\n"
        assert done.stderr == said
        agent.write("b.yaml", "checks:\n  other: {type: pushed, ttl: 1h}\n")
        assert agent.call("reload").returncode == 0
        assert "hostvigil reload" in agent.call("wrap", "backup", "--", "true").stderr


@pytest.mark.parametrize("words", [("ba\udcffckup", "--", "true"), ("b", "--subject", "x" * 600, "--", "true")])
def test_wrap_runs_its_command_whatever_the_words(words: tuple[str, ...], tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        done = agent.call("wrap", *words)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False)
        assert agent.call("wrap", "b", "--", "sh", "-c", "kill -40 $$").returncode == 128 + 40


def test_nothing_of_others_steers_the_terminal_of_who_asks(agent: AgentProcess) -> None:
    started(agent)
    agent.call("report", "backup", "critical", "\x1b[2Jgone\u202e", "--subject", "su\x1b[31mb\nj")
    for words in (("status",), ("explain", "backup"), ("events",)):
        said = agent.call(*words).stdout
        assert not {letter for letter in said if not letter.isprintable()} - {"\n"}
    rows = [line for line in agent.call("status").stdout.splitlines() if "gone" in line]
    assert len(rows) == 1
