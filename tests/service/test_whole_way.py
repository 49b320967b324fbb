"""The whole way, for real: YAML files, an agent process, the API, kills and restarts in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes.agent_process import AgentProcess, agent_process
from tests.stand_ins.api import ApiStandIn

CHECK = """
checks:
  flag:
    type: script
    command: [sh, -c, 'test ! -e {flag} && echo fine || { echo "the flag is up"; exit 2; }']
    shell: false
    interval: 1s
    timeout: 900ms
    fail_after: {nodata: 99}
    description: Watches a flag.
    runbook: https://wiki.example.com/flag
    tags: {service: shop}
"""


@pytest.fixture
def agent(tmp_path: Path, api: ApiStandIn) -> Iterator[AgentProcess]:
    with agent_process(tmp_path, {"HOSTVIGIL_TEST_KEY": api.key}) as agent:
        agent.write(
            "00-agent.yaml",
            "agent:\n  hostname: web-1\n  tags: {env: test}\n  events:\n"
            f"    endpoint: {api.url}\n    api_key: ${{env:HOSTVIGIL_TEST_KEY}}\n    rate_limit: 600/min\n",
        )
        agent.write("flag.yaml", CHECK.replace("{flag}", str(tmp_path / "flag")))
        yield agent


def told(api: ApiStandIn) -> list[dict[str, Any]]:
    """The accepted events in order, each once: a kill after the POST and before its answer is noted repeats it."""
    return list({event["customTags"]["event_id"]: event for event in api.accepted}.values())


def wait_for_told(api: ApiStandIn, count: int) -> None:
    api.wait_until(lambda: len(told(api)) >= count, 60, f"{count} different events")


def test_from_a_yaml_file_to_an_accepted_event_and_its_recovery(
    agent: AgentProcess, api: ApiStandIn, tmp_path: Path
) -> None:
    agent.start()
    agent.wait_until(lambda: "flag" in {one["check"] for one in agent.status()["checks"]}, "a first result")
    (tmp_path / "flag").touch()
    wait_for_told(api, 1)
    (tmp_path / "flag").unlink()
    wait_for_told(api, 2)
    assert agent.stop() == 0
    problem, recovery = told(api)
    assert [problem["status"], recovery["status"]] == ["critical", "ok"]
    assert problem["title"] == "CRITICAL flag on web-1: the flag is up"
    assert "https://wiki.example.com/flag" in problem["message"]
    tags = problem["customTags"]
    assert {k: tags[k] for k in ("host", "env", "service", "check_name", "check_type", "previous_status")} == {
        "host": "web-1",
        "env": "test",
        "service": "shop",
        "check_name": "flag",
        "check_type": "script",
        "previous_status": "ok",
    }
    assert tags["incident_id"] == recovery["customTags"]["incident_id"]
    assert tags["event_id"] != recovery["customTags"]["event_id"]
    assert problem["date"] == pytest.approx(time.time() * 1000, abs=60_000)


def test_a_kill_between_problem_and_recovery_loses_and_invents_nothing(
    agent: AgentProcess, api: ApiStandIn, tmp_path: Path
) -> None:
    (tmp_path / "flag").touch()
    agent.start()
    wait_for_told(api, 1)
    agent.stop(signal.SIGKILL)
    agent.start()
    agent.wait_until(lambda: agent.status()["agent"], "the second start")
    agent.stop(signal.SIGKILL)
    (tmp_path / "flag").unlink()
    agent.start()
    wait_for_told(api, 2)
    assert agent.stop() == 0
    assert [event["status"] for event in told(api)] == ["critical", "ok"]
    assert len({event["customTags"]["incident_id"] for event in told(api)}) == 1


def test_an_outage_of_the_api_delays_events_but_loses_none(
    agent: AgentProcess, api: ApiStandIn, tmp_path: Path
) -> None:
    api.down = "500"
    (tmp_path / "flag").touch()
    agent.start()
    agent.wait_until(lambda: agent.status()["outbox"]["count"] == 1, "an event in the outbox")
    assert agent.json("events", "--pending")["events"][0]["status"] == "critical"
    agent.stop(signal.SIGKILL)
    api.down = ""
    (tmp_path / "flag").unlink()
    agent.start()
    wait_for_told(api, 2)
    assert [event["status"] for event in told(api)] == ["critical", "ok"]
    agent.wait_until(lambda: agent.status()["outbox"]["count"] == 0, "an empty outbox")


def test_sigterm_ends_an_agent_with_a_hanging_check_within_two_seconds(agent: AgentProcess, tmp_path: Path) -> None:
    agent.write(
        "hang.yaml",
        'checks:\n  hang:\n    type: script\n    command: [sh, -c, \'trap "" TERM; echo $$ > '
        f"{tmp_path / 'pid'}; sleep 60; sleep 60']\n    interval: 100s\n    timeout: 90s\n",
    )
    agent.start()
    agent.wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "the script's start")
    begun = time.monotonic()
    assert agent.stop() == 0
    assert time.monotonic() - begun < 2
    child = int((tmp_path / "pid").read_text())
    agent.wait_until(lambda: not _alive(child), "the end of the script")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_second_agent_on_the_same_state_refuses_and_says_who_holds_it(agent: AgentProcess) -> None:
    agent.start()
    agent.wait_until(lambda: agent.status()["agent"], "the first agent")
    second = agent.call("run")
    assert second.returncode == 2
    assert agent.process is not None
    assert f"process {agent.process.pid}" in second.stderr


def test_a_broken_drop_in_is_told_and_the_other_checks_run(agent: AgentProcess, api: ApiStandIn) -> None:
    agent.write("broken.yaml", "checks:\n  web: {type: http, ulr: 'http://localhost/'}\n")
    agent.start()
    wait_for_told(api, 1)
    assert told(api)[0]["status"] == "nodata"
    assert "did you mean 'url'" in told(api)[0]["message"]
    agent.wait_until(lambda: "fine" in agent.call("status").stdout, "the good check's result")
    agent.stop()
    agent.write("broken.yaml", "checks: {}\n")
    agent.start()
    wait_for_told(api, 2)
    assert [event["status"] for event in told(api)] == ["nodata", "ok"]


def test_a_removed_check_closes_its_incident(agent: AgentProcess, api: ApiStandIn, tmp_path: Path) -> None:
    (tmp_path / "flag").touch()
    agent.start()
    wait_for_told(api, 1)
    agent.stop()
    agent.write("flag.yaml", "checks:\n  other: {type: script, command: ['true']}\n")
    agent.start()
    wait_for_told(api, 2)
    assert told(api)[1]["status"] == "ok"
    assert "no longer configured" in told(api)[1]["title"]


def test_the_key_is_nowhere(agent: AgentProcess, api: ApiStandIn, tmp_path: Path) -> None:
    agent.write(
        "leak.yaml",
        "checks:\n  leak: {type: script, command: [sh, -c, 'env; exit 2'], env: {K: '${env:HOSTVIGIL_TEST_KEY}'}}\n",
    )
    agent.start("--verbose")
    wait_for_told(api, 1)
    agent.wait_until(lambda: "leak" in agent.call("status").stdout, "the leaking check's result")
    agent.stop()
    agent.start("--verbose")
    seen = agent.output() + repr(api.accepted) + agent.call("status", "--json").stdout
    assert api.key not in seen
    for file in filter(Path.is_file, agent.state.iterdir()):
        assert api.key.encode() not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0


def test_without_an_endpoint_events_are_printed_as_they_happen(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        agent.write("flag.yaml", CHECK.replace("{flag}", str(tmp_path / "flag")))
        (tmp_path / "flag").touch()
        agent.start()
        agent.wait_until(lambda: "CRITICAL flag on" in agent.output(), "the event on the terminal")
        assert "CRITICAL flag" in agent.call("events").stdout


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 1", 1), ("exit 2", 2), ("exit 3", 3)])
def test_check_exits_like_a_nagios_plugin(agent: AgentProcess, script: str, code: int) -> None:
    agent.write(
        "one.yaml", f"checks:\n  one: {{type: script, command: [sh, -c, 'echo \"hi there | t=3s;5;9\"; {script}']}}\n"
    )
    done = agent.call("check", "one")
    assert done.returncode == code
    assert done.stdout.splitlines()[0] == f"{('OK', 'WARNING', 'CRITICAL', 'NODATA')[code]}: hi there | 't'=3s;5;9"


def test_check_says_what_is_wrong_with_a_check_that_is_written_wrong(agent: AgentProcess) -> None:
    agent.write("one.yaml", "checks:\n  one: {type: dsik}\n")
    done = agent.call("check", "one")
    assert done.returncode == 3
    assert "did you mean 'disk'" in done.stdout + done.stderr
    assert agent.call("check", "nobody").returncode == 3


def test_every_command_says_how_it_is_used() -> None:
    done = subprocess.run([sys.executable, "-m", "agent.cli", "--help"], capture_output=True, text=True, check=True)
    for command in ("run", "validate", "check", "status", "events", "test-event", "schema", "types"):
        assert command in done.stdout
