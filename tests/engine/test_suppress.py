"""Why nothing is told: silences, maintenance windows, parents; and when it is told after all."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.api import Check
from agent.cli.main import main
from agent.cli.silence import describe_matches
from agent.config.selector import matches, problem
from agent.config.settings import CheckConfig, Config, DependsOn, Maintenance, Place
from agent.engine.suppression.reasons import Suppression
from agent.engine.suppression.silences import ENDED_KEPT, Silences, begin, change, end, read
from agent.engine.suppression.windows import Windows, span
from agent.model import EventStatus, Silence, State, Status

MINUTE = 60_000
HOUR = 60 * MINUTE


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def config(name: str = "web", **settings: Any) -> CheckConfig:
    return CheckConfig(name, "none", Check(), Place("x.yaml"), **settings)


def texts(suppression: Suppression, check: CheckConfig, began: int, now: int | None = None, subject: str = "") -> str:
    found = suppression.reasons(check, subject, began, began if now is None else now)
    return "; ".join(reason.text for reason in found)


def suppression(
    silences: tuple[Silence, ...] = (),
    windows: tuple[Maintenance, ...] = (),
    states: dict[str, dict[str, State]] | None = None,
    running: tuple[str, ...] = ("router", "a", "b"),
) -> Suppression:
    return Suppression({"env": "prod"}, silences, windows, Windows().ends, states or {}, running)


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ("*", True),
        ("web", True),
        ("w*b", True),
        ("db", False),
        ("web:/mnt/*", True),
        ("web:/var", False),
        ("env=prod", True),
        ("env=p*", True),
        ("env=test", False),
        ("web env=prod", True),
        ("web env=test", False),
        ("", False),
    ],
)
def test_a_selector_names_checks_subjects_and_tags(selector: str, fits: bool) -> None:
    assert matches(selector, "web", {"env": "prod"}, "/mnt/a=b") is fits


@pytest.mark.parametrize(
    "selector", ["", "  ", "=x", "env=", "env==prod", "env!=prod", "tags.env=prod", "web, db", "web-*, db"]
)
def test_a_selector_that_means_nothing_is_refused(selector: str) -> None:
    assert "write" in problem(selector)


def test_two_names_fit_no_check_and_are_refused() -> None:
    assert problem("web db") == "no check is called both 'web' and 'db': several must all fit"


@pytest.mark.parametrize(
    "selector", ["web web", "web *", "a,b", "web:/mnt/a=b", "disks:/a disks", "env=prod os=debian"]
)
def test_a_selector_that_something_can_fit_is_taken(selector: str) -> None:
    assert problem(selector) == ""


def test_a_silence_holds_until_it_ends_and_says_why() -> None:
    silences = (Silence("web*", since=1000, until=5000, reason="deploy"),)
    assert "silenced until" in texts(suppression(silences), config(), 1000)
    assert ": deploy" in texts(suppression(silences), config(), 4999)
    assert texts(suppression(silences), config(), 999) != "", "a clock set back must not end a silence"
    assert texts(suppression(silences), config(), 5000) == ""
    assert texts(suppression(silences), config("db"), 1000) == ""


@pytest.mark.parametrize(
    ("selector", "subject", "silenced"),
    [
        ("env=prod", "", True),
        ("team=shop", "", True),
        ("env=test", "", False),
        ("web:/a", "/a", True),
        ("web:/a", "", False),
    ],
)
def test_a_silence_is_for_what_it_selects_by_name_subject_or_tag(selector: str, subject: str, silenced: bool) -> None:
    quiet = suppression((Silence(selector, 0, 2000),))
    assert bool(texts(quiet, config(tags={"team": "shop"}), 1000, subject=subject)) is silenced


def test_what_was_seen_while_silenced_is_not_told_when_it_ends_during_the_run() -> None:
    silences = (Silence("web", since=1000, until=5000),)
    assert texts(suppression(silences), config(), began=4990, now=5010) != ""


def test_a_maintenance_window_is_open_from_its_cron_line_for_its_duration() -> None:
    window = Maintenance("0 2 * * sun", 2 * 3600, "Europe/Berlin", reason="backups")
    check = config(maintenance=(window,))
    nothing = suppression()
    assert texts(nothing, check, at("2026-11-22T00:59:59")) == ""
    assert texts(nothing, check, at("2026-11-22T01:00:00")).endswith("backups")
    assert texts(nothing, check, at("2026-11-22T02:59:59.999")).endswith("backups")
    assert texts(nothing, check, at("2026-11-22T03:00:00")) == ""
    assert texts(nothing, check, at("2026-11-23T01:30:00")) == ""


def test_a_window_of_the_agent_is_for_the_checks_it_selects() -> None:
    window = Maintenance("* * * * *", 120, "UTC", select="env=prod db-*")
    assert texts(suppression(windows=(window,)), config("db-1"), at("2026-11-22T01:00:00")) != ""
    assert texts(suppression(windows=(window,)), config("web"), at("2026-11-22T01:00:00")) == ""


def test_a_window_is_as_long_on_the_day_the_clock_goes_forward() -> None:
    _, _, end = span(Maintenance("30 1 * * *", 3600.0, "Europe/Berlin"), at("2026-03-29T00:45:00"))
    assert end == at("2026-03-29T01:30:00")


def test_the_answer_about_a_window_is_remembered_and_given_up_when_the_clock_is_set_back() -> None:
    windows, window = Windows(), Maintenance("0 2 * * *", 3600, "UTC")
    assert windows.ends(window, at("2026-11-22T02:30:00")) == at("2026-11-22T03:00:00")
    assert windows.ends(window, at("2026-11-22T01:30:00")) == 0
    assert windows.ends(window, at("2026-11-22T02:00:00")) == at("2026-11-22T03:00:00")
    assert windows.ends(window, at("2026-11-25T12:00:00")) == 0


def parent(decided: Status | None, since: int = 0, events: int = 1) -> dict[str, State]:
    return {"": State("router", decided=decided, decided_since=since, events=events, notified=EventStatus.OK)}


@pytest.mark.parametrize(
    ("decided", "holds"),
    [(Status.CRITICAL, True), (Status.NODATA, True), (Status.WARNING, False), (Status.OK, False), (None, False)],
)
def test_a_parent_that_is_down_suppresses_its_children(decided: Status | None, holds: bool) -> None:
    child = config(depends_on=DependsOn(("router",)))
    assert bool(texts(suppression(states={"router": parent(decided)}), child, 100)) is holds


def test_a_parent_without_a_result_suppresses_nothing() -> None:
    assert texts(suppression(), config(depends_on=DependsOn(("router",))), 100) == ""


def test_a_parent_that_does_not_run_suppresses_nothing() -> None:
    child = config(depends_on=DependsOn(("router",)))
    assert texts(suppression(states={"router": parent(Status.NODATA)}, running=()), child, 100) == ""


def test_what_was_seen_before_the_parent_recovered_is_not_told() -> None:
    child = config(depends_on=DependsOn(("router",)))
    states = {"router": parent(Status.OK, since=1000)}
    assert "just now" in texts(suppression(states=states), child, began=900, now=1100)
    assert texts(suppression(states=states), child, began=1001) == ""


def test_a_clock_set_back_does_not_make_a_parents_recovery_last_for_hours() -> None:
    child = config(depends_on=DependsOn(("router",)))
    states = {"router": parent(Status.OK, since=2 * HOUR)}
    assert texts(suppression(states=states), child, began=100, now=200) == ""


def test_with_all_only_the_last_parent_to_go_down_suppresses() -> None:
    child = config(depends_on=DependsOn(("a", "b"), all=True))
    down, well = parent(Status.CRITICAL), parent(Status.OK)
    assert texts(suppression(states={"a": down, "b": well}), child, 1) == ""
    assert texts(suppression(states={"a": down, "b": down}), child, 1) != ""
    either = config(depends_on=DependsOn(("a", "b")))
    assert texts(suppression(states={"a": down, "b": well}), either, 1) == "depends on a, which is critical"


def test_silences_are_kept_for_the_owner_only_and_ended_ones_are_dropped_a_day_later(tmp_path: Path) -> None:
    day = ENDED_KEPT
    change(tmp_path, lambda silences: [*silences, Silence("a", 0, 100), Silence("b", 0, 2 * day)], now=0)
    assert [one.selector for one in begin(tmp_path, Silence("c", 0, 2 * day), 500)] == ["b", "c"]
    assert [silence.selector for silence in read(tmp_path)] == ["a", "b", "c"]
    assert [one.selector for one in change(tmp_path, list, day + 200)] == ["b", "c"]
    assert [silence.selector for silence in read(tmp_path)] == ["b", "c"]
    assert (tmp_path / "silences.json").stat().st_mode & 0o777 == 0o600


def test_who_ends_a_silence_is_noted_in_it_once(tmp_path: Path) -> None:
    change(tmp_path, lambda _: [Silence("a", 0, 900), Silence("b", 0, 900), Silence("a", 1, 50)], now=0)
    assert end(tmp_path, lambda one: one.selector == "a", "ann", 100) == 1
    assert end(tmp_path, lambda one: one.selector == "a", "bob", 200) == 0
    found = {(one.selector, one.since): (one.until, one.ended_by) for one in read(tmp_path)}
    assert found == {("a", 0): (100, "ann"), ("b", 0): (900, ""), ("a", 1): (50, "")}


def test_a_silence_is_over_at_the_moment_of_its_end_and_kept_for_a_day_after_it(tmp_path: Path) -> None:
    running = change(tmp_path, lambda _: [Silence("a", 0, 500), Silence("b", 0, 501)], now=500)
    assert [one.selector for one in running] == ["b"]
    assert end(tmp_path, lambda one: one.selector == "a", "ann", 500) == 0
    day = 86_400_000
    assert [one.selector for one in change(tmp_path, lambda old: old, now=day + 499) or read(tmp_path)] == ["a", "b"]
    change(tmp_path, lambda old: old, now=day + 500)
    assert [one.selector for one in read(tmp_path)] == ["b"]


def test_of_many_silences_that_ended_the_latest_are_kept(tmp_path: Path) -> None:
    change(tmp_path, lambda _: [Silence(str(number), 0, number) for number in range(1, 301)], now=1000)
    assert [one.selector for one in read(tmp_path)] == [str(number) for number in range(101, 301)]


def test_the_agent_sees_a_silence_as_soon_as_it_is_written_and_none_in_a_broken_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    silences = Silences(tmp_path)
    assert silences() == ()
    change(tmp_path, lambda _: [Silence("a", 0, 900)], now=0)
    assert [silence.selector for silence in silences()] == ["a"]
    (tmp_path / "silences.json").write_text("{broken")
    assert silences() == ()
    assert silences() == ()
    assert len(caplog.records) == 1
    (tmp_path / "silences.json").unlink()
    assert silences() == ()


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ("web-*", "it matches web-1, web-2"),
        ("env=prod", "it matches web-1"),
        ("disks:/mnt/*", "it matches disks"),
        ("*", "it matches disks, web-1, web-2, gone"),
        ("diskss", "diskss matches no check now, did you mean 'disks'?"),
        ("nosuchcheck", "nosuchcheck matches no check now: is it written as hostvigil status shows it?"),
    ],
)
def test_a_silence_says_what_it_matches_now(selector: str, said: str) -> None:
    names = {"disks": {}, "web-1": {"env": "prod"}, "web-2": {"env": "test"}}
    checks = {name: config(name, tags=tags) for name, tags in names.items()}
    assert describe_matches(selector, Config(checks=checks), [("disks", "/mnt/a"), ("gone", "")]) == said


@pytest.mark.parametrize("until", [10**30, -(10**30), 2**63, "soon", None])
def test_silences_of_no_moment_are_no_silences(until: object, tmp_path: Path) -> None:
    (tmp_path / "silences.json").write_text(json.dumps([{"selector": "*", "since": 0, "until": until}]))
    assert Silences(tmp_path)() == ()


@pytest.mark.parametrize("span", ["0s", "0", "999999999d", "99999999999999d"])
def test_a_silence_has_a_length_that_somebody_may_mean(
    span: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["silence", "x", "--for", span, "--state", str(tmp_path), "--config", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("hostvigil: --for: ")
    assert read(tmp_path) == ()


@pytest.mark.parametrize("words", [["silence", "x", "--for", "1h"], ["unsilence", "x"]])
def test_without_a_state_directory_a_silence_says_what_is_missing(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--state", str(tmp_path / "none"), "--config", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said == f"hostvigil: {tmp_path}/none: is not there: has the agent run with this state directory?\n"
