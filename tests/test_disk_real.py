"""The disk check on real mounts: filled, emptied of inodes, read-only, bound, dead."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.api import Context, Result, Status
from agent.plugin.context import SharedWork
from checks.disk import Disk
from checks.disk.mountinfo import Filter, read
from checks.disk.usage import Usage
from tests import kernel, needs

MIB = 1 << 20
THREAD = "call"


def run(disk: Disk, ctx: Context | None = None) -> list[Result]:
    return list(disk.run(ctx or Context(timeout=5)))


def run_one(disk: Disk, ctx: Context | None = None) -> Result:
    (result,) = run(disk, ctx)
    return result


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory that may be mounted on: nobody else sees it, and nothing is left of it."""
    needs.root()
    with ExitStack() as stack:
        try:
            stack.enter_context(kernel.own_mounts())
        except PermissionError:
            needs.missing("the right to mount")
        yield tmp_path


def tmpfs(target: Path, options: str = "size=1m") -> Path:
    return kernel.mount("tmpfs", target, "tmpfs", options=options)


def fill(target: Path, kib: int) -> None:
    (target / "filling").write_bytes(bytes(kib * 1024))


def df() -> dict[str, str]:
    """What df says in percent; files appear and go between two looks, so it is asked before and after."""
    lines = subprocess.run(["df", "--output=pcent,target"], capture_output=True, text=True).stdout.splitlines()[1:]
    return {target: percent for percent, target in (line.split(maxsplit=1) for line in lines)}


def test_used_percent_is_what_df_says_on_every_mount_of_this_host() -> None:
    needs.command("df")
    before = df()
    ours = {target: f"{math.ceil(Usage.measured(target).percent)}%" for target in before}
    after = df()
    assert ours
    for target, percent in ours.items():
        assert percent in (before[target], after.get(target)), target


def test_a_filling_filesystem_passes_its_levels_one_after_the_other(place: Path) -> None:
    disk = Disk(path=str(tmpfs(place / "t")))
    found = []
    for kib in (512, 820, 924):
        fill(place / "t", kib)
        result = run_one(disk)
        found.append((result.status, result.summary.removeprefix(str(place))))
    assert found == [
        (Status.OK, "/t 50.0% used, 512 KiB free of 1 MiB"),
        (Status.WARNING, "/t 80.0% used (warning from 80%), 204 KiB free of 1 MiB"),
        (Status.CRITICAL, "/t 90.2% used (critical from 90%), 100 KiB free of 1 MiB"),
    ]


def test_a_filesystem_without_inodes_left_is_critical_though_it_has_space(place: Path) -> None:
    target = tmpfs(place / "t", "size=1m,nr_inodes=20")
    for number in range(19):
        (target / str(number)).touch()
    result = run_one(Disk(path=str(target)))
    assert result.status is Status.CRITICAL
    assert "100.0% of the inodes used (critical from 95%)" in result.summary


def test_a_mount_that_becomes_read_only_is_critical_until_it_is_writable_again(place: Path) -> None:
    target, memory = tmpfs(place / "t"), {}
    disk = Disk(path=str(target))
    assert run_one(disk, Context(memory=memory)).status is Status.OK
    kernel.change(target, kernel.MS_REMOUNT | kernel.MS_RDONLY)
    for _ in range(2):
        result = run_one(disk, Context(memory=memory))
        assert result.status is Status.CRITICAL
        assert f"{target} read-only but was writable (tmpfs tmpfs), 0.0% used" in result.summary
    kernel.change(target, kernel.MS_REMOUNT)
    assert run_one(disk, Context(memory=memory)).status is Status.OK


def test_a_mount_that_always_was_read_only_is_critical_only_when_it_should_be_writable(place: Path) -> None:
    target = tmpfs(place / "t")
    fill(target, 1000)
    kernel.change(target, kernel.MS_REMOUNT | kernel.MS_RDONLY)
    result = run_one(Disk(path=str(target)))
    assert (result.status, result.summary) == (Status.OK, f"{target} read-only, 97.6% used, 24 KiB free of 1 MiB")
    assert run_one(Disk(path=str(target), writable=True)).status is Status.CRITICAL
    assert run_one(Disk(path=str(target), writable=False)).status is Status.OK


def test_a_sandbox_that_shows_the_hosts_disk_read_only_is_no_alarm(place: Path) -> None:
    target = tmpfs(place / "t")
    read_only_here = kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY
    kernel.change(target, kernel.MS_SHARED)
    with kernel.own_mounts(kernel.MS_SLAVE):  # as systemd does for ProtectSystem=strict
        kernel.change(target, read_only_here)
        assert run_one(Disk(path=str(target), writable=True)).status is Status.OK
    kernel.change(target, read_only_here)
    assert run_one(Disk(path=str(target), writable=True)).status is Status.CRITICAL


def test_an_ext4_that_the_kernel_stopped_after_an_error_is_critical(place: Path) -> None:
    needs.command("mkfs.ext4")
    image = place / "image"
    with image.open("wb") as file:
        file.truncate(8 * MIB)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    (place / "m").mkdir()
    mounting = subprocess.run(
        ["mount", "-o", "loop,errors=remount-ro", image, place / "m"], capture_output=True, text=True
    )
    if mounting.returncode:
        needs.missing(f"loop devices: {mounting.stderr}")
    try:
        disk = Disk(path=str(place / "m"))
        assert run_one(disk).status is Status.OK
        mount = read().at(str(place / "m"))
        assert mount
        (Path("/sys/fs/ext4") / Path(mount.device).name / "trigger_fs_error").write_text("1")
        result = run_one(disk)
        assert result.status is Status.CRITICAL
        assert "read-only" in result.summary
    finally:
        subprocess.run(["umount", place / "m"], check=True)


def test_an_unmounted_filesystem_is_critical_and_not_taken_for_the_one_below(place: Path) -> None:
    target = tmpfs(place / "t")
    disk = Disk(path=str(target), mounted=True)
    assert run_one(disk).status is Status.OK
    kernel.unmount(target)
    result = run_one(disk)
    assert result.status is Status.CRITICAL
    assert "/t is not mounted: the path is on / (" in result.summary
    assert not result.metrics


def test_a_link_to_a_mount_point_is_a_mount_point(place: Path) -> None:
    (place / "link").symlink_to(tmpfs(place / "t"))
    result = run_one(Disk(path=str(place / "link"), mounted=True))
    assert (result.status, result.subject) == (Status.OK, str(place / "link"))
    assert "of 1 MiB" in result.summary


def test_bind_mounts_do_not_count_twice(place: Path) -> None:
    target = tmpfs(place / "t")
    (target / "sub").mkdir()
    kernel.mount(str(target), place / "b", flags=kernel.MS_BIND)
    kernel.mount(str(target / "sub"), place / "a", flags=kernel.MS_BIND)
    ours = Filter(mount=f"{place}/*")
    assert [result.subject for result in run(Disk(mounts="all", include=ours))] == [str(place / "b")]
    assert str(place / "b") in [result.subject for result in run(Disk(mounts="all"))]


def test_strange_names_are_measured_and_shown(place: Path) -> None:
    target = tmpfs(place / "two\nlines \\ and # ü \udcff")
    result = run_one(Disk(path=str(target)))
    assert result.status is Status.OK
    assert result.subject.endswith("/two\\nlines \\ and # ü \\udcff")
    assert result.subject in [one.subject for one in run(Disk(mounts="all"))]


def test_all_without_a_match_is_said(place: Path) -> None:
    with pytest.raises(Exception, match="no mount matches"):
        run(Disk(mounts="all", include=Filter(type="no-such-type")))


@pytest.fixture
def dead(place: Path) -> Iterator[Path]:
    """Beside three good mounts two that never answer: place/dead0, dead1, good0, good1, good2."""
    needs.file("/dev/fuse")
    others = stuck()
    with ExitStack() as stack:
        for number in range(3):
            tmpfs(place / f"good{number}")
        for number in range(2):
            stack.enter_context(kernel.never_answering(place / f"dead{number}"))
        yield place
    until = time.monotonic() + 5
    while set(stuck()) - set(others) and time.monotonic() < until:
        time.sleep(0.01)
    assert not set(stuck()) - set(others), "with the mounts gone, the threads come back"


def stuck() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD]


def ours(place: Path) -> Disk:
    return Disk(mounts="all", include=Filter(mount=f"{place}/*"))


def test_two_dead_mounts_hold_up_no_good_one(dead: Path) -> None:
    ctx = Context(timeout=1)
    results = run(ours(dead), ctx)
    assert time.monotonic() <= ctx.deadline
    assert [(Path(result.subject).name, str(result.status)) for result in results] == [
        ("dead0", "nodata"),
        ("dead1", "nodata"),
        ("good0", "ok"),
        ("good1", "ok"),
        ("good2", "ok"),
    ]
    assert re.fullmatch(r"/.*/dead0 not answering for [\d.]+m?s \(fuse dead\)", results[0].summary)


def test_a_dead_mount_gets_no_second_thread_from_whichever_check_or_path(dead: Path) -> None:
    shared, others = SharedWork(), set(stuck())
    for _ in range(2):
        run(ours(dead), Context(timeout=0.2, shared=shared))
    (dead / "link").symlink_to(dead / "dead0")
    below = (str(dead / "dead0" / "x"), str(dead / "dead0"), str(dead / "link" / "y"))
    results = run(Disk(path=below), Context(timeout=0.2, shared=shared))
    assert [result.status for result in results] == [Status.NODATA] * 3
    until = time.monotonic() + 5
    while len(set(stuck()) - others) > 2 and time.monotonic() < until:
        time.sleep(0.01)  # a call that has answered may not have left its thread yet
    assert len(set(stuck()) - others) == 2, "one a mount"


def test_a_dead_mount_that_answers_again_is_measured_again(place: Path) -> None:
    needs.file("/dev/fuse")
    shared = SharedWork()
    target = place / "dead"
    with kernel.never_answering(target):
        disk = Disk(path=str(target))
        assert run_one(disk, Context(timeout=0.2, shared=shared)).status is Status.NODATA
    tmpfs(target)
    until = time.monotonic() + 5
    while (result := run_one(disk, Context(timeout=1, shared=shared))).status is Status.NODATA:
        assert time.monotonic() < until, result
    assert result.status is Status.OK


def test_a_fuse_mount_whose_server_died_says_what_the_kernel_says(place: Path) -> None:
    needs.file("/dev/fuse")
    with kernel.dead_server(place / "dead"):
        result = run_one(Disk(path=str(place / "dead"), mounted=True))
    assert result.status is Status.NODATA
    assert "dead Transport endpoint is not connected (fuse dead)" in result.summary


EXITING = """
import sys
from agent.api import Context
from checks.disk import Disk
print([result.summary for result in Disk(path=sys.argv[1]).run(Context(timeout=0.2))])
"""


def test_a_dead_mount_does_not_delay_the_end_of_the_process(dead: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", EXITING, dead / "dead0"],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=5,
    )
    assert ended.returncode == 0, ended.stderr
    assert "dead0 not answering for " in ended.stdout
