"""The RAID check: texts of /proc/mdstat as hosts had them, and folders as ZFS and btrfs make them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from agent.api import CheckError, Context, NumberAbove, Result, Status
from agent.plugin.results import gather
from agent.testing import files, ran
from checks.raid import Raid, unraid
from checks.raid.btrfs import find_filesystems
from checks.raid.check import ask_zpool, find_all, find_arrays
from checks.raid.finding import Finding, tell_apart
from checks.raid.mdstat import assess, count_errors, parse
from checks.raid.zfs import find_pools

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
    return [f"{one.status} {one.summary}" for one in map(assess, parse(mdstat))]


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
    assert [one.metrics[0].value for one in map(assess, parse(DEGRADED)) if one.metrics] == [1, 1, 2, 1, 0]


def report(check: Raid, mdstat: str, errors: int | None = None) -> list[Result]:
    found = [Finding(assess(array), "md", "", errors) for array in parse(mdstat)]
    return list(gather(check.report(check.keep(found))))


def test_a_host_without_raid_is_ok() -> None:
    assert [(one.status, one.subject, one.summary) for one in report(Raid(), NONE)] == [
        (Status.OK, "", "no RAID on this host")
    ]


def test_one_subject_names_all_arrays_so_that_the_first_new_one_replaces_none() -> None:
    assert report(Raid(exclude="/dev/md12*"), WHOLE)[0].summary == "watching md5, md0"
    first = report(Raid(exclude="md12*"), WHOLE)[0]
    assert (first.subject, first.summary) == ("", "watching md5, md0")


def test_arrays_that_are_never_whole_can_be_left_out() -> None:
    assert {one.status for one in report(Raid(exclude=("md[1-9]", "md10")), DEGRADED)} == {Status.OK}


def test_errors_that_did_no_harm_are_judged_where_asked() -> None:
    assert report(Raid(), WHOLE, 3)[3].summary == "md0 (raid0) is whole, 3 errors"
    one = report(Raid(errors_warning=NumberAbove.parse(1)), WHOLE, 3)[3]
    assert (one.status, one.summary) == (Status.WARNING, "3 errors (warning from 1), md0 (raid0) is whole")
    assert report(Raid(errors_warning=NumberAbove.parse(1)), WHOLE, 0)[3].summary == "md0 (raid0) is whole"


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


LEVELS = ("raid1", "raid4", "raid5", "raid6", "raid10", "multipath")


SUPERBLOCKS = ("", " super 1.2", " super non-persistent", " super external:imsm")
MODES = ("", " (read-only)", " (auto-read-only)")


@pytest.mark.parametrize("level", LEVELS)
def test_an_array_without_a_device_is_critical_wherever_the_counts_stand(level: str) -> None:
    """The kernel begins a new line for the size only while there is a device."""
    end = "\n      \nunused devices: <none>\n"
    for superblock, mode in product(SUPERBLOCKS, MODES):
        no_device = f"md0 : active{mode} {level}{superblock} [2/0] [__]{end}"
        assert said(no_device) == [f"critical md0 ({level}) lacks 2 of 2 devices"]
        usual = f"md0 : active{mode} {level} sda1[0]\n      100 blocks{superblock} [2/1] [U_]{end}"
        assert said(usual) == [f"critical md0 ({level}) lacks 1 of 2 devices"]


def test_an_array_that_nobody_can_write_to_is_a_warning() -> None:
    end = "      100 blocks super 1.2 [3/3] [UUU]\n"
    assert said(f"md0 : active (read-only) raid5 sdc1[2] sdb1[1] sda1[0]\n{end}") == [
        "warning md0 (raid5) is whole, read-only: nobody can write to it"
    ]
    assert said(f"md0 : active (read-only) raid5 sdd1[3](J)(F) sdc1[2] sdb1[1] sda1[0]\n{end}") == [
        "warning md0 (raid5) is whole, read-only: nobody can write to it, but replace what failed: sdd1"
    ]
    assert said(f"md0 : active (auto-read-only) raid5 sdc1[2] sdb1[1] sda1[0]\n{end}") == ["ok md0 (raid5) is whole"]


@pytest.mark.parametrize("level", [*LEVELS, "raid7"])
def test_an_array_of_which_the_counts_are_not_told_is_never_whole(level: str) -> None:
    (one,) = map(assess, parse(f"md0 : active {level} sda1[0]\n      100 blocks super 1.2\n"))
    assert one.status is Status.NODATA


def test_a_state_that_is_not_known_is_never_ok() -> None:
    assert said("md0 : clean-dead raid1 sda1[0]\n      1 blocks [1/1] [U]\n") == [
        "nodata md0 (raid1): mdstat calls its state 'clean-dead', which is not known here"
    ]


def test_a_spare_that_waits_for_its_turn_is_a_rebuild_and_not_told_worse() -> None:
    waits = "md0 : active raid1 sdb1[2] sda1[0]\n      100 blocks super 1.2 [2/1] [U_]\n        resync=DELAYED\n"
    assert said(waits) == ["warning md0 (raid1) lacks 1 of 2 devices, resync DELAYED"]
    for nobody in ("", "(S)", "(F)", "(J)"):
        text = waits.replace("sdb1[2] ", f"sdb1[2]{nobody} " if nobody else "")
        assert said(text)[0].startswith("critical md0 (raid1) lacks 1 of 2 devices"), nobody


def test_parity_that_did_not_fit_is_a_warning_and_differing_mirrors_are_words(tmp_path: Path) -> None:
    files(tmp_path, {"md5/md/mismatch_cnt": "128\n", "md127/md/mismatch_cnt": "8\n", "md0/md/mismatch_cnt": "0\n"})
    told = {one.result.subject: one.result for one in find_arrays(WHOLE, tmp_path)}
    assert told["md5"].status is Status.WARNING
    assert told["md5"].summary.endswith(", 128 sectors differed at the last check")
    assert (told["md127"].status, "8 sectors" in told["md127"].summary) == (Status.OK, True)
    assert told["md0"].summary == "md0 (raid0) is whole"


UNRAID = """sbName=/boot/config/super.dat
mdVersion=2.9.27
mdState={state}
mdNumDisks=4
mdNumDisabled={disabled}
mdNumInvalid={invalid}
mdNumMissing=0
mdNumWrong=0
mdResyncAction={action}
mdResyncPos={position}
diskNumber.1=1
rdevStatus.0=DISK_OK
rdevStatus.1={disk}
rdevStatus.2=DISK_OK
rdevStatus.29=DISK_NP
"""


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "ok unraid is whole"),
        ({"action": "check P", "position": 77}, "ok unraid is whole"),
        ({"disabled": 1, "disk": "DISK_DSBL"}, "critical unraid is not whole: disk 1 DISK_DSBL"),
        ({"disabled": 1, "disk": "DISK_NP_DSBL"}, "critical unraid is not whole: disk 1 DISK_NP_DSBL"),
        ({"disk": "DISK_NEVER_HEARD_OF"}, "critical unraid is not whole: disk 1 DISK_NEVER_HEARD_OF"),
        ({"disabled": 1}, "critical unraid is not whole: NumDisabled=1"),
        (
            {"invalid": 1, "disk": "DISK_INVALID", "action": "recon P", "position": 77},
            "warning unraid is not whole: disk 1 DISK_INVALID",
        ),
        (
            {"invalid": 1, "disk": "DISK_INVALID", "action": "recon P"},
            "critical unraid is not whole: disk 1 DISK_INVALID",
        ),
        ({"state": "STOPPED"}, "critical unraid is STOPPED"),
        ({"state": "ERROR:TOO_MANY_MISSING_DISKS"}, "critical unraid is ERROR:TOO_MANY_MISSING_DISKS"),
    ],
)
def test_the_array_of_unraid_is_judged(values: dict[str, object], told: str, tmp_path: Path) -> None:
    usual = {"state": "STARTED", "disabled": 0, "invalid": 0, "disk": "DISK_OK", "action": "", "position": 0}
    (one,) = find_arrays(UNRAID.format(**{**usual, **values}), tmp_path)
    assert f"{one.result.status} {one.result.summary}" == told


def test_an_unraid_that_tells_of_no_disk_is_not_known() -> None:
    assert unraid.assess({"mdState": "STARTED"}).status is Status.NODATA


def test_a_text_of_no_known_form_is_nodata_and_no_text_is_no_raid(tmp_path: Path) -> None:
    assert [one.result.status for one in find_arrays("version: 4\narrays: none\n", tmp_path)] == [Status.NODATA]
    assert list(find_arrays("", tmp_path)) == list(find_arrays(NONE, tmp_path)) == []
    for more in ("md0 :active raid1 sda1[0]\n", "md0 active\n", "      100 blocks [2/1] [U_]\n"):
        assert [one.result.status for one in find_arrays(NONE + more, tmp_path)] == [Status.NODATA]


@pytest.mark.parametrize(
    ("devices", "each", "status"),
    [
        ("sda1[0] sdb1[1]", "UU", Status.OK),
        ("sda1[0](W) sdb1[1] sdc1[2](S) sdd1[3](J) sde1[4](R)", "UU", Status.OK),
        ("sda1[0](E) sdb1[1]", "UU", Status.CRITICAL),
        ("sda1[0] sdb1[1]", "UE", Status.CRITICAL),
        ("sda1[0](X) sdb1[1]", "UU", Status.NODATA),
        ("sda1[0] sdb1[1]", "U?", Status.NODATA),
    ],
)
def test_a_mark_of_a_device_that_is_not_known_is_never_whole(devices: str, each: str, status: Status) -> None:
    """E is what Synology and QNAP print of a device that the array gave up on."""
    (one,) = parse(f"md2 : active raid1 {devices}\n      100 blocks super 1.2 [2/2] [{each}]\n")
    assert assess(one).status is status


def test_counters_that_the_kernel_does_not_have_are_not_zero(tmp_path: Path) -> None:
    assert count_errors([tmp_path / "nothing"]) is None


def test_a_kind_that_cannot_be_looked_for_hides_no_other() -> None:
    def closed() -> list[Finding]:
        raise CheckError("/sys/fs/btrfs: permission denied")

    def broken() -> Iterator[Finding]:
        yield Finding(assess(parse("md0 : active raid1 sda1[0]\n      100 blocks [2/1] [U_]\n")[0]), "md")
        raise CheckError("and then no more")

    found, faults = find_all(closed, broken, list)
    assert [one.result.status for one in found] == [Status.CRITICAL]
    assert faults == ["/sys/fs/btrfs: permission denied", "and then no more"]


@pytest.mark.parametrize(
    "text", ["md0 : active\n", "md0 : active raid1\n", "md0 : inactive\n \n[/] [2/", "md0 : active raid1 [\n"]
)
def test_a_cut_off_text_is_no_crash(text: str) -> None:
    assert len(said(text)) == 1


def test_this_host_can_be_asked() -> None:
    first = ran(Raid()).results[0]
    assert (first.subject, first.status) == ("", Status.OK)
