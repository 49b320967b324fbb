"""Arrays of the kernel: whole, degraded, rebuilt, or in a state that is not known."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from agent.api import CheckError, NumberAbove, Result, Status
from agent.plugin.results import gather
from agent.testing import files, ran
from checks.raid import Raid
from checks.raid.check import find_all, find_arrays
from checks.raid.finding import Finding
from checks.raid.mdstat import assess, count_errors, parse
from tests.checks.raid_texts import DEGRADED, WHOLE, said

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


def test_a_rebuild_that_does_not_move_is_not_said_to_be_about_done() -> None:
    still = DEGRADED.replace("finish=4386.2min speed=12928K/sec", "finish=0.0min speed=0K/sec")
    assert "warning md2 (raid1) lacks 1 of 2 devices, recovery 12.6%" in said(still)


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
