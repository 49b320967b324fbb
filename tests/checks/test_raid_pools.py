"""Pools of ZFS and of Btrfs: what is missing, lost, or made errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.api import CheckError, Context, Status
from agent.testing import files
from checks.raid import Raid
from checks.raid.btrfs import find_filesystems
from checks.raid.check import ask_zpool, find_arrays
from checks.raid.finding import tell_apart
from checks.raid.zfs import find_pools
from tests.checks.raid_texts import DEGRADED

LOST = """\
  pool: tank
 state: ONLINE
status: One or more devices has experienced an error resulting in data
\tcorruption.  Applications may be affected.
action: Restore the file in question if possible.  Otherwise restore the
\tentire pool from backup.
config:

\tNAME        STATE     READ WRITE CKSUM
\ttank        ONLINE       0     0     0
\t  mirror-0  ONLINE       0     0     2
\t    sda     ONLINE       0     0  1.5K
\t    sdb     ONLINE       3     0     2

errors: 2 data errors, use '-v' for a list
"""
MENDED = """\
  pool: rpool
 state: ONLINE
status: One or more devices has experienced an unrecoverable error.  An
\tattempt was made to correct the error.  Applications are unaffected.
config:

\tNAME        STATE     READ WRITE CKSUM
\trpool       ONLINE       0     0     0
\t  sda       ONLINE       0     0     7

errors: No known data errors
"""


def zfs(folder: Path, **states: str) -> Path:
    return files(folder, {f"{name}/state": f"{state}\n" for name, state in states.items()})


def test_the_pools_of_zfs_tell_their_state(tmp_path: Path) -> None:
    kstat = zfs(tmp_path, rpool="ONLINE", tank="DEGRADED", stuck="SUSPENDED")
    (kstat / "odd").mkdir()
    (kstat / "odd" / "state").touch()
    told = [one.result for one in find_pools(kstat, lambda: "all pools are healthy\n")]
    assert [(one.subject, one.status, one.summary) for one in told] == [
        ("odd", Status.NODATA, "odd (zfs) is in a state that the kernel does not tell"),
        ("rpool", Status.OK, "rpool (zfs) is ONLINE"),
        ("stuck", Status.CRITICAL, "stuck (zfs) is SUSPENDED"),
        ("tank", Status.CRITICAL, "tank (zfs) is DEGRADED"),
    ]


def test_a_pool_that_is_online_may_have_lost_data_all_the_same(tmp_path: Path) -> None:
    kstat = zfs(tmp_path, rpool="ONLINE", tank="ONLINE", well="ONLINE")
    rpool, tank, well = find_pools(kstat, lambda: MENDED + "\n" + LOST)
    assert (tank.result.status, tank.result.summary, tank.errors) == (
        Status.CRITICAL,
        "tank (zfs) is ONLINE, but 2 data errors, use '-v' for a list",
        1507,
    )
    assert (rpool.result.status, rpool.result.summary, rpool.errors) == (
        Status.WARNING,
        "rpool (zfs) is ONLINE, but One or more devices has experienced an unrecoverable error",
        7,
    )
    assert (well.result.status, well.errors) == (Status.OK, 0), "whom zpool does not name has made none"


def test_a_zpool_that_does_not_answer_leaves_no_pool_ok(tmp_path: Path) -> None:
    def hangs() -> str:
        raise CheckError("zpool did not answer within 10s")

    kstat = zfs(tmp_path, rpool="ONLINE", tank="DEGRADED")
    assert [one.result.status for one in find_pools(kstat, hangs)] == [Status.NODATA, Status.CRITICAL]
    assert [one.result.status for one in find_pools(kstat, lambda: None)] == [Status.OK, Status.CRITICAL]
    assert [one.result.status for one in find_pools(kstat, lambda: "alle Pools sind gesund")] == [
        Status.NODATA,
        Status.CRITICAL,
    ]


def test_a_zpool_that_knows_no_pool_says_nothing_of_one_that_the_kernel_knows(tmp_path: Path) -> None:
    found = find_pools(zfs(tmp_path, rpool="ONLINE", tank="FAULTED"), lambda: "no pools available\n")
    rpool, tank = (one.result for one in found)
    assert (rpool.status, tank.status) == (Status.NODATA, Status.CRITICAL)
    assert rpool.summary.startswith("rpool (zfs) is ONLINE, but zpool knows of no pool")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo all pools are healthy", "all pools are healthy\n"),
        ("echo 'Permission denied the ZFS utilities must be run as root.' >&2; exit 1", None),
        ("echo 'internal error: out of memory' >&2; exit 1", "zpool: internal error: out of memory"),
    ],
)
def test_zpool_is_asked_under_the_deadline(
    script: str, told: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "zpool").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "zpool").chmod(0o755)
    try:
        assert ask_zpool(Context(timeout=20)) == told
    except CheckError as error:
        assert str(error) == told
    (tmp_path / "zpool").write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(CheckError, match="zpool did not answer within 300ms"):
        ask_zpool(Context(timeout=0.3))


def test_without_zpool_nobody_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ask_zpool(Context(timeout=5)) is None


def device(filesystem: Path, number: int, missing: str = "0", stats: str = "") -> None:
    files(filesystem / "devinfo" / str(number), {"missing": f"{missing}\n", "error_stats": stats})


STATS = "write_errs 0\nread_errs 2\nflush_errs 0\ncorruption_errs 5\ngeneration_errs 0\n"


def test_btrfs_over_several_devices_tells_what_is_missing_and_what_went_wrong(tmp_path: Path) -> None:
    device(tmp_path / "5b1c-one-device", 1)
    device(tmp_path / "77aa-two-devices", 1, stats=STATS)
    device(tmp_path / "77aa-two-devices", 2, missing="1")
    (tmp_path / "features").mkdir()
    (one,) = find_filesystems(tmp_path)
    assert (one.result.status, one.errors) == (Status.CRITICAL, 7)
    assert one.result.summary == "77aa-two-devices (btrfs) lacks 1 of 2 devices"
    files(tmp_path / "77aa-two-devices", {"label": "backup\n", "devinfo/2/missing": "0\n"})
    (one,) = find_filesystems(tmp_path)
    assert (one.result.subject, one.result.status) == ("backup", Status.OK)
    assert one.result.summary == "backup (btrfs) is whole"


def test_a_btrfs_of_one_device_is_told_only_when_it_makes_errors(tmp_path: Path) -> None:
    device(tmp_path / "5b1c", 1, stats=STATS.replace("5", "0").replace("2", "0"))
    assert not list(find_filesystems(tmp_path))
    device(tmp_path / "5b1c", 1, stats=STATS)
    (one,) = find_filesystems(tmp_path)
    assert (one.result.status, one.errors) == (Status.WARNING, 7)


@pytest.mark.parametrize(
    ("kind", "profile", "status"),
    [
        ("write_errs", "raid1", Status.WARNING),
        ("flush_errs", "raid1c3", Status.WARNING),
        ("write_errs", "raid0", Status.WARNING),
        ("corruption_errs", "raid1", Status.OK),
        ("read_errs", "dup", Status.OK),
        ("read_errs", "single", Status.WARNING),
        ("corruption_errs", "raid0", Status.WARNING),
    ],
)
def test_a_btrfs_of_several_devices_keeps_one_that_refuses_to_be_written_to(
    kind: str, profile: str, status: Status, tmp_path: Path
) -> None:
    """Only at the next mount is such a device missing."""
    device(tmp_path / "77aa", 1, stats="write_errs 0\nread_errs 0\n")
    device(tmp_path / "77aa", 2, stats=f"write_errs 0\n{kind} 3\n")
    (tmp_path / "77aa" / "allocation" / "data" / profile).mkdir(parents=True)
    (one,) = find_filesystems(tmp_path)
    assert (one.result.status, one.errors) == (status, 3)
    assert ("device 2 of 2 did not take" in one.result.summary) == (kind in ("write_errs", "flush_errs"))


def test_two_btrfs_of_one_label_are_two_subjects(tmp_path: Path) -> None:
    for name, missing in (("77aa0000-1", "1"), ("88bb0000-2", "0")):
        device(tmp_path / name, 1, missing)
        device(tmp_path / name, 2)
        (tmp_path / name / "label").write_text("data\n")
    told = [one.result for one in tell_apart(list(find_filesystems(tmp_path)))]
    assert [(one.subject, one.status) for one in told] == [
        ("data (btrfs 77aa0000)", Status.CRITICAL),
        ("data (btrfs 88bb0000)", Status.OK),
    ]


def test_a_pool_and_an_array_of_one_name_are_two_subjects(tmp_path: Path) -> None:
    found = [*find_arrays(DEGRADED, tmp_path), *find_pools(zfs(tmp_path, md1="ONLINE"), lambda: None)]
    assert {"md1 (md)", "md1 (zfs)", "md2"} <= {one.result.subject for one in tell_apart(found)}
    assert {"md1", "md2"} & {one.result.subject for one in Raid(exclude="md1").keep(found)} == {"md2"}
    assert "md1 (md)" not in {one.result.subject for one in Raid(exclude="md1 (md)").keep(found)}
