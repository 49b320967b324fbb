"""Ten readers at once: the page is made once for all, and no check is late for it."""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

from tests.page.browser import browser
from tests.processes.agent_process import AgentProcess, agent_process

READERS = 10
SECONDS = float(os.environ.get("HOSTVIGIL_CROWD_SECONDS", "8"))
"""A minute by hand; what ten readers cost shows in a few seconds as well."""
CHECKS = 60
TICK = """
import os, time
from agent.api import Check, ok

class Tick(Check):
    \"\"\"Notes when it runs.\"\"\"

    file: str

    def run(self, ctx):
        with open(self.file, "a") as out:
            out.write(f"{time.monotonic()}\\n")
        yield ok("ran")
"""


def test_ten_readers_and_a_browser_hold_up_no_check(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    files = [tmp_path / f"ticks-{n}" for n in range(CHECKS)]
    lines = [f"  c{n}: {{type: tick, file: {file}, interval: 1s}}" for n, file in enumerate(files)]
    with agent_process(tmp_path) as agent:
        (agent.config.parent / "checks.d").mkdir()
        (agent.config.parent / "checks.d/tick.py").write_text(TICK)
        agent.write("a.yaml", "\n".join([f"agent: {{page: '127.0.0.1:{port}'}}", "checks:", *lines, ""]))
        agent.start()
        agent.wait_until(lambda: all(file.exists() for file in files), "all results", 60)
        ends, answers = threading.Event(), [0] * READERS
        readers = [threading.Thread(target=poll, args=(port, ends, answers, n)) for n in range(READERS)]
        for reader in readers:
            reader.start()
        with browser(tmp_path / "profile") as driver:
            driver.get(f"http://127.0.0.1:{port}/")
            begin, before = time.monotonic(), cpu(agent)
            time.sleep(SECONDS)
            end, busy = time.monotonic(), (cpu(agent) - before) / SECONDS
            title = driver.title
        ends.set()
        for reader in readers:
            reader.join()
    runs = [[float(line) for line in file.read_text().split() if begin <= float(line) < end] for file in files]
    gaps = sorted(two - one for found in runs for one, two in itertools.pairwise(found))
    print(f"{sum(answers)} answers, {busy:.1%} of a processor; the longest between two runs {gaps[-1]:.2f}s")
    assert f"{CHECKS + 2} ok on" in title
    assert min(answers) > 0
    # By itself each check has its run each second; the bounds bear a machine that is busy with other tests.
    assert min(map(len, runs)) >= 0.7 * (end - begin) - 1
    assert gaps[len(gaps) // 2] < 1.2
    assert gaps[-1] < 5, "none is left out"


def poll(port: int, ends: threading.Event, answers: list[int], number: int) -> None:
    """Ask as a browser does that is shown, but twice a second."""
    while not ends.wait(0.5):
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/?part=main")
        if connection.getresponse().read():
            answers[number] += 1
        connection.close()


def cpu(agent: AgentProcess) -> float:
    assert agent.process is not None
    fields = Path(f"/proc/{agent.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
