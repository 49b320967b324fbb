"""The disk check on real mounts: filled, emptied of inodes, read-only, bound, dead."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from agent.api import CheckError, Context, Result, Status
from agent.plugin.context import SharedWork
from agent.testing import ran
from checks.disk import Disk
from checks.disk.choice import Filter
from checks.disk.mountinfo import read
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
    ours = {target: f"{math.ceil(Usage.measure(target).percent)}%" for target in before}
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
    target = tmpfs(place / "t")
    memory: dict[str, Any] = {}
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


def test_a_disk_that_is_full_is_told_through_a_mount_that_only_reads_it(place: Path) -> None:
    disk, window = tmpfs(place / "disk"), place / "window"
    window.mkdir()
    subprocess.run(["mount", "--bind", disk, window], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", window], check=True)
    fill(disk, 950)
    assert run_one(Disk(path=str(window))).status is Status.CRITICAL
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    assert run_one(Disk(path=str(window))).status is Status.OK, "nobody can write to it"


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


def loop(place: Path, make: list[str], mebibytes: int) -> Path:
    """Mount a filesystem in a file at place/m."""
    needs.command(make[0], make[0].partition(".")[2] + "progs")
    with (place / "image").open("wb") as file:
        file.truncate(mebibytes * MIB)
    subprocess.run([*make, place / "image"], check=True, capture_output=True)
    (place / "m").mkdir()
    mounting = subprocess.run(["mount", "-o", "loop", place / "image", place / "m"], capture_output=True, text=True)
    if mounting.returncode:
        needs.missing(f"loop devices: {mounting.stderr}")
    return place / "m"


def test_errors_that_an_ext4_goes_on_with_are_a_warning_until_it_is_repaired(place: Path) -> None:
    target = loop(place, ["mkfs.ext4", "-q"], 8)
    disk = Disk(path=str(target), writable=True)
    try:
        assert run_one(disk).status is Status.OK
        mount = read().at(str(target))
        assert mount
        (Path("/sys/fs/ext4") / Path(mount.device).name / "trigger_fs_error").write_text("1")
        for check in (disk, ours(place)):
            result = run_one(check)
            assert (result.status, "1 error in the filesystem" in result.summary) == (Status.WARNING, True), result
    finally:
        subprocess.run(["umount", target], check=True)
    subprocess.run([needs.command("e2fsck"), "-fy", place / "image"], capture_output=True)
    subprocess.run(["mount", "-o", "loop", place / "image", target], check=True)
    try:
        assert run_one(disk).status is Status.OK
    finally:
        subprocess.run(["umount", target], check=True)


def test_an_xfs_that_shut_down_is_critical_though_it_tells_its_size(place: Path) -> None:
    target = loop(place, ["mkfs.xfs", "-q"], 320)
    try:
        named, found = Disk(path=str(target), mounted=True, writable=True), ours(place)
        assert run_one(named).status is run_one(found).status is Status.OK
        kernel.shut_down(target)
        assert Usage.measure(str(target)).total, "statvfs goes on to answer"
        for disk in (named, found, Disk(path=str(target)), Disk(path=str(target / "deep" / "below"))):
            result = run_one(disk)
            assert (result.status, "Input/output error (xfs " in result.summary) == (Status.CRITICAL, True), result
    finally:
        subprocess.run(["umount", target], check=True)


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE])
def test_a_mount_that_fails_only_when_it_is_read_is_critical(place: Path, code: int) -> None:
    needs.file("/dev/fuse")
    with kernel.answering(place / "dead", reading=code):
        result = run_one(Disk(path=str(place / "dead")))
        assert (result.status, os.strerror(code) in result.summary) == (Status.CRITICAL, True)
        assert run_one(ours(place)).status is Status.CRITICAL


def test_a_folder_that_may_not_be_read_is_no_sign_of_death(place: Path) -> None:
    needs.file("/dev/fuse")
    with kernel.answering(place / "closed", reading=errno.EACCES):
        assert run_one(Disk(path=str(place / "closed"))).status is Status.OK


def test_a_fuse_that_counts_no_inode_free_is_not_out_of_inodes(place: Path) -> None:
    needs.file("/dev/fuse")
    for number, (files, status) in enumerate((((100, 0), Status.OK), ((100, 2), Status.CRITICAL))):
        with kernel.answering(place / f"fuse{number}", files=files):
            assert run_one(Disk(path=str(place / f"fuse{number}"))).status is status


def test_a_file_that_is_bound_is_not_chosen_and_a_folder_is(place: Path) -> None:
    outside = tmpfs(place.parent / "outside")
    for name, make in (("c.json", Path.touch), ("data", Path.mkdir)):
        make(outside / name)
        make(place / name)
        kernel.mount(str(outside / name), place / name, flags=kernel.MS_BIND, fresh=False)
    assert [result.subject for result in run(ours(place))] == [str(place / "data")]
    kernel.unmount(place / "data")
    with pytest.raises(CheckError, match="no mount matches"):
        run(ours(place))
    assert run_one(Disk(path=str(place / "c.json"))).status is Status.OK


class Story:
    """One check over many runs, its memory written and read between them as over restarts."""

    def __init__(self, disk: Disk) -> None:
        self.disk, self.memory = disk, "{}"

    def look(self, now: float = 0.0) -> list[Result]:
        context = Context(timeout=5, memory=json.loads(self.memory), wall=lambda: now)
        results = run(self.disk, context)
        self.memory = json.dumps(context.memory)
        return results

    def says(self, now: float = 0.0) -> tuple[Status, str]:
        (result,) = self.look(now)
        return result.status, result.summary


def test_a_path_whose_mount_is_gone_is_critical_until_it_is_back(place: Path) -> None:
    target = tmpfs(place / "t")
    (target / "deep").mkdir()
    stories = [Story(Disk(path=str(path))) for path in (target, target / "deep")]
    assert [story.says()[0] for story in stories] == [Status.OK] * 2
    kernel.unmount(target)
    for _ in range(2):
        for story in stories:
            status, words = story.says(10 * 86400.0)
            assert status is Status.CRITICAL
            assert re.search(rf" is on /.* now, but was on {target} \(tmpfs\) before", words)
            assert "% used" not in words, "what lies there now is another filesystem"
    tmpfs(target)
    (target / "deep").mkdir()
    assert [story.says()[0] for story in stories] == [Status.OK] * 2


def test_a_folder_that_never_was_anything_else_tells_nothing_and_a_mount_that_comes_is_noted(place: Path) -> None:
    (place / "t").mkdir()
    story = Story(Disk(path=str(place / "t"), warning=None, critical=None))
    assert [story.says()[0] for _ in range(2)] == [Status.OK] * 2
    tmpfs(place / "t")
    assert story.says()[0] is Status.OK
    kernel.unmount(place / "t")
    assert story.says()[0] is Status.CRITICAL


def test_a_mount_that_is_meant_to_go_tells_nothing(place: Path) -> None:
    story = Story(Disk(path=str(tmpfs(place / "t")), mounted=False, warning=None, critical=None))
    assert story.says()[0] is Status.OK
    kernel.unmount(place / "t")
    assert story.says()[0] is Status.OK


def test_another_filesystem_at_the_same_place_is_a_warning_for_a_day(place: Path) -> None:
    needs.file("/dev/fuse")
    story = Story(Disk(path=str(tmpfs(place / "t"))))
    assert story.says()[0] is Status.OK
    with kernel.answering(place / "t"):
        assert story.says(1000)[0] is Status.WARNING
        assert re.search(r"is another filesystem for 1h: fuse half.*, but was tmpfs on", story.says(4600)[1])
        assert story.says(1000 + 86400)[0] is Status.OK
    assert story.says(1000 + 86500)[0] is Status.WARNING, "and back again is as new"


def test_another_filesystem_that_goes_again_leaves_nothing(place: Path) -> None:
    needs.file("/dev/fuse")
    story = Story(Disk(path=str(tmpfs(place / "t"))))
    story.says()
    before = story.memory
    with kernel.answering(place / "t"):
        assert story.says(1000)[0] is Status.WARNING
    assert story.says(2000)[0] is Status.OK
    assert story.memory == before


def test_a_mount_that_another_of_its_disk_now_stands_for_is_not_missed(place: Path) -> None:
    target = tmpfs(place / "long-name")
    story = Story(ours(place))
    assert [one.subject for one in story.look(0)] == [str(target)]
    kernel.mount(str(target), place / "b", flags=kernel.MS_BIND)
    assert [one.subject for one in story.look(2 * 86_400)] == [str(place / "b")]


def test_of_all_mounts_only_what_was_there_for_a_day_is_missed(place: Path) -> None:
    old = tmpfs(place / "old")
    story = Story(ours(place))
    assert len(story.look(0)) == 1
    young = tmpfs(place / "young")
    assert len(story.look(86_400)) == 2
    kernel.unmount(young)
    kernel.unmount(old)
    stays = tmpfs(place / "stays")
    said = {result.subject: result.status for result in story.look(86_460)}
    assert said == {str(stays): Status.OK, str(old): Status.NODATA}
    assert len(story.look(2 * 86_460)) == 1


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


def test_of_a_thousand_mounts_the_one_that_is_full_is_told(place: Path) -> None:
    for number in range(1003):
        tmpfs(place / str(number), "size=64k")
    fill(place / "500", 64)
    told = ran(Disk(mounts="all"), timeout=20)
    told.subject(str(place / "500")).is_critical("100.0% used")
    assert "subjects are left out, the worst of them ok" in told.subject("").result.summary


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
    until = time.monotonic() + 60
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
    until = time.monotonic() + 60
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
    until = time.monotonic() + 60
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
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=5,
    )
    assert ended.returncode == 0, ended.stderr
    assert "dead0 not answering for " in ended.stdout
