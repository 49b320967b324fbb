"""The RAID check: texts of /proc/mdstat as hosts had them, and folders as ZFS and btrfs make them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.api import NumberAbove, Result, Status
from agent.plugin.results import gathered
from agent.testing import ran
from checks.raid import Raid, counted, filesystems, judged, parsed, pools

WHOLE = """\
Personalities : [raid1] [raid6] [raid5] [raid4] [raid0] [linear]
md127 : active (auto-read-only) raid1 sdc1[1] sdb1[0]
      976629440 blocks super 1.2 [2/2] [UU]
        resync=PENDING
      bitmap: 7/8 pages [28KB], 65536KB chunk

md5 : active raid5 nvme2n1p2[3] nvme1n1p2[1](W) nvme0n1p2[0]
      2929890816 blocks super 1.2 level 5, 512k chunk, algorithm 2 [3/3] [UUU]
      [>....................]  check =  0.2% (3092480/1464945408) finish=393.6min speed=61884K/sec
      bitmap: 0/11 pages [0KB], 65536KB chunk

md0 : active raid0 sde1[1] sdd1[0]
      1953522688 blocks super 1.2 512k chunks

unused devices: <none>
"""
DEGRADED = """\
Personalities : [raid1] [raid6] [raid5] [raid4] [raid10]
md1 : active raid1 sdb5[1](W)
      471727104 blocks super 1.2 [2/1] [_U]
      bitmap: 4/4 pages [16KB], 65536KB chunk

md2 : active raid1 sdb3[3] sda3[2]
      3897063936 blocks super 1.0 [2/1] [_U]
      [==>..................]  recovery = 12.6% (494663040/3897063936) finish=4386.2min speed=12928K/sec
      bitmap: 4/30 pages [16KB], 65536KB chunk

md3 : active raid1 sde1[6](F) sdg1[1] sdb1[4] sdd1[3] sdc1[2]
      488383936 blocks [6/4] [_UUUU_]

md6 : active raid6 sdm1[0] sdk1[10](F) sdt1[9] sdl1[8] nvme0n1p1[12](J)(F) sdc1[7]
      58603894400 blocks super 1.2 level 6, 64k chunk, algorithm 2 [5/4] [UUUU_]
        resync=DELAYED

md10 : active raid10 sdf1[4](S) sdd1[3] sdc1[2] sdb1[1] sda1[0](F)
      1953260544 blocks super 1.2 512K chunks 2 near-copies [4/4] [UUUU]

md9 : broken raid0 sdq1[1] sdp1[0]
      3906764800 blocks super 1.2 512k chunks

md4 : inactive sdm1[1](S) sdl1[0](S)
      1953260976 blocks super 1.2

unused devices: <none>
"""
# Intel's firmware RAID: md127 is no array, md126 is one that did not start.
IMSM = """\
Personalities : [raid6] [raid5] [raid4] [linear] [multipath] [raid0] [raid1] [raid10]
md125 : active raid1 sda[1] sdb[0]
      4194304 blocks super external:/md127/0 [2/2] [UU]

md126 : inactive sda[2] sdc[1] sdd[0]
      5567507712 blocks super external:/md127/0

md127 : inactive sdb[3](S) sdc[2](S) sdd[1](S) sda[0](S)
      10564 blocks super external:imsm

unused devices: <none>
"""
NONE = "Personalities : [raid1] \nunused devices: <none>\n"


def said(mdstat: str) -> list[str]:
    return [f"{one.status} {one.summary}" for one in map(judged, parsed(mdstat))]


def test_whole_arrays_are_ok_also_while_they_are_checked() -> None:
    assert said(WHOLE) == [
        "ok md127 (raid1) is whole, resync PENDING",
        "ok md5 (raid5) is whole, check 0.2%, 6h 33m left",
        "ok md0 (raid0) is whole",
    ]


def test_a_missing_device_is_critical_until_it_is_being_rebuilt() -> None:
    assert said(DEGRADED) == [
        "critical md1 (raid1) lacks 1 of 2 devices",
        "warning md2 (raid1) lacks 1 of 2 devices, recovery 12.6%, 3d 1h left",
        "critical md3 (raid1) lacks 2 of 6 devices, failed: sde1",
        "critical md6 (raid6) lacks 1 of 5 devices, failed: sdk1, nvme0n1p1, resync DELAYED",
        "warning md10 (raid10) is whole, but replace what failed: sda1",
        "critical md9 (raid0) is broken",
        "critical md4 is inactive",
    ]


def test_the_metadata_of_firmware_raid_is_no_array_but_an_array_that_did_not_start_is_one() -> None:
    assert said(IMSM) == [
        "ok md125 (raid1) is whole",
        "critical md126 is inactive",
        "ok md127 holds the metadata of other arrays",
    ]


def test_what_is_no_array_is_none() -> None:
    assert said(NONE) == said("") == []


def test_the_missing_are_counted() -> None:
    assert [one.metrics[0].value for one in map(judged, parsed(DEGRADED)) if one.metrics] == [1, 1, 2, 1, 0]


def reported(check: Raid, mdstat: str, errors: int | None = None) -> list[Result]:
    return list(gathered(check.reported((judged(array), errors) for array in parsed(mdstat))))


def test_a_host_without_raid_is_ok() -> None:
    assert [(one.status, one.subject, one.summary) for one in reported(Raid(), NONE)] == [
        (Status.OK, "", "no RAID on this host")
    ]


def test_one_subject_names_all_arrays_so_that_the_first_new_one_replaces_none() -> None:
    first = reported(Raid(exclude="md12*"), WHOLE)[0]
    assert (first.subject, first.summary) == ("", "watching md5, md0")


def test_arrays_that_are_never_whole_can_be_left_out() -> None:
    assert {one.status for one in reported(Raid(exclude=("md[1-9]", "md10")), DEGRADED)} == {Status.OK}


def test_errors_that_did_no_harm_are_judged_where_asked() -> None:
    assert reported(Raid(), WHOLE, 3)[3].summary == "md0 (raid0) is whole, 3 errors"
    one = reported(Raid(errors_warning=NumberAbove.parse(1)), WHOLE, 3)[3]
    assert (one.status, one.summary) == (Status.WARNING, "3 errors (warning from 1), md0 (raid0) is whole")
    assert reported(Raid(errors_warning=NumberAbove.parse(1)), WHOLE, 0)[3].summary == "md0 (raid0) is whole"


def test_the_pools_of_zfs_tell_their_state(tmp_path: Path) -> None:
    for name, state in (("rpool", "ONLINE"), ("tank", "DEGRADED")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "state").write_text(f"{state}\n")
    assert [(one.subject, one.status, one.summary) for one, _ in pools(tmp_path)] == [
        ("rpool", Status.OK, "rpool (zfs) is ONLINE"),
        ("tank", Status.CRITICAL, "tank (zfs) is DEGRADED"),
    ]


def device(filesystem: Path, number: int, missing: int = 0, stats: str = "") -> None:
    folder = filesystem / "devinfo" / str(number)
    folder.mkdir(parents=True)
    (folder / "missing").write_text(f"{missing}\n")
    (folder / "error_stats").write_text(stats)


def test_btrfs_over_several_devices_tells_what_is_missing_and_what_went_wrong(tmp_path: Path) -> None:
    stats = "write_errs 0\nread_errs 2\nflush_errs 0\ncorruption_errs 5\ngeneration_errs 0\n"
    device(tmp_path / "5b1c-one-device", 1)
    device(tmp_path / "77aa-two-devices", 1, stats=stats)
    device(tmp_path / "77aa-two-devices", 2, missing=1)
    (tmp_path / "features").mkdir()
    ((one, errors),) = filesystems(tmp_path)
    assert (one.status, one.summary) == (Status.CRITICAL, "77aa-two-devices (btrfs) lacks 1 of 2 devices")
    assert errors == 7
    (tmp_path / "77aa-two-devices" / "label").write_text("backup\n")
    (tmp_path / "77aa-two-devices" / "devinfo" / "2" / "missing").write_text("0\n")
    ((one, _),) = filesystems(tmp_path)
    assert (one.subject, one.status, one.summary) == ("backup", Status.OK, "backup (btrfs) is whole")


def test_counters_that_the_kernel_does_not_have_are_not_zero(tmp_path: Path) -> None:
    assert counted([tmp_path / "nothing"]) is None


@pytest.mark.parametrize(
    "text", ["md0 : active\n", "md0 : active raid1\n", "md0 : inactive\n \n[/] [2/", "md0 : active raid1 [\n"]
)
def test_a_cut_off_text_is_no_crash(text: str) -> None:
    assert len(said(text)) == 1


def test_this_host_can_be_asked() -> None:
    first = ran(Raid()).results[0]
    assert (first.subject, first.status) == ("", Status.OK)
