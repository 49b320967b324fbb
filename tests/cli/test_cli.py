"""What the commands print: pure pages, and the commands themselves beside a real agent."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli.check import text
from agent.cli.events import text as event_text
from agent.cli.events import title_of
from agent.model import Metric, Outcome, Result, Status
from agent.store import Delivery, Phase
from tests.processes.agent_process import AgentProcess, agent_process


def outcome(*results: Result) -> Outcome:
    return Outcome("web", 1, 0, 0.012, results)


def test_check_prints_the_worst_first_and_performance_data_at_the_end_of_the_first_line() -> None:
    printed = text(
        outcome(
            Result(Status.OK, "/ fine", "/", "", (Metric("used", 40.0, "%", "80", "90", 0, 100),)),
            Result(Status.CRITICAL, "/mnt | full", "/mnt", "more\nlines", (Metric("it's=odd", 1.5),)),
        )
    )
    assert printed.split("\n") == [
        "CRITICAL: /mnt / full | '/mnt it''s_odd'=1.5 '/ used'=40%;80;90;0;100",
        "critical /mnt / full",
        "ok       / fine",
        "more",
        "lines",
        "took 12ms",
    ]


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    with agent_process(tmp_path, {"TOKEN": "hidden-token"}) as agent:
        agent.write(
            "a.yaml",
            "checks:\n  web: {type: script, command: [sh, -c, 'exit 1', '${env:TOKEN}'], interval: 1s}\n",
        )
        yield agent


def test_explain_names_each_setting_with_its_value_and_place_but_no_secret(agent: AgentProcess) -> None:
    agent.start()
    agent.wait_until(lambda: agent.status()["checks"], "a first result")
    said = agent.call("explain", "web").stdout
    assert "web is a check of type script, written at " in said
    assert "  interval  1s " in said
    assert "a.yaml:2:" in said
    assert "hidden-token" not in said
    assert f"Settings, in {agent.config}:\n" in said
    assert re.search(r"(?m)^  command +sh -c 'exit 1' '\*\*\*' +a\.yaml:2:32$", said)
    assert agent.call("explain", "nobody").returncode == 2
    assert "no check is called 'wbe', did you mean 'web'?" in agent.call("explain", "wbe").stderr
    assert "no check is called 'wbe', did you mean 'web'?" in agent.call("check", "wbe").stderr


def test_a_check_that_may_stand_in_a_file_nobody_could_read_is_not_called_missing(agent: AgentProcess) -> None:
    agent.start()
    agent.wait_until(lambda: agent.status()["checks"], "a first result")
    (agent.config / "a.yaml").rename(agent.config / "a")
    (agent.config / "b.yaml").symlink_to("nowhere.yaml")
    assert "it may be in what cannot be read: " in agent.call("explain", "web").stderr
    done = agent.call("check", "other")
    assert done.returncode == 3
    assert "b.yaml" in done.stderr


def test_a_check_that_is_written_wrong_says_so_and_never_in_the_place_of_json(agent: AgentProcess) -> None:
    agent.write("a.yaml", "checks: {bad: {type: nope}}\n")
    assert "unknown type 'nope'" in agent.call("check", "bad").stdout
    done = agent.call("check", "bad", "--json")
    assert (done.returncode, done.stdout, "unknown type 'nope'" in done.stderr) == (3, "", True)


def test_a_check_that_is_switched_off_is_run_by_hand_and_says_so(agent: AgentProcess) -> None:
    agent.write("a.yaml", "checks: {off: {type: file, path: /, enabled: false}, on: {type: file, path: /}}\n")
    words = "off is switched off (enabled: false): the agent does not run it\n"
    assert agent.call("check", "off").stdout.endswith(words)
    assert "switched off" not in agent.call("check", "on").stdout + agent.call("check", "--json", "off").stdout


def test_a_pipe_that_closes_early_is_no_error(agent: AgentProcess) -> None:
    import subprocess
    import sys

    done = subprocess.run(
        f"{sys.executable} -m agent.cli types | head -1", shell=True, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stderr == ""


def test_commands_without_a_store_say_so(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        for command in (("status",), ("events",), ("explain", "web")):
            done = agent.call(*command)
            assert done.returncode == 2
            assert "has the agent run" in done.stderr
        assert "no agent is running" in agent.call("reload").stderr


@pytest.mark.parametrize("facts", [b"", b"{", b'{"at": []}', b"\xff", None])
def test_an_event_whose_facts_cannot_be_read_still_says_whose_it_is(facts: bytes | None) -> None:
    one = Delivery(1, "hook", "id", "disk", "/srv", "critical", 10**30, "", None, Phase.REFUSED, 1, "", 0, facts=facts)
    assert title_of(one) == "disk /srv"
    assert "refused    disk /srv" in event_text(one)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_who_ends_a_check_sees_no_traceback_and_its_script_is_gone(
    agent: AgentProcess, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    begun = tmp_path / "begun"
    agent.write(
        "a.yaml",
        f"checks:\n  slow: {{type: script, command: [sh, -c, 'echo $$ > {begun}; exec sleep 60'], timeout: 50s}}\n",
    )
    # What runs behind a shell's `&` has SIGINT ignored, and would hand that on.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    command = subprocess.Popen(agent._command("check", "slow"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    signal.signal(signal.SIGINT, before)
    agent.wait_until(lambda: begun.exists() and begun.read_text(), "the script")
    command.send_signal(number)
    out, err = command.communicate(timeout=60)
    assert (command.returncode, out, err) == (code, b"", b"")
    agent.wait_until(lambda: not Path(f"/proc/{int(begun.read_text())}").exists(), "its end")
