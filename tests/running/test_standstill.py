"""The whole agent is stopped for a while (SIGSTOP, a frozen container): no check is at fault for that."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.processes.agent_process import AgentProcess, agent_process
from tests.service.test_whole_way import told, wait_for_told
from tests.stand_ins.api import ApiStandIn

CONFIG = """
agent: {{events: {{endpoint: '{url}', api_key: {key}, rate_limit: 600/min}}}}
defaults: {{interval: 2s, timeout: 1900ms, flapping: false, fail_after: {{nodata: 99}}}}
checks:
"""
SLOW = "  slow-{number}: {{type: script, command: [sh, -c, 'sleep 0.6; test ! -e {flag} || exit 2']}}\n"


def last_runs(agent: AgentProcess) -> list[int]:
    """When each of the slow ones ran last, in Unix milliseconds."""
    return [one["last_run"] for one in agent.status()["checks"] if one["check"].startswith("slow")]


@pytest.mark.slow
def test_runs_in_progress_while_the_agent_is_stopped_are_run_again_instead_of_believed(tmp_path: Path) -> None:
    with ApiStandIn() as api, agent_process(tmp_path) as agent:
        checks = "".join(SLOW.format(number=number, flag=tmp_path / "flag") for number in range(8))
        agent.write("all.yaml", CONFIG.format(url=api.url, key=api.key) + checks)
        agent.start()
        agent.wait_until(lambda: len(agent.status()["checks"]) >= 8, "first results")
        assert agent.process is not None
        agent.process.send_signal(signal.SIGSTOP)
        time.sleep(4.5)  # more than twice the timeout: this is what is tried
        resumed = time.time() * 1000
        agent.process.send_signal(signal.SIGCONT)
        agent.wait_until(lambda: min(last_runs(agent)) > resumed, "a run of each after it")
        (tmp_path / "flag").touch()
        wait_for_told(api, 8)
        assert {event["status"] for event in told(api)} == {"critical"}, [event["title"] for event in told(api)]
