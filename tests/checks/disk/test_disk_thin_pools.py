"""Thin pools: what dmsetup prints in, words out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import CheckError, Context, PercentAbove, Status
from agent.plugin.results import gather
from agent.testing import files
from checks.disk.choice import Filter, takes
from checks.disk.thin_pools import Pool, assess_pool, names, parse, pools
from checks.disk.usage import Levels

# Lines as the kernel's thin-provisioning.rst describes them.
TEXT = """\
vg0-pool0-tpool: 0 2097152 thin-pool 1 11/512 1536/2048 - rw no_discard_passdown queue_if_no_space - 1024
data--vg-big--pool-tpool: 0 4194304 thin-pool 7 500/512 4096/4096 - out_of_data_space discard_passdown \
error_if_no_space needs_check 1024
vg0-lost-tpool: 0 2097152 thin-pool Fail
"""
LEVELS = Levels(PercentAbove.parse("80%"), PercentAbove.parse("90%"))


def told(pool: Pool) -> tuple[Status, str]:
    (result,) = gather(assess_pool(pool, LEVELS))
    return result.status, result.summary


def test_a_pool_tells_its_data_its_metadata_and_its_state() -> None:
    good, full, lost = parse(TEXT)
    assert told(good) == (
        Status.OK,
        "thin pool, 75.0% used, 256 MiB free of 1 GiB, metadata 2.1% used",
    )
    assert (good.subject, full.subject) == ("vg0/pool0", "data-vg/big-pool")
    assert told(full) == (
        Status.CRITICAL,
        "the thin pool is out_of_data_space and needs a check, 100.0% used (critical from 90%), "
        "metadata 97.7% used (critical from 90%), 0 B free of 2 GiB",
    )
    assert told(lost) == (Status.CRITICAL, "the thin pool is out of order: Fail")


@pytest.mark.parametrize("mode", ["ro", "out_of_data_space", "something new"])
def test_a_pool_that_is_not_writable_is_critical_however_empty(mode: str) -> None:
    assert told(Pool("vg-p-tpool", 1 << 30, (1, 100), (1, 100), mode))[0] is Status.CRITICAL


def test_a_pool_of_which_nothing_is_told_is_nodata() -> None:
    assert told(Pool("vg-p-tpool"))[0] is Status.NODATA
    assert told(Pool("vg-p-tpool", 5, mode="rw"))[0] is Status.NODATA


def test_pools_are_found_without_asking_anybody(tmp_path: Path) -> None:
    block = files(
        tmp_path,
        {
            "dm-0/dm/uuid": "LVM-abcDEF-tpool\n",
            "dm-0/dm/name": "vg0-pool0-tpool\n",
            "dm-1/dm/uuid": "LVM-abcDEF\n",
            "dm-1/dm/name": "vg0-root\n",
            "dm-2/dm/uuid": "CRYPT-LUKS2-1-x\n",
            "dm-2/dm/name": "luks\n",
            "sda/size": "1\n",
        },
    )
    assert names(block) == ["vg0-pool0-tpool"]
    assert names(tmp_path / "none") == []


def test_include_and_exclude_choose_pools_too() -> None:
    mount = Pool("vg0-pool0-tpool").as_mount
    assert takes(mount, None, Filter())
    assert not takes(mount, Filter(mount="/srv/*"), Filter())
    for exclude in (Filter(mount="vg0/*"), Filter(type="thin-pool"), Filter(device="/dev/mapper/vg0-*")):
        assert not takes(mount, None, exclude)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (f"[ \"$*\" = 'status --noflush --target thin-pool' ] || exit 9; cat <<'E'\n{TEXT}E", ["ok", "nodata"]),
        ("echo 'device-mapper: status ioctl failed: Permission denied' >&2; exit 1", []),
        ("echo 'No such thing' >&2; exit 5", "dmsetup: No such thing"),
        ("echo 'other words'", ["nodata", "nodata"]),
    ],
)
def test_dmsetup_is_asked_only_where_there_is_a_pool(
    script: str, said: list[str] | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "dmsetup").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "dmsetup").chmod(0o755)
    assert pools(Context(timeout=20), []) == []
    try:
        found = pools(Context(timeout=20), ["vg0-pool0-tpool", "vg0-unknown-tpool"])
    except CheckError as error:
        assert str(error) == said
    else:
        assert [str(told(pool)[0]) for pool in found] == said


@given(st.text() | st.text(alphabet="0123456789 /-:thinpolFarw").map("x: 0 1 thin-pool {}".format))
def test_no_text_whatsoever_is_more_than_it_says(text: str) -> None:
    for pool in parse(text):
        assert told(pool)[0] in Status
