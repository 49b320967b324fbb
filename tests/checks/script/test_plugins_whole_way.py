"""A plugin's way through the agent to the API; and the agent's own check as somebody else's plugin."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent.api import Context, Metric, Result, Status
from tests.checks.looks import found, script_of
from tests.host import needs
from tests.processes.agent_process import agent_process
from tests.stand_ins.api import ApiStandIn

ROOT = Path(__file__).parents[3]

CHECK = """
agent:
  hostname: web-1
  events: {{endpoint: "{url}", api_key: "${{env:HOSTVIGIL_TEST_KEY}}", rate_limit: 600/min}}
checks:
  shop:
    type: script
    command: [{plugin}, -H, 127.0.0.1, -p, "{port}", -w, "5"]
    interval: 1s
    timeout: 900ms
    fail_after: {{nodata: 99}}
"""


def test_what_a_plugin_finds_is_told_and_its_recovery_too(tmp_path: Path) -> None:
    plugin = needs.file("/usr/lib/nagios/plugins/check_tcp", "monitoring-plugins-basic")
    with (
        socket.socket() as door,
        ApiStandIn() as api,
        agent_process(tmp_path, {"HOSTVIGIL_TEST_KEY": api.key}) as agent,
    ):
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
        agent.write("shop.yaml", CHECK.format(url=api.url, plugin=plugin, port=port))
        agent.start()
        api.wait_for(1)
        door.listen(64)
        api.wait_for(2)
        assert agent.stop() == 0
    problem, recovery = api.accepted[:2]
    assert (problem["status"], recovery["status"]) == ("critical", "ok")
    refused = f"connect to address 127.0.0.1 and port {port}: Connection refused"
    assert problem["title"] == f"CRITICAL shop on web-1: {refused}"
    assert f"port {port}" in recovery["title"] + recovery["message"]
    assert "time: " in recovery["message"]
    assert "TCP OK - " in recovery["title"] + recovery["message"]


def hostvigil_check(folder: Path, name: str, **environ: str) -> Result:
    """Run `hostvigil check` as a plugin, by a script check."""
    command = [sys.executable, "-m", "agent.cli", "check", "--config", str(folder), name]
    (result,) = found(script_of(*command, cwd=str(ROOT), env=environ).run(Context(timeout=20)))
    return result


@pytest.mark.parametrize("code", range(4))
def test_hostvigil_check_is_a_plugin_itself(code: int, tmp_path: Path) -> None:
    printed = "größer | 'it''s free'=1.5KB;10:20;@~:5;0;100 loss=80%;;90 total=17592186044417B"
    (tmp_path / "inner.sh").write_text(f'#!/bin/sh\nprintf "%s\\n" "{printed}" "more | of=1ms it"\nexit {code}\n')
    (tmp_path / "inner.sh").chmod(0o755)
    (tmp_path / "a.yaml").write_text(f"checks:\n  inner: {{type: script, command: [{tmp_path}/inner.sh]}}\n")
    result = hostvigil_check(tmp_path, "inner")
    status = list(Status)[code]
    assert (result.status, result.summary) == (status, f"{status.upper()}: größer")
    assert result.details.startswith("more / of=1ms it")
    assert result.metrics == (
        Metric("it's free", 1500.0, "B", "10000:20000", "@~:5000", 0, 100_000),
        Metric("loss", 80.0, "%", "", "90"),
        Metric("total", 17592186044417.0, "B"),
    )


def test_each_subject_has_metrics_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "local").write_text("""0 one used=1|free=2 fine\n2 "two words" used=5;3;4 bad\n""")
    (tmp_path / "a.yaml").write_text(
        f"checks:\n  inner: {{type: script, format: checkmk_local, command: [cat, {tmp_path}/local]}}\n"
    )
    result = hostvigil_check(tmp_path, "inner")
    assert result.status is Status.CRITICAL
    assert "bad" in result.summary
    assert "ok       one: fine" in result.details
    assert {metric.name: metric.value for metric in result.metrics} == {
        "one used": 1,
        "one free": 2,
        "two words used": 5,
    }


def test_a_terminal_without_the_letter_gets_an_escape(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("checks:\n  inner: {type: script, command: [echo, 'größer … | a=1'], env: {}}\n")
    result = hostvigil_check(tmp_path, "inner", PYTHONIOENCODING="ascii")
    assert (result.status, result.summary) == (Status.OK, r"OK: gr\xf6\xdfer \u2026")


@pytest.mark.parametrize("arguments", [[], ["--no-such-option"], ["a", "b"]])
def test_called_wrongly_it_is_no_critical_result(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "agent.cli", "check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=20)
    assert done.returncode == 3
    assert done.stderr.startswith(("usage: hostvigil", "hostvigil: "))
