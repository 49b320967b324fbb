"""LVM's own RAID: what dmsetup prints in, judgement out."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.api import CheckError, Status
from agent.testing import files
from checks.raid import Raid
from checks.raid.lvm import find_volumes, names, parse


def block(folder: Path, *volumes: str) -> Path:
    """Lay out /sys/block of a host with these volumes, as the device mapper names their parts."""
    parts = [f"{volume}{end}" for volume in volumes for end in ("", "_rimage_0", "_rmeta_0", "_rimage_1", "_rmeta_1")]
    return files(folder, {f"dm-{number}/dm/name": f"{part}\n" for number, part in enumerate([*parts, "vg-plain"])})


def judge(folder: Path, status: str) -> tuple[str, str, str]:
    (one,) = find_volumes(block(folder, "vg--a-root"), lambda: f"vg--a-root: 0 4194304 raid {status}\n")
    return one.result.status, one.result.summary, one.result.subject


@pytest.mark.parametrize(
    ("status", "expected", "words"),
    [
        ("raid1 2 AA 4194304/4194304 idle 0", Status.OK, "is whole"),
        ("raid1 2 AA 4194304/4194304 idle 0 0 -", Status.OK, "is whole"),
        ("raid1 2 aa 1024/4194304 resync 0 0 -", Status.OK, "is whole, resync 1024/4194304"),
        ("raid5_ls 3 AAA 512/4194304 check 0 0 -", Status.OK, "is whole, check 512/4194304"),
        ("raid1 2 AD 4194304/4194304 idle 0 0 -", Status.CRITICAL, "lacks 1 of 2 devices"),
        ("raid6_zr 5 AA-AD 4194304/4194304 idle 0 0 A", Status.CRITICAL, "lacks 2 of 5 devices"),
        ("raid10 4 AAAa 1024/4194304 recover 0 0 -", Status.WARNING, "is being rebuilt: 1 of 4 devices, recover"),
        ("raid1 2 Aa 1024/4194304 idle 0 0 -", Status.WARNING, "1 of 2 devices are not in sync"),
        ("raid1 2 Aa 1024/4194304 frozen 0 0 -", Status.WARNING, "1 of 2 devices are not in sync, frozen"),
        ("raid5_ls 3 AAA 4194304/4194304 idle 128 0 -", Status.WARNING, "128 sectors differed"),
        ("raid1 2 AA 4194304/4194304 idle 128 0 -", Status.OK, "is whole"),
        ("raid5_ls 3 AAA 4194304/4194304 idle 0 0 D", Status.CRITICAL, "lost its journal"),
        ("raid1 2 AX 4194304/4194304 idle 0", Status.NODATA, "in a form that is known here"),
        ("raid1 3 AA 4194304/4194304 idle 0", Status.NODATA, "in a form that is known here"),
        ("raid1 2", Status.NODATA, "in a form that is known here"),
    ],
)
def test_a_volume_is_judged_by_its_devices(tmp_path: Path, status: str, expected: Status, words: str) -> None:
    judged, summary, subject = judge(tmp_path, status)
    assert (judged, subject) == (expected, "vg-a/root") and words in summary
    assert summary.startswith("vg-a/root (LVM)")


def test_a_volume_of_which_nobody_may_ask_or_that_is_not_told_of_is_never_whole(tmp_path: Path) -> None:
    folder = block(tmp_path, "vg-root", "vg-home")
    assert names(folder) == ["vg-home", "vg-root"]
    for text in (None, "", "No devices found\n"):
        told = [*find_volumes(folder, lambda text=text: text)]  # type: ignore[misc]  # the default binds the loop's value
        assert [one.result.status for one in told] == [Status.NODATA, Status.NODATA]
    assert parse("vg-x: 0 1 linear 8:1 2048\n") == {}


def test_dmsetup_is_not_asked_where_no_volume_is_raid(tmp_path: Path) -> None:
    def ask() -> str:
        raise CheckError("it was asked")

    assert [*find_volumes(block(tmp_path), ask)] == []
    with pytest.raises(CheckError):
        [*find_volumes(block(tmp_path / "2", "vg-root"), ask)]


def test_a_volume_can_be_left_out_as_people_name_it(tmp_path: Path) -> None:
    findings = [*find_volumes(block(tmp_path, "vg-root"), lambda: None)]
    assert Raid(exclude="vg/root").keep(findings) == []
    assert len(Raid().keep(findings)) == 1
