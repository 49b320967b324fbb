"""What the agent says of itself, and of checks that are written wrong."""

from __future__ import annotations

from agent.api import Check
from agent.config.settings import CheckConfig, Config, Place, Problem
from agent.engine.self_check import OWN_NAME, configuration_outcomes, own_check, stand_ins
from agent.model import Outcome, Result, Status

WEB = CheckConfig("web", "none", Check(), Place("a.yaml", 1, 1))
NOW = 5000


def problem(check: str, line: int, text: str = "is wrong") -> Problem:
    return Problem(Place("a.yaml", line, 3), text, check=check)


def said(*problems: Problem, checks: tuple[CheckConfig, ...] = (WEB,)) -> dict[str, Outcome]:
    config = Config(checks={one.name: one for one in checks}, problems=problems)
    return {outcome.check: outcome for outcome in configuration_outcomes(config, NOW)}


def test_the_own_check_is_not_run_and_has_a_name_a_place_and_a_description() -> None:
    own = own_check()
    assert (own.name, own.type, own.place.file, own.interval) == (OWN_NAME, OWN_NAME, "hostvigil", 0.0)
    assert own.description == "The agent itself."
    assert type(own.check) is Check


def test_a_check_that_is_written_wrong_has_a_stand_in_at_its_place_that_is_not_run() -> None:
    (name, stand_in), *others = stand_ins(Config(checks={"web": WEB}, problems=(problem("db", 7),))).items()
    assert not others
    assert (name, stand_in.name, stand_in.type, stand_in.interval) == ("db", "db", "broken", 0.0)
    assert stand_in.place == Place("a.yaml", 7, 3)
    assert type(stand_in.check) is Check


def test_a_check_that_runs_and_a_problem_of_no_check_need_no_stand_in() -> None:
    assert stand_ins(Config(checks={"web": WEB}, problems=(problem("web", 7), problem("", 9)))) == {}


def test_a_configuration_without_problems_is_ok() -> None:
    ok = Result(Status.OK, "no problems", "configuration")
    assert said() == {OWN_NAME: Outcome(OWN_NAME, 0, NOW, 0.0, (ok,), complete=False)}


def test_each_check_that_is_written_wrong_says_so_itself_with_all_its_problems() -> None:
    first, second = problem("db", 7), problem("db", 9, "is odd")
    found = said(first, second)
    bad = Result(Status.NODATA, f"{first} and 1 more", "", f"{first}\n{second}")
    assert found["db"] == Outcome("db", 0, NOW, 0.0, (bad,), complete=False)
    assert found[OWN_NAME].results == (Result(Status.OK, "no problems but of single checks: db", "configuration"),)


def test_what_is_of_no_check_or_of_one_that_runs_is_said_once_of_the_configuration() -> None:
    for of in ("", "web"):
        (outcome,) = said(problem(of, 7)).values()
        assert outcome.results == (Result(Status.NODATA, str(problem(of, 7)), "configuration"),)


def test_three_names_of_broken_checks_are_shown_and_the_others_counted() -> None:
    text = said(*(problem(f"c{number}", number) for number in range(1, 6)))[OWN_NAME].results[0].summary
    assert text == "no problems but of single checks: c1, c2, c3 and 2 more"
    text = said(*(problem(f"c{number}", number) for number in range(1, 5)))[OWN_NAME].results[0].summary
    assert text == "no problems but of single checks: c1, c2, c3 and 1 more"
    text = said(*(problem(f"c{number}", number) for number in range(1, 4)))[OWN_NAME].results[0].summary
    assert text == "no problems but of single checks: c1, c2, c3"
