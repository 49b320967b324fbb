"""A disk that is full, fails or takes no write: nothing written is lost, and it is told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from agent.store import Store, StoreError
from agent.store.connection import FILE
from tests.host import needs
from tests.processes.agent_process import AgentProcess, agent_process
from tests.stand_ins.api import ApiStandIn
from tests.store.filled import all_garbage, aside, change, filled, opened

# --- the disk ---------------------------------------------------------------------------------------------------------


@contextmanager
def small_disk(where: Path, size: str) -> Iterator[Path]:
    needs.root()
    where.mkdir()
    mount = [needs.command("mount"), "-t", "tmpfs", "-o", f"size={size}", "none", str(where)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        needs.missing("the permission to mount")
    try:
        yield where
    finally:
        subprocess.run([needs.command("umount"), "-l", str(where)], check=True)


def filled_up(disk: Path) -> Path:
    """Leave no room; return the file that takes it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return ballast


def test_a_full_disk_is_said_and_nothing_written_is_lost(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "600k") as disk, opened(disk / "state") as store:
        written = 0
        with pytest.raises(StoreError, match="full"):
            for written in range(10_000):
                store.record([change(written)])
        assert store.history.backlog()["events"].count == written
        with pytest.raises(StoreError, match="full"):
            store.record([change(written)])
        subprocess.run([needs.command("mount"), "-o", "remount,size=4m", str(disk)], check=True)
        store.record([change(written)])
        assert store.history.backlog()["events"].count == written + 1


def test_a_read_only_state_directory_is_refused_clearly(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        filled(disk / "state", 3)
        subprocess.run([needs.command("mount"), "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(StoreError, match="Read-only file system"):
            Store.open(disk / "state")


FAILING = """
import sys
from pathlib import Path
from agent.store import StoreError
from tests.delivery.deliveries import opened as with_destination
from tests.store.filled import change
store = with_destination(Path(sys.argv[1]))
print("going", flush=True)
for number in range(40):
    for tries in range(50):
        try:
            store.record([change(number)])
            break
        except StoreError as error:
            print(error, flush=True)
store.close()
"""


@pytest.mark.parametrize(("call", "when"), [("fdatasync", "25+7"), ("pwrite64", "150+60")])
def test_a_disk_that_fails_now_and_then_costs_no_change(tmp_path: Path, call: str, when: str) -> None:
    # Not the first calls: a store that cannot be made is another matter.
    inject = f"inject={call}:error=EIO:when={when}"
    command = [needs.command("strace", "strace"), "-f", "-qq", "-e", f"trace={call}", "-e", inject, "-o", "/dev/null"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        needs.missing("the permission to trace a child")
    done = subprocess.run(
        [*command, sys.executable, "-c", FAILING, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "disk I/O error" in done.stdout
    with opened(tmp_path) as store:
        assert {stored.id for stored in store.history.pending()} == {f"disk-{number}" for number in range(40)}
        assert aside(tmp_path) == []


# --- a whole agent ----------------------------------------------------------------------------------------------------


CHECKS = """
checks:
  flag:
    type: script
    command: [sh, -c, 'test ! -e {flag} || exit 2']
    interval: 1s
    timeout: 900ms
    fail_after: {nodata: 99}
"""


def prepare(agent: AgentProcess, api: ApiStandIn, flag: Path) -> None:
    agent.write(
        "00-agent.yaml",
        f"agent: {{hostname: web-1, events: {{endpoint: '{api.url}', api_key: {api.key}, rate_limit: 600/min}}}}\n",
    )
    agent.write("flag.yaml", CHECKS.replace("{flag}", str(flag)))


def test_a_damaged_database_is_told_by_an_event(tmp_path: Path, api: ApiStandIn) -> None:
    with agent_process(tmp_path) as agent:
        prepare(agent, api, tmp_path / "flag")
        filled(agent.state, 3)
        all_garbage(agent.state / FILE)
        agent.start()
        api.wait_for(1)
        assert api.accepted[0]["title"].startswith("WARNING hostvigil on web-1: the state database was damaged")
        assert api.rejections == []
        assert agent.stop() == 0


def test_an_agent_on_a_full_disk_goes_on_checking_and_tells_when_there_is_room(tmp_path: Path, api: ApiStandIn) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk, agent_process(disk) as agent:
        prepare(agent, api, tmp_path / "flag")
        agent.start()
        agent.wait_until(lambda: "flag" in {one["check"] for one in agent.status()["checks"]}, "a first result")
        ballast = filled_up(disk)
        (tmp_path / "flag").touch()
        assert agent.process is not None
        before, started = cpu(agent.process.pid), time.monotonic()
        time.sleep(4)  # of what it does in a while is the share, tries again included
        busy = (cpu(agent.process.pid) - before) / (time.monotonic() - started)
        assert agent.process.poll() is None
        assert busy < 0.15, "it does not spin"
        ballast.unlink()
        api.wait_for(1)
        assert api.accepted[0]["status"] == "critical"
        assert agent.stop() == 0


def cpu(pid: int) -> float:
    """Seconds of processor time, without the children's."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
