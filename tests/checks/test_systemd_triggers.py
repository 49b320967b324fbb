"""Units that a timer triggers and that do not start: for what they require failed, no state of theirs tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.api import Status
from checks.systemd import Systemd
from checks.systemd.triggers import Pair, assess_pairs, find_pairs, has_missed, names_of
from checks.systemd.units import Unit, parse
from tests.checks.units import fake, run

# As systemd 252 printed them while bad.service, which backup.service requires, failed at each turn.
TIMER = """\
Unit=backup.service
NextElapseUSecRealtime=Sat 2026-11-28 02:23:05 UTC
NextElapseUSecMonotonic=infinity
LastTriggerUSec=Sat 2026-11-28 02:23:00 UTC
Result=success
Id=backup.timer
TriggeredBy=
LoadState=loaded
ActiveState=active
SubState=waiting
StateChangeTimestamp=Sat 2026-11-28 02:23:00 UTC
ActiveEnterTimestamp=Sat 2026-11-28 02:22:05 UTC
Job=
ConditionTimestamp=Sat 2026-11-28 02:22:05 UTC
"""
SERVICE = """\
Result=success
NRestarts=0
Id=backup.service
TriggeredBy=backup.path backup.timer
LoadState=loaded
ActiveState=inactive
SubState=dead
StateChangeTimestamp=
ActiveEnterTimestamp=
Job=
ConditionTimestamp=
"""
TURN = 1795832580.0
"""02:23:00 on that day."""
BEFORE, AFTER = "Sat 2026-11-28 02:22:40 UTC", "Sat 2026-11-28 02:23:00 UTC"


def check(
    folder: Path, unit: str, state: str, timer: str = TIMER, service: str = SERVICE
) -> dict[str, tuple[str, str]]:
    (folder / "backup.timer").write_text(timer)
    (folder / "backup.service").write_text(service)
    settings = {"unit": unit, "state": state, "command": fake(folder, more="echo >>calls")}
    return {one.subject: (one.status, one.summary) for one in run(Systemd(**settings))}  # type: ignore[arg-type]


@pytest.mark.parametrize(("unit", "state"), [("backup.timer", "active"), ("backup.service", "not_failed")])
def test_what_a_timer_triggered_and_did_not_start_is_critical_for_the_timer_and_the_unit(
    tmp_path: Path, unit: str, state: str
) -> None:
    status, summary = check(tmp_path, unit, state)[unit]
    assert status is Status.CRITICAL and "ago, and it did not start" in summary
    assert "backup.timer triggered backup.service" in summary


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("StateChangeTimestamp=\n", f"StateChangeTimestamp={AFTER}\n"),
        ("ConditionTimestamp=\n", f"ConditionTimestamp={AFTER}\n"),
        ("Job=\n", "Job=731\n"),
        ("ActiveState=inactive\nSubState=dead", "ActiveState=active\nSubState=exited"),
        ("ActiveState=inactive\nSubState=dead", "ActiveState=activating\nSubState=start"),
    ],
    ids=["it ran", "its condition was not met", "its start waits", "it is up", "it starts"],
)
def test_a_unit_that_took_its_turn_or_need_not_is_told_as_it_is(tmp_path: Path, old: str, new: str) -> None:
    assert check(tmp_path, "backup.timer", "active", service=SERVICE.replace(old, new))["backup.timer"][0] is Status.OK


def test_a_turn_of_another_boot_or_none_at_all_is_no_miss(tmp_path: Path) -> None:
    for last in ("Fri 2026-11-27 02:23:00 UTC", ""):
        timer = TIMER.replace("LastTriggerUSec=Sat 2026-11-28 02:23:00 UTC", f"LastTriggerUSec={last}")
        assert check(tmp_path, "backup.service", "not_failed", timer)["backup.service"][0] is Status.OK
        assert check(tmp_path, "backup.timer", "active", timer)["backup.timer"][0] is Status.OK


def test_what_ran_once_and_misses_a_later_turn_is_told() -> None:
    (ran_before,) = parse(SERVICE.replace("StateChangeTimestamp=", f"StateChangeTimestamp={BEFORE}"))
    assert has_missed(ran_before, TURN)
    assert not has_missed(ran_before, TURN - 20)


def test_systemctl_is_asked_again_only_for_what_a_timer_starts_the_timers_first(tmp_path: Path) -> None:
    check(tmp_path, "backup.service", "inactive")
    assert (tmp_path / "calls").read_text().count("\n") == 1
    (timer, service) = parse(f"{TIMER}\n{SERVICE}")
    pairs = find_pairs({"backup": service, "backup.timer": timer}, "not_failed")
    assert pairs == [
        Pair("backup.timer", "backup", "backup"),
        Pair("backup.timer", "backup.service", "backup.timer"),
    ]
    assert names_of(pairs) == ["backup.timer", "backup", "backup.service"]
    assert not [*assess_pairs(pairs, {}, TURN)], "what systemctl does not tell of is not judged"
    assert not find_pairs({"nginx": Unit("loaded", "active", "running"), "x.timer": Unit("not-found")}, "active")
