"""Real file systems that fill, become read-only or die: what is told of each."""

from __future__ import annotations

import errno
import math
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent.api import CheckError, Context, Status
from agent.testing import ran
from checks.disk import Disk
from checks.disk.choice import Filter
from checks.disk.mountinfo import read
from checks.disk.usage import Usage
from tests.checks.disk.real_disks import ours, run, run_one, tmpfs
from tests.host import kernel, needs

MIB = 1 << 20


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
