"""The array of an Unraid is judged by its disks and its parity."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.api import Status
from checks.raid import unraid
from checks.raid.check import find_arrays

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
