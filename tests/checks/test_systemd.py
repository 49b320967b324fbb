"""Each unit is judged by what it should be: failed, on its way, a timer, or started again and again."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Duration, DurationAbove, NumberAbove, Result, Status
from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog
from agent.plugin.results import gather
from checks.systemd import Systemd
from checks.systemd.judgement import RELOAD_SECONDS, assess_state
from checks.systemd.restarts import count_restarts
from checks.systemd.units import Unit, find_problem, parse
from tests.checks.units import FAILED, GOOD, TIMERS, UNKNOWN, WAITING, fake, run

DEAD = Unit("loaded", "inactive", "dead", "success")


MASKED = Unit("masked", "inactive", "dead", "success")


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("Assert", Status.CRITICAL, "x is inactive (dead, its assertion was not met)"),
        ("Condition", Status.OK, "x inactive (dead, its condition was not met)"),
    ],
)
def test_what_kept_a_unit_from_its_last_start_is_said(kind: str, status: Status, words: str) -> None:
    """As systemd 252 shows it; a unit that nobody has started yet shows `no` without a moment."""
    shown = "LoadState=loaded\nActiveState={}\nSubState=dead\nResult=success\nConditionResult={}\nAssertResult={}\n"
    met = ("yes", "no") if kind == "Assert" else ("no", "yes")
    for state, moment in (("inactive", "15261704"), ("inactive", "0"), ("active", "15261704")):
        text = shown.format(state, *met) + f"ConditionTimestampMonotonic={moment}\nAssertTimestampMonotonic={moment}\n"
        (unit,) = parse(text)
        said = assess_state("x", unit, "not_failed", None, 0.0)
        if (state, moment) == ("inactive", "15261704"):
            assert (said.status, said.summary) == (status, words)
            assert "was not met" in assess_state("x", unit, "active", None, 0.0).summary
        else:
            assert (said.status, "not met" in said.summary) == (Status.OK, False)


@pytest.mark.parametrize("freezer", ["frozen", "freezing", "frozen-by-parent"])
def test_a_unit_that_is_frozen_is_active_and_does_nothing(freezer: str) -> None:
    shown = "LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nFreezerState="
    frozen, running = parse(f"{shown}{freezer}\n\n{shown}running\n")
    for expected in ("active", "not_failed"):
        assert assess_state("x", running, expected, None, 0.0).status is Status.OK
        said = assess_state("x", frozen, expected, None, 0.0)
        words = "x active (running), but frozen: systemctl thaw x"
        assert (said.status, said.summary) == (Status.CRITICAL, words)


@pytest.mark.parametrize(
    ("load", "file"), [("not-found", "gone"), ("masked", "masked"), ("bad-setting", "bad-setting")]
)
def test_what_runs_without_its_file_is_told_as_that(load: str, file: str) -> None:
    unit = Unit(load, "active", "running", "success")
    words = f"x active (running), but its file is {file}"
    for expected in ("active", "not_failed"):
        said = assess_state("x", unit, expected, None, 0.0)
        assert (said.status, said.summary) == (Status.WARNING, words)
    said = assess_state("x", unit, "inactive", None, 0.0)
    assert (said.status, said.summary) == (
        Status.CRITICAL,
        f"x is active (running), but its file is {file}, should be inactive",
    )


def test_a_unit_of_which_nothing_is_told_is_not_known() -> None:
    assert assess_state("x", Unit(), "active", None, 0.0).status is Status.NODATA


def test_failed_units_are_a_warning_that_names_them(tmp_path: Path) -> None:
    (one,) = run(Systemd(command=fake(tmp_path)))
    assert (one.status, one.summary) == (Status.WARNING, "1 failed unit: broken.service")
    assert one.details == "broken.service failed (failed, exit-code), see: journalctl -u broken.service"


def test_a_failed_unit_that_is_excluded_is_none(tmp_path: Path) -> None:
    for exclude in ("brok*", "broken", "broken.service", ("x", "b?oken")):
        (one,) = run(Systemd(command=fake(tmp_path), exclude=exclude))
        assert (one.status, one.summary) == (Status.OK, "no failed unit")
    (one,) = run(Systemd(command=fake(tmp_path), exclude="broke"))
    assert one.status is Status.WARNING


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
        (Unit("loaded", "hibernating", "x"), "not_failed", "nodata"),
        (Unit("loaded", "", ""), "active", "nodata"),
    ],
)
def test_a_unit_is_judged_by_what_it_should_be(unit: Unit, wanted: str, status: str) -> None:
    assert assess_state("u", unit, wanted, None, 0.0).status == status


def on_its_way(active: str, sub: str = "start", since: float = 100.0) -> Unit:
    return Unit("loaded", active, sub, "success", 0, since)


@pytest.mark.parametrize("wanted", ["active", "not_failed"])
@pytest.mark.parametrize("active", ["activating", "reloading", "refreshing"])
def test_a_unit_that_is_on_its_way_for_too_long_is_never_ok(wanted: str, active: str) -> None:
    one = assess_state("u", on_its_way(active), wanted, Duration(3600), 100.0 + 3600)
    assert one.status is Status.WARNING
    assert f"{active} (start) for 1h" in one.summary


def test_a_unit_that_is_on_its_way_for_a_while_is_ok_where_it_need_not_be_active() -> None:
    assert assess_state("u", on_its_way("activating"), "not_failed", Duration(3600), 3600).status is Status.OK
    assert assess_state("u", on_its_way("activating"), "not_failed", None, 1e9).status is Status.OK
    assert assess_state("u", on_its_way("reloading"), "active", None, 100 + RELOAD_SECONDS - 1).status is Status.OK
    assert (
        assess_state("u", on_its_way("deactivating"), "not_failed", None, 100 + RELOAD_SECONDS).status is Status.WARNING
    )


@given(
    st.sampled_from(["activating", "reloading", "active", "deactivating", "inactive"]),
    st.none() | st.floats(0, 1e9),
    st.floats(0, 1e9),
)
def test_no_moment_whatsoever_makes_a_negative_time(active: str, changed: float | None, now: float) -> None:
    assert Unit("loaded", active, "x", "", 0, changed).moving_for(now) >= 0


def test_among_all_units_what_hangs_or_cannot_work_is_told() -> None:
    units = {
        "backup.service": on_its_way("activating", since=1),
        "web.service": on_its_way("reloading", "reload", since=86_400 - RELOAD_SECONDS),
        "fresh.service": on_its_way("activating", since=86_000),
        "again.service": on_its_way("activating", "auto-restart", since=1),
        "dev-vda.device": on_its_way("activating", "tentative", since=1),
        "wrong.timer": Unit("bad-setting", "inactive", "dead"),
        "broken.service": FAILED,
    }
    (one,) = gather(Systemd().assess(units, {}, 86_401, 86_401))
    assert (one.status, one.summary) == (
        Status.WARNING,
        "1 failed unit: broken.service; 1 unit with bad settings: wrong.timer; "
        "2 hanging units: backup.service, web.service",
    )
    assert "backup.service activating (start, success)".replace(", success", "") in one.details


def turn(name: str, now: float = 1795672801.0 + 3600, **levels: Any) -> Result:
    units = dict(zip(("daily", "monotonic", "once", "none", "works", "wrong"), parse(TIMERS), strict=True))
    check = Systemd(unit=f"{name}.timer", **levels)
    (one,) = gather(check.assess({f"{name}.timer": units[name]}, {}, now, 100))
    return one


def test_a_named_timer_must_have_a_next_turn() -> None:
    assert turn("daily").summary == "daily.timer active (waiting), ran 1h ago"
    assert turn("monotonic").status is turn("works").status is Status.OK
    for name in ("once", "none"):
        assert turn(name).status is Status.CRITICAL
        assert "will not run again: it has no next turn" in turn(name).summary
    assert turn("wrong").status is Status.CRITICAL


def test_when_a_timer_ran_last_is_judged_where_asked() -> None:
    late: dict[str, Any] = {"last_run_critical": DurationAbove.parse("26h")}
    assert turn("daily", **late).status is Status.OK
    assert turn("daily", now=1795672801.0 + 26 * 3600, **late).summary.startswith("ran 1d 2h ago (critical from 26h)")
    assert "has not run for 1d" in turn("monotonic", now=1795500000.0 + 86400, **late).summary
    assert turn("monotonic", now=1795500000.0 + 27 * 3600, **late).status is Status.CRITICAL, "it never ran"
    unknown = Unit("loaded", "active", "waiting", "success", has_next=True)
    (one,) = gather(Systemd(unit="a.timer", **late).assess({"a.timer": unknown}, {}, 0, 0))
    assert one.status is Status.NODATA


def test_one_unit_that_systemctl_refuses_takes_no_other_with_it(tmp_path: Path) -> None:
    refuses = 'case " $* " in *" nonexist "*) echo "Unit name nonexist is not valid." >&2; exit 1;; esac'
    results = run(Systemd(unit=("good", "nonexist"), command=fake(tmp_path, more=refuses)))
    assert {one.subject: (one.status, one.summary) for one in results} == {
        "good": (Status.OK, "good active (running)"),
        "nonexist": (Status.NODATA, "nonexist: systemctl: Unit name nonexist is not valid."),
    }


def assess(check: Systemd, count: int, memory: dict[str, Any], now: float) -> Result:
    unit = Unit("loaded", "activating", "auto-restart", "exit-code", count)
    (one,) = gather(check.assess({"loop.service": unit}, memory, now, now))
    return one


def test_a_service_that_starts_again_and_again_is_a_warning() -> None:
    memory: dict[str, Any] = {}
    check = Systemd()
    assert assess(check, 58, memory, 0).status is Status.OK, "restarts before we looked may be of last year"
    assert assess(check, 60, memory, 60).status is Status.OK
    one = assess(check, 62, memory, 120)
    assert (one.status, one.summary) == (
        Status.WARNING,
        "loop.service restarted 4 times in the last 15m (warning from 3), no failed unit",
    )
    assert assess(check, 62, memory, 60 + 900).status is Status.OK, "two of them are too long ago"


def test_a_counter_that_somebody_reset_is_a_new_baseline() -> None:
    memory: dict[str, Any] = {}
    assert [count_restarts(memory, "u", count, now, 900) for count, now in ((50, 0), (1, 60), (3, 120))] == [0, 0, 2]


def test_a_unit_that_recovered_is_asked_for_no_more() -> None:
    memory: dict[str, Any] = {}
    check = Systemd()
    assess(check, 0, memory, 0)
    assess(check, 5, memory, 60)
    list(check.assess({"loop.service": Unit("loaded", "active", "running", "success", 5)}, memory, 120, 120))
    assert "loop.service" in memory["restarts"], "it may crash again"
    list(check.assess({"loop.service": Unit("loaded", "active", "running", "success", 5)}, memory, 1000, 1000))
    assert memory["restarts"] == {}


def test_a_unit_that_crashed_is_watched_though_it_is_running_now(tmp_path: Path) -> None:
    memory: dict[str, Any] = {"restarts": {"good": {"count": 0, "recent": [[time.time(), 7]]}}}
    (one,) = run(Systemd(command=fake(tmp_path, listed=""), restarts_critical=NumberAbove.parse(5)), memory)
    assert one.summary == "good restarted 7 times in the last 15m (critical from 5), no failed unit"


@pytest.mark.parametrize(
    ("check", "setting"),
    [
        (Systemd(unit="nginx*"), "unit"),
        (Systemd(unit=("-H", "b")), "unit"),
        (Systemd(unit="good@"), "unit"),
        (Systemd(unit="good@.service"), "unit"),
        (Systemd(unit=".service"), "unit"),
        (Systemd(unit="@x"), "unit"),
        (Systemd(unit="nginx, postgresql"), "unit"),
        (Systemd(unit="a", last_run_warning=DurationAbove.parse("26h")), "last_run_warning"),
        (Systemd(last_run_critical=DurationAbove.parse("26h")), "last_run_critical"),
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


@pytest.mark.parametrize("name", ["-.mount", "-.slice", "/", "/mnt/data", "a@b", "a@b.timer", "x.y", "dev-sda1.device"])
def test_every_name_that_a_unit_can_have_can_be_written(name: str) -> None:
    assert find_problem(name) == ""


def test_the_sample_is_a_configuration(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parents[2] / "conf.d/systemd.yaml.sample", tmp_path / "systemd.yaml")
    config = load(tmp_path, Catalog(), {})
    assert [str(problem) for problem in config.problems] == []
    assert list(config.checks) == ["units"]


def test_no_time_in_which_something_counts_is_refused() -> None:
    ((_, text),) = Systemd(restarts_within=Duration(0)).problems()
    assert "0s counts nothing" in text
