"""A host that is seen from a container: its /proc, /sys and files lie elsewhere, and the container's stay untold."""

from __future__ import annotations

import os
import shutil
from itertools import product
from pathlib import Path

import pytest

from agent.api import Check, CheckError, Status, host_path
from agent.system.host_tags import host_tags
from agent.testing import ran
from checks.disk import Disk
from checks.load import Load
from checks.memory import Memory
from checks.pressure import Pressure
from checks.process import Process
from checks.raid import Raid
from checks.reboot import Reboot
from tests.host import needs

MDSTAT = """Personalities : [raid1]
md7 : active raid1 sdb1[1] sda1[0](F)
      1000 blocks [2/1] [_U]

unused devices: <none>
"""
FILES = {
    "proc/stat": "cpu 1 0 1 9 0 0 0 0\ncpu0 1 0 1 9 0 0 0 0\nprocs_running 1\nprocs_blocked 0\n",
    "proc/loadavg": "77.00 77.00 77.00 1/2 3\n",
    "proc/meminfo": "MemTotal: 1000 kB\nMemAvailable: 10 kB\nSwapTotal: 0 kB\n",
    "proc/vmstat": "oom_kill 0\n",
    "proc/mdstat": MDSTAT,
    "proc/uptime": "7.00 7.00\n",
    "proc/7/stat": "7 (planted) S 1 7 7 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 5 0 0",
    "proc/7/status": "Name:\tplanted\nNSpid:\t7\n",
    "proc/7/cmdline": "planted\0",
    "proc/1/mountinfo": (
        "20 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
        "21 20 8:2 / /srv ro shared:2 - ext4 /dev/sdb1 ro\n"
        "22 20 0:5 / /proc rw - proc proc rw\n"
    ),
    "sys/fs/cgroup/cpu.pressure": "some avg10=0.00 avg60=0.00 avg300=41.00 total=1\n",
    "sys/fs/cgroup/memory.pressure": "some avg300=66.00 total=1\nfull avg10=0 avg60=0 avg300=55.00 total=1\n",
    "sys/fs/cgroup/io.pressure": "some avg10=0 avg60=0 avg300=1.00 total=1\nfull avg10=0 avg60=0 avg300=1.00 total=1\n",
    "srv/data/file": "x",
    "etc/os-release": "ID=planted\nVERSION_ID=9\n",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "etc/passwd": "root:x:0:0::/root:/bin/sh\nkeeper:x:4711:4711::/:/bin/false\n",
    "run/keeper.pid": "7\n",
    "run/reboot-required": "",
}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Plant a host and let HOST_ROOT name it."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "srv/link").symlink_to("/srv/data")
    monkeypatch.setenv("HOST_ROOT", str(tmp_path))
    for name in ("HOST_PROC", "HOST_SYS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def said(check: Check) -> str:
    return " | ".join(f"{one.status} {one.summary}" for one in ran(check).results)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (Load(), "load 77.00, 77.00, 77.00 on 1 core"),
        (Memory(), "critical 10 KiB of 1000 KiB available"),
        (Pressure(), "critical all work waited 55% of the last 5 min for memory"),
        (Process(name="planted"), ": 1 running"),
        (Process(pidfile="/run/keeper.pid"), ": 1 running"),
        (Raid(), "md7"),
        (Reboot(uptime_warning=None), "up for 7s"),
        (Reboot(), "/run/reboot-required says so"),
    ],
)
def test_what_is_told_is_the_hosts(host: Path, check: Check, words: str) -> None:
    assert words in said(check)


def test_processes_and_users_are_those_of_the_host(host: Path) -> None:
    assert "0 running" in said(Process(name="python3"))
    needs.root()
    os.chown(host / "proc/7", 4711, -1)
    assert ": 1 running" in said(Process(user="keeper"))
    assert "this host knows no user 'nobody'" in said(Process(user="nobody"))


def test_disks_are_called_as_the_host_calls_them_and_measured_where_they_lie(host: Path) -> None:
    subjects = {one.subject: one for one in ran(Disk(mounts="all")).results}
    assert subjects.keys() == {"/", "/srv"}
    assert "read-only" in subjects["/srv"].summary
    told = os.statvfs(host)
    assert {metric.value for metric in subjects["/srv"].metrics if metric.name == "total"} == {
        told.f_blocks * told.f_frsize
    }


def test_a_path_is_one_of_the_host_and_its_links_lead_to_the_host(host: Path) -> None:
    assert ran(Disk(path="/srv/link")).results[0].status is not Status.NODATA
    assert "No such file" in said(Disk(path="/srv/none"))
    assert "is not mounted: the path is on /srv" in said(Disk(path="/srv/data", mounted=True))


def test_tags_are_the_hosts(host: Path) -> None:
    tags = host_tags()
    assert tags["os_version"] == "planted 9"
    assert len(tags["host_id"]) == 16
    (host / "etc/machine-id").unlink()
    assert "host_id" not in host_tags(), "never that of the container"


def test_proc_and_sys_may_lie_apart(host: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_PROC", str(host / "proc"))
    monkeypatch.setenv("HOST_SYS", str(host / "sys"))
    monkeypatch.delenv("HOST_ROOT")
    assert host_path("/proc") == host / "proc"
    assert host_path("/proc/1/x") == host / "proc/1/x"
    assert host_path("/sys/block") == host / "sys/block"
    assert host_path("/process/x") == Path("/process/x")
    assert "load 77.00" in said(Load())


LOOKS = (Load(), Memory(), Process(name="x"), Raid(), Reboot())


@pytest.mark.parametrize(
    ("variable", "check"),
    [*product(("HOST_ROOT", "HOST_PROC"), LOOKS), ("HOST_ROOT", Pressure()), ("HOST_SYS", Pressure())],
)
def test_a_host_that_is_not_mounted_is_nodata_and_never_the_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, check: Check
) -> None:
    for name, place in ((variable, tmp_path / "none"), (variable, tmp_path)):
        monkeypatch.setenv(name, str(place))
        with pytest.raises(CheckError, match=f"{variable}: .*mount the host there"):
            host_path("/sys/x" if variable == "HOST_SYS" else "/proc/x")
        assert ran(check).result.status is Status.NODATA


def test_a_proc_that_did_not_come_along_with_the_root_is_nodata(host: Path) -> None:
    shutil.rmtree(host / "proc")
    (host / "proc").mkdir()
    for check in LOOKS:
        assert ran(check).result.status is Status.NODATA


def test_where_nothing_is_said_paths_are_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST_ROOT", "HOST_PROC", "HOST_SYS"):
        monkeypatch.setenv(name, "")
    assert [str(host_path(name)) for name in ("/", "/proc", "/sys/x", "/etc/fstab")] == [
        "/",
        "/proc",
        "/sys/x",
        "/etc/fstab",
    ]


def test_a_proc_that_shows_only_processes_is_not_taken_for_a_kernel_without_raid(host: Path) -> None:
    """As ProcSubset=pid of a systemd unit has it."""
    assert "watching md7" in said(Raid())
    for name in ("mdstat", "meminfo"):
        (host / "proc" / name).unlink()
    shutil.rmtree(host / "sys/fs/cgroup")
    (host / "proc/version").touch()
    assert said(Raid()) == "ok no RAID on this host"
    (host / "proc/version").unlink()
    for check in (Raid(), Memory(), Pressure()):
        assert said(check).startswith("nodata "), said(check)
        assert "does not show the kernel: does the agent's unit say ProcSubset=pid?" in said(check)
