"""The reboot check: what distributions leave behind, in a folder of our own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from agent.api import DurationAbove, DurationBelow, Result, Status
from agent.plugin.results import gather
from agent.testing import ran
from checks.reboot import Reboot
from checks.reboot.check import packages, reasons
from tests.host.closed import closed

DAY = 86400.0


def assess(settings: Reboot, uptime: float, found: tuple[str, float] | None, now: float = 100 * DAY) -> Result:
    (result,) = gather(settings.assess(uptime, found, now, "asked for by libc6"))
    return result


def test_a_required_reboot_becomes_a_warning_after_two_weeks() -> None:
    found = ("/run/reboot-required says so", 100 * DAY)
    assert assess(Reboot(), 300 * DAY, found, now=113 * DAY).status is Status.OK
    one = assess(Reboot(), 300 * DAY, found, now=114 * DAY)
    assert (one.status, one.summary, one.details) == (
        Status.WARNING,
        "reboot required for 14d: /run/reboot-required says so (warning from 14d), up for 300d",
        "asked for by libc6",
    )
    pressing = Reboot(required_critical=DurationAbove.parse("14d"))
    assert assess(pressing, 300 * DAY, found, now=114 * DAY).status is Status.CRITICAL


def test_a_host_that_just_started_tells_only_where_asked() -> None:
    assert assess(Reboot(), 30, None).summary == "up for 30s, no reboot required"
    one = assess(Reboot(uptime_warning=DurationBelow.parse("10m")), 30, None)
    assert (one.status, one.summary) == (Status.WARNING, "up for 30s (warning below 10m), no reboot required")


def test_a_mark_from_the_future_is_no_negative_time() -> None:
    assert "required for 0ms" in assess(Reboot(), 30, ("a clock was wrong", 200 * DAY)).summary


def kernel(modules: Path, release: str, whole: bool = True) -> None:
    (modules / release / ("kernel" if whole else "updates")).mkdir(parents=True)


def found(
    folder: Path, running: str = "6.1.0-25-amd64", memory: dict[str, Any] | None = None
) -> list[tuple[str, float]]:
    marks = [folder / "reboot-required", folder / "reboot-needed"]
    return list(reasons({} if memory is None else memory, running, marks, folder / "modules"))


def test_the_mark_of_the_distribution_says_since_when(tmp_path: Path) -> None:
    assert found(tmp_path) == []
    (tmp_path / "reboot-required").touch()
    os.utime(tmp_path / "reboot-required", (5000, 5000))
    assert found(tmp_path) == [(f"{tmp_path}/reboot-required says so", 5000)]


def test_a_newer_kernel_of_the_same_kind_wants_a_reboot(tmp_path: Path) -> None:
    for release in ("6.1.0-23-amd64", "6.1.0-25-amd64", "6.1.0-26-cloud-amd64"):
        kernel(tmp_path / "modules", release)
    kernel(tmp_path / "modules", "6.1.0-27-amd64", whole=False)
    assert found(tmp_path) == [], "another kind, and what a module's package left behind, are none"
    kernel(tmp_path / "modules", "6.1.0-26-amd64")
    assert [reason for reason, _ in found(tmp_path)] == [
        "kernel 6.1.0-26-amd64 is installed, 6.1.0-25-amd64 is running"
    ]


def test_modules_that_an_update_took_away_want_a_reboot(tmp_path: Path) -> None:
    memory: dict[str, Any] = {}
    kernel(tmp_path / "modules", "6.10.1-arch1-1")
    assert found(tmp_path, "6.10.1-arch1-1", memory) == []
    (tmp_path / "modules" / "6.10.1-arch1-1").rename(tmp_path / "modules" / "6.6.32-1-lts")
    assert [reason for reason, _ in found(tmp_path, "6.10.1-arch1-1", memory)] == [
        "the modules of the running kernel 6.10.1-arch1-1 are gone"
    ]


def test_modules_that_may_not_be_looked_at_are_neither_gone_nor_up_to_date(open_folder: Path) -> None:
    modules = open_folder / "modules"
    (modules / "6.1.0-30-amd64" / "kernel").mkdir(parents=True)
    memory: dict[str, Any] = {}
    assert list(reasons(memory, "6.1.0-30-amd64", [], modules)) == []
    with closed(modules), pytest.raises(PermissionError):
        list(reasons(memory, "6.1.0-30-amd64", [], modules))
    said = gather(Reboot().assess(1e6, None, 0.0, unknown="not known"))[0]
    assert (said.status, said.summary.split(", ")[0]) == (Status.NODATA, "not known")
    assert gather(Reboot(required_warning=None).assess(1e6, None, 0.0, unknown="not known"))[0].status is Status.OK


def test_kernels_that_a_sandbox_hides_from_root_are_not_gone(tmp_path: Path) -> None:
    """systemd's ProtectKernelModules lays an empty folder over them that nobody may enter."""
    kernel(tmp_path / "modules", "6.1.0-30-amd64")
    memory: dict[str, Any] = {}
    assert found(tmp_path, "6.1.0-30-amd64", memory) == []
    (tmp_path / "modules").rename(tmp_path / "real")
    (tmp_path / "modules").mkdir(mode=0)
    with pytest.raises(PermissionError):
        found(tmp_path, "6.1.0-30-amd64", memory)


def test_a_kernel_that_never_had_modules_here_is_no_reason(tmp_path: Path) -> None:
    kernel(tmp_path / "modules", "6.1.0-25-amd64")
    assert found(tmp_path, "6.18.44-microvm") == []


def test_where_the_kernel_is_the_host_s_only_marks_count(tmp_path: Path) -> None:
    kernel(tmp_path / "modules", "6.1.0-26-amd64")
    assert list(reasons({}, "6.1.0-25-amd64", [tmp_path / "reboot-required"], None)) == []
    (tmp_path / "reboot-required").touch()
    assert len(list(reasons({}, "6.1.0-25-amd64", [tmp_path / "reboot-required"], None))) == 1


def test_what_asked_for_the_reboot_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "pkgs").write_text("linux-base\nlibc6\nlinux-base\n")
    assert packages(tmp_path / "pkgs") == "asked for by linux-base, libc6"
    assert packages(tmp_path / "none") == ""


def test_this_host_is_up() -> None:
    result = ran(Reboot(required_warning=None)).result
    assert result.status is Status.OK
    assert result.summary.startswith("up for ")
