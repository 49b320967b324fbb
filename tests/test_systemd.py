"""The systemd check against what systemctl 252 printed, and against systemctls that fail, hang and lie."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from agent.api import CheckError, Context, NumberAbove, Result, Status
from agent.config.catalog import Catalog
from agent.config.drop_ins import load
from agent.plugin.results import gathered
from checks.systemd import Systemd, Unit, names_of, parsed, restarts_within, state_of

LISTED = """\
broken.service   loaded failed     failed       A unit that fails
slowloop.service loaded activating auto-restart A unit that fails and is started again
"""
# Names come in the middle, a timer has no NRestarts, an unknown unit is shown too: as systemd 252 printed it.
SHOWN = {
    "good": "Result=success\nNRestarts=0\nId=good.service\nLoadState=loaded\nActiveState=active\nSubState=running\n",
    "slowloop.service": "Result=exit-code\nNRestarts=20\nId=slowloop.service\nLoadState=loaded\n"
    "ActiveState=activating\nSubState=auto-restart\n",
    "nonexist": "Result=success\nNRestarts=0\nId=nonexist.service\nLoadState=not-found\n"
    "ActiveState=inactive\nSubState=dead\n",
    "never.timer": "Result=success\nId=never.timer\nLoadState=loaded\nActiveState=active\nSubState=waiting\n",
    "broken.service": "Result=exit-code\nNRestarts=0\nId=broken.service\nLoadState=loaded\n"
    "ActiveState=failed\nSubState=failed\n",
}
GOOD = Unit("loaded", "active", "running", "success")
FAILED = Unit("loaded", "failed", "failed", "exit-code")
WAITING = Unit("loaded", "activating", "auto-restart", "exit-code", 20)
DEAD = Unit("loaded", "inactive", "dead", "success")
UNKNOWN = Unit("not-found", "inactive", "dead", "success")
MASKED = Unit("masked", "inactive", "dead", "success")


def fake(folder: Path, listed: str = LISTED, more: str = "") -> tuple[str, ...]:
    """Write a systemctl that knows the units of SHOWN."""
    for name, text in SHOWN.items():
        (folder / name).write_text(text)
    (folder / "listed").write_text(listed)
    program = folder / "systemctl"
    program.write_text(
        f"""#!/bin/sh
cd {folder}
{more}
[ "$1" = --no-pager ] || exit 64
[ "$2" != list-units ] || exec cat listed
while [ "$1" != -- ]; do shift; done
shift
for name; do cat "$name"; echo; done
"""
    )
    program.chmod(0o755)
    return (str(program),)


def run(check: Systemd, memory: dict[str, Any] | None = None, timeout: float = 5.0) -> tuple[Result, ...]:
    return gathered(check.run(Context(timeout=timeout, memory=memory)))


def test_what_systemctl_prints_is_read() -> None:
    assert parsed("\n".join(SHOWN.values())) == [
        GOOD,
        WAITING,
        UNKNOWN,
        Unit("loaded", "active", "waiting", "success"),
        FAILED,
    ]
    assert parsed("") == []


def test_older_systemctls_put_a_dot_before_what_failed() -> None:
    assert names_of("● broken.service loaded failed failed Text\n  good.service loaded active running\n\n") == [
        "broken.service",
        "good.service",
    ]


def test_failed_units_are_a_warning_that_names_them(tmp_path: Path) -> None:
    (one,) = run(Systemd(command=fake(tmp_path)))
    assert (one.status, one.summary) == (Status.WARNING, "1 failed unit: broken.service")
    assert one.details == "broken.service failed (failed, exit-code), see: journalctl -u broken.service"


def test_a_failed_unit_that_is_excluded_is_none(tmp_path: Path) -> None:
    (one,) = run(Systemd(command=fake(tmp_path), exclude="brok*"))
    assert (one.status, one.summary) == (Status.OK, "no failed unit")


def test_where_nothing_is_wrong_systemctl_is_asked_once(tmp_path: Path) -> None:
    (one,) = run(Systemd(command=fake(tmp_path, listed="", more="echo >>calls")))
    assert one.status is Status.OK
    assert (tmp_path / "calls").read_text().count("\n") == 1


def test_each_named_unit_is_a_subject(tmp_path: Path) -> None:
    names = ("good", "slowloop.service", "nonexist", "never.timer", "broken.service")
    results = run(Systemd(unit=names, command=fake(tmp_path)))
    assert [(one.subject, one.status, one.summary) for one in results] == [
        ("good", Status.OK, "good active (running)"),
        ("slowloop.service", Status.WARNING, "slowloop.service activating (auto-restart, exit-code)"),
        ("nonexist", Status.CRITICAL, "nonexist: systemd knows no such unit"),
        ("never.timer", Status.OK, "never.timer active (waiting)"),
        ("broken.service", Status.CRITICAL, "broken.service is failed (failed, exit-code), should be active"),
    ]


@pytest.mark.parametrize(
    ("unit", "wanted", "status"),
    [
        (GOOD, "active", "ok"),
        (Unit("loaded", "reloading", "reload"), "active", "ok"),
        (WAITING, "active", "warning"),
        (DEAD, "active", "critical"),
        (MASKED, "active", "critical"),
        (GOOD, "inactive", "critical"),
        (DEAD, "inactive", "ok"),
        (UNKNOWN, "inactive", "ok"),
        (FAILED, "inactive", "critical"),
        (DEAD, "not_failed", "ok"),
        (GOOD, "not_failed", "ok"),
        (FAILED, "not_failed", "critical"),
        (UNKNOWN, "not_failed", "critical"),
    ],
)
def test_a_unit_is_judged_by_what_it_should_be(unit: Unit, wanted: str, status: str) -> None:
    assert state_of("u", unit, wanted).status == status


def judged(check: Systemd, count: int, memory: dict[str, Any], now: float) -> Result:
    unit = Unit("loaded", "activating", "auto-restart", "exit-code", count)
    (one,) = gathered(check.judged({"loop.service": unit}, memory, now))
    return one


def test_a_service_that_starts_again_and_again_is_a_warning() -> None:
    memory: dict[str, Any] = {}
    check = Systemd()
    assert judged(check, 58, memory, 0).status is Status.OK, "restarts before we looked may be of last year"
    assert judged(check, 60, memory, 60).status is Status.OK
    one = judged(check, 62, memory, 120)
    assert (one.status, one.summary) == (
        Status.WARNING,
        "loop.service restarted 4 times in the last 15m (warning from 3), no failed unit",
    )
    assert judged(check, 62, memory, 60 + 900).status is Status.OK, "two of them are too long ago"


def test_a_counter_that_somebody_reset_is_a_new_baseline() -> None:
    memory: dict[str, Any] = {}
    assert [restarts_within(memory, "u", count, now, 900) for count, now in ((50, 0), (1, 60), (3, 120))] == [0, 0, 2]


def test_a_unit_that_recovered_is_asked_for_no_more() -> None:
    memory: dict[str, Any] = {}
    check = Systemd()
    judged(check, 0, memory, 0)
    judged(check, 5, memory, 60)
    list(check.judged({"loop.service": Unit("loaded", "active", "running", "success", 5)}, memory, 120))
    assert "loop.service" in memory["restarts"], "it may crash again"
    list(check.judged({"loop.service": Unit("loaded", "active", "running", "success", 5)}, memory, 1000))
    assert memory["restarts"] == {}


def test_a_unit_that_crashed_is_watched_though_it_is_running_now(tmp_path: Path) -> None:
    memory: dict[str, Any] = {"restarts": {"good": {"count": 0, "recent": [[time.time(), 7]]}}}
    (one,) = run(Systemd(command=fake(tmp_path, listed=""), restarts_critical=NumberAbove.parse(5)), memory)
    assert one.summary == "good restarted 7 times in the last 15m (critical from 5), no failed unit"


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


@pytest.mark.parametrize(
    ("check", "setting"),
    [
        (Systemd(unit="nginx*"), "unit"),
        (Systemd(unit=("-H", "b")), "unit"),
        (Systemd(unit=("a", "a")), "unit"),
        (Systemd(unit="a", exclude="b"), "exclude"),
        (Systemd(state="inactive"), "state"),
        (Systemd(command=()), "command"),
    ],
)
def test_settings_that_contradict_each_other_are_named(check: Systemd, setting: str) -> None:
    assert [name for name, _ in check.problems()] == [setting]


def test_sound_settings_have_no_problems() -> None:
    assert not list(Systemd(unit=("postgresql@16-main", "dev-disk-by\\x2duuid.swap"), state="not_failed").problems())


def test_the_sample_is_a_configuration(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parent.parent / "conf.d/systemd.yaml.sample", tmp_path / "systemd.yaml")
    config = load(tmp_path, Catalog(), {})
    assert [str(problem) for problem in config.problems] == []
    assert list(config.checks) == ["units"]
