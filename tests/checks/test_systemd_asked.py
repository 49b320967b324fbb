"""How systemctl is asked and read, and what it means when it fails, hangs or is not there."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from agent.api import CheckError, Regex
from agent.testing import ran
from checks.log import Log
from checks.systemd import Systemd
from checks.systemd.units import Unit, parse, read_names
from tests.checks.units import FAILED, GOOD, SHOWN, TIMERS, UNKNOWN, WAITING, fake, run
from tests.host import needs


def test_what_systemctl_prints_is_read() -> None:
    assert parse("\n".join(SHOWN.values())) == [
        GOOD,
        WAITING,
        UNKNOWN,
        Unit("loaded", "active", "waiting", "success", None),
        FAILED,
    ]
    assert parse(TIMERS) == [
        Unit("loaded", "active", "waiting", "success", None, 8.259541, 1795500000.0, 1795672801.0, True),
        Unit("loaded", "active", "waiting", "success", None, 8.3, 1795500000.0, None, True),
        Unit("loaded", "active", "elapsed", "success", None, 8.3, 1795500000.0, 1795500000.0, False),
        Unit("loaded", "active", "waiting", "success", None, 8.3, 1795500000.0, None, False),
        Unit("loaded", "active", "running", "success", None, 8.3, 1795500000.0, None, True),
        Unit("bad-setting", "inactive", "dead", "success", None, 0.0),
    ]
    assert parse("") == []


def test_older_systemctls_put_a_dot_before_what_failed() -> None:
    assert read_names("● broken.service loaded failed failed Text\n  good.service loaded active running\n\n") == [
        "broken.service",
        "good.service",
    ]


def test_root_runs_no_systemctl_and_no_journalctl_that_others_could_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs.root()
    (systemctl,) = fake(tmp_path)
    folder = Path(systemctl).parent
    shutil.copy(systemctl, folder / "journalctl")
    os.chown(folder / "journalctl", 65534, 65534)
    os.chown(folder / "systemctl", 65534, 65534)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    ran(Systemd()).is_nodata(f"refused to run {folder}/systemctl: {folder}/systemctl belongs to nobody")
    ran(Systemd(command=(f"{folder}/systemctl",))).is_nodata("refused to run")
    ran(Log(units=("a.service",), pattern=Regex.parse("x"))).is_nodata("refused to run")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (
            "echo 'Failed to connect to bus: Host is down' >&2; exit 1",
            "systemctl: Failed to connect to bus: Host is down",
        ),
        ("exit 5", "systemctl: ended with 5"),
        ("exit 0", "systemctl told of 0 units, not of 1"),
        ("kill -9 $$", "systemctl: ended with -9"),
    ],
)
def test_a_systemctl_that_fails_is_no_data_and_never_down(tmp_path: Path, more: str, reason: str) -> None:
    with pytest.raises(CheckError) as error:
        run(Systemd(unit="good", command=fake(tmp_path, more=more)))
    assert str(error.value) == reason


def test_a_systemctl_that_hangs_is_killed_in_time(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(CheckError, match=r"systemctl did not answer within 500ms"):
        run(Systemd(unit="good", command=fake(tmp_path, more="exec sleep 60")), timeout=0.5)
    assert time.monotonic() - started < 5


def test_without_systemd_it_says_what_it_needs() -> None:
    with pytest.raises(CheckError, match="/nowhere/systemctl: No such file or directory; this check needs systemd"):
        run(Systemd(command=("/nowhere/systemctl",)))
