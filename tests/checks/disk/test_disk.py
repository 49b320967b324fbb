"""The disk check's settings and judgement: numbers in, words out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.api import Context, PercentAbove, Result, Size, SizeBelow, Status
from agent.testing import ran
from checks.disk import Disk
from checks.disk.check import WORST_FIRST
from checks.disk.choice import Filter, choose
from checks.disk.mountinfo import Mount, MountTable
from checks.disk.place import Place
from checks.disk.usage import Levels, Usage, assess

GIB = 1 << 30
NORMAL = Levels(PercentAbove.parse("80%"), PercentAbove.parse("90%"))


def usage(percent: float, total: int = 50 * GIB, reserved: int = 0, inodes: tuple[int, int] = (0, 0)) -> Usage:
    used = round((total - reserved) * percent / 100)
    return Usage(total, used, total - reserved - used, *inodes)


def said(usage: Usage, levels: Levels = NORMAL) -> list[str]:
    return [f"{one.status} {one.summary}" for one in assess(usage, levels, "/") if one.summary]


def test_used_percent_counts_the_reserve_of_root_as_df_does() -> None:
    assert usage(90, 100 * GIB, reserved=5 * GIB).percent == pytest.approx(90)
    assert Usage(total=100, used=50, free=45).percent == pytest.approx(52.63, abs=0.01)


def test_a_full_disk_says_how_full_the_limit_and_what_is_left() -> None:
    assert said(usage(91.25)) == ["critical 91.2% used (critical from 90%)", "ok 4.38 GiB free of 50 GiB"]
    assert said(usage(80)) == ["warning 80.0% used (warning from 80%)", "ok 10 GiB free of 50 GiB"]
    assert said(usage(79.9)) == ["ok 79.9% used", "ok 10 GiB free of 50 GiB"]


def test_a_percentage_is_never_shown_as_a_limit_that_it_has_not_reached() -> None:
    assert said(usage(89.96))[0] == "warning 89.9% used (warning from 80%)"


def test_a_filesystem_of_which_nothing_can_be_used_is_not_divided_by_zero() -> None:
    assert Usage(total=0, used=0, free=0).percent == 0
    assert Usage(total=10, used=10, free=0).percent == 100


def test_a_big_disk_with_much_left_is_only_a_warning_when_critical_also_needs_little_free() -> None:
    levels = Levels(PercentAbove.parse("80%"), PercentAbove.parse("90%"), Size.parse("20GiB"))
    assert said(usage(95, 1000 * GIB), levels)[0] == (
        "warning 95.0% used (critical from 90% only with less than 20 GiB free)"
    )
    assert said(usage(99, 1000 * GIB), levels)[0] == "critical 99.0% used (critical from 90%)"


def test_critical_only_below_weakens_no_limit_on_free_bytes() -> None:
    levels = Levels(None, PercentAbove.parse("90%"), Size.parse("20GiB"), free_critical=SizeBelow.parse("60GiB"))
    assert said(usage(95, 1000 * GIB), levels)[1] == "critical 50 GiB free of 1000 GiB (critical below 60GiB)"


def test_free_bytes_have_limits_of_their_own() -> None:
    levels = Levels(free_warning=SizeBelow.parse("20GiB"), free_critical=SizeBelow.parse("10GiB"))
    assert said(usage(70), levels)[1] == "warning 15 GiB free of 50 GiB (warning below 20GiB)"
    assert said(usage(85), levels)[1] == "critical 7.5 GiB free of 50 GiB (critical below 10GiB)"
    assert said(usage(80), levels)[1] == "warning 10 GiB free of 50 GiB (warning below 20GiB)", "10 GiB is not below"


def test_inodes_are_mentioned_only_when_they_run_out() -> None:
    levels = Levels(inodes_warning=PercentAbove.parse("90%"), inodes_critical=PercentAbove.parse("95%"))
    assert len(said(usage(10, inodes=(1000, 500)), levels)) == 2
    assert said(usage(10, inodes=(1000, 40)), levels)[2] == "critical 96.0% of the inodes used (critical from 95%)"


def test_a_filesystem_without_inodes_gets_no_verdict_on_them() -> None:
    assert "inodes_used_percent" not in [
        metric.name for one in assess(usage(10), NORMAL, "/") for metric in one.metrics
    ]


def test_numbers_that_a_bad_filesystem_makes_up_do_not_become_negative() -> None:
    assert Usage(total=10, used=0, free=10, inodes=5, inodes_free=9).inodes_percent == 0


def told(blocks: int, free: int, available: int, files: int = 0, files_free: int = 0) -> Result:
    usage = Usage.of(os.statvfs_result((4096, 4096, blocks, free, available, files, files_free, files_free, 0, 255)))
    place = Place("/data", "/data", Mount(1, 0, "0:9", "/", "/data", "nfs", "server:/"))
    return min(Disk(path="/data")._assess(place, usage, False), key=lambda result: WORST_FIRST.index(result.status))


@pytest.mark.parametrize(
    ("numbers", "status"),
    [
        ((1000, 500, 500), Status.OK),
        ((1000, 10, 500), Status.OK),
        ((1000, 10, -40), Status.CRITICAL),
        ((1000, 0, 0), Status.CRITICAL),
        ((1000, 10, 2**32 - 40), Status.NODATA),
        ((1000, 2000, 2000), Status.NODATA),
        ((1000, -1, -1), Status.NODATA),
        ((-1, -1, -1), Status.NODATA),
        ((0, 0, 0), Status.NODATA),
        ((1000, 500, 500, 100, -10), Status.OK),
        ((1000, 500, 500, 100, 200), Status.OK),
        ((1000, 500, 500, 100, 1), Status.CRITICAL),
    ],
)
def test_numbers_that_cannot_be_are_not_ok(numbers: tuple[int, ...], status: Status) -> None:
    assert told(*numbers).status is status


def test_what_systemd_lays_over_a_disk_is_not_taken_for_it() -> None:
    """As ProtectHome=yes and InaccessiblePaths= do, for the service only; it is a piece of the tmpfs of /run."""
    over = Mount(2, 1, "0:25", "/systemd/inaccessible/dir", "/home", "tmpfs", "tmpfs")
    table = MountTable([Mount(1, 0, "8:1", "/", "/", "ext4", "/dev/sda1"), over])
    assert [mount.point for mount in choose(table, None, Filter())] == ["/"]
    for path, mounted in (("/home", None), ("/home/alice", None), ("/home", True)):
        (result,) = Disk(path=path, mounted=mounted)._assess(Place.of(path, table), usage(1), False)
        assert (result.status, "hidden from the agent" in result.summary) == (Status.NODATA, True)


def test_metrics_carry_their_limits_and_their_mount() -> None:
    metrics = {
        metric.name: metric for one in assess(usage(50, inodes=(10, 5)), NORMAL, "/data") for metric in one.metrics
    }
    assert sorted(metrics) == ["free", "inodes_used_percent", "total", "used", "used_percent"]
    assert (metrics["used_percent"].warning, metrics["used_percent"].critical) == ("80", "90")
    assert metrics["used"].value == 25 * GIB == metrics["free"].value
    assert {metric.subject for metric in metrics.values()} == {"/data"}


def run(disk: Disk, timeout: float = 5.0, memory: dict[str, object] | None = None) -> list[Result]:
    return list(disk.run(Context(timeout=timeout, memory=memory)))


def test_the_root_of_this_host_can_be_measured() -> None:
    (result,) = run(Disk(path="/", warning=None, critical=None, inodes_warning=None, inodes_critical=None))
    assert (result.status, result.subject) == (Status.OK, "/")
    assert "% used, " in result.summary


def test_a_path_that_does_not_exist_says_so_and_holds_up_no_other() -> None:
    missing, root = run(Disk(path=("/nowhere/at/all", "/")))
    assert (missing.status, missing.subject) == (Status.NODATA, "/nowhere/at/all")
    assert missing.summary.startswith("/nowhere/at/all No such file or directory (")
    assert root.status is not Status.NODATA


def test_a_path_on_a_filesystem_without_a_size_says_so() -> None:
    (result,) = run(Disk(path="/proc"))
    assert (result.status, result.summary) == (Status.NODATA, "/proc has no size (proc proc)")


def test_a_directory_where_a_mount_should_be_is_critical() -> None:
    (result,) = run(Disk(path="/usr/../nowhere//", mounted=True))
    assert result.status is Status.CRITICAL
    assert result.summary.startswith("/usr/../nowhere// is not mounted: the path is on / (")
    (root,) = run(Disk(path="/", mounted=True, warning=None, critical=None))
    assert root.status is Status.OK


@pytest.mark.parametrize(
    ("disk", "setting"),
    [
        (Disk(), "path"),
        (Disk(path="/", mounts="all"), "path"),
        (Disk(path="data"), "path"),
        (Disk(path="/a\0b"), "path"),
        (Disk(path="/mnt/*"), "path"),
        (Disk(path=("/", "/mnt/disk?")), "path"),
        (Disk(path=("/data", "//data/")), "path"),
        (Disk(path="/", include=Filter(type="ext4")), "include"),
        (Disk(path="/", exclude=Filter(type="ext4")), "exclude"),
        (Disk(path="/srv/current/.."), "path"),
        (Disk(mounts="all", include=Filter(mount=("/srv/", "/data"))), "include"),
        (Disk(mounts="all", include=Filter(mount="srv/*")), "include"),
        (Disk(mounts="all", exclude=Filter(mount="/srv/*/")), "exclude"),
        (Disk(mounts="all", mounted=True), "mounted"),
        (Disk(path="/", critical=None, critical_only_below=Size(5)), "critical_only_below"),
        (Disk(path="/", critical_only_below=Size(0)), "critical_only_below"),
    ],
)
def test_settings_that_contradict_each_other_are_named(disk: Disk, setting: str) -> None:
    assert [name for name, _ in disk.problems()] == [setting]


def test_sound_settings_have_no_problems() -> None:
    assert not list(Disk(path=("/", "/data"), mounted=True, writable=True).problems())
    for point in ("/", "*/data", "[!/]*", "?srv", "/srv..x"):
        assert not list(Disk(mounts="all", include=Filter(mount=point)).problems())
    assert not list(Disk(mounts="all", include=Filter(mount="/srv/*"), exclude=Filter(type=("nfs*",))).problems())


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero"])
def test_a_device_is_not_judged_by_the_folder_that_it_lies_in(device: str) -> None:
    if not Path(device).is_char_device() or Path(device).is_mount():
        pytest.skip("no such device of its own here")
    ran(Disk(path=device)).is_nodata("is a device: write where it is mounted")
