"""Flapping: it begins and ends as the documentation of Icinga 2 and of Nagios 4 says."""

from __future__ import annotations

import pytest

from agent.engine.state.flapping import is_flapping, percent
from agent.model import Flapping, Policy
from tests.engine.stories import ICINGA, NAGIOS, fail, told


@pytest.mark.parametrize(
    ("formula", "recent", "expected"),
    [
        ("nagios", 2, 12.4), ("nagios", 3, 18.4), ("nagios", 4, 24.2), ("nagios", 5, 29.9), ("nagios", 6, 35.5),
        ("icinga", 2, 11.7), ("icinga", 3, 17.4), ("icinga", 4, 23.0), ("icinga", 5, 28.5), ("icinga", 6, 33.9),
    ],
)  # fmt: skip
def test_the_latest_changes_weigh_what_the_originals_make_them_weigh(
    formula: str, recent: int, expected: float
) -> None:
    assert percent((1 << recent) - 1, formula) == pytest.approx(expected, abs=0.051)


def test_icinga_begins_at_the_sixth_change_and_nagios_at_the_fourth() -> None:
    assert told("ocococo", Policy(flapping=ICINGA)) == ".cococF"
    assert told("ococo", Policy(flapping=NAGIOS)) == ".cocF"


def test_flapping_ends_after_fifteen_or_nineteen_steady_results_and_then_the_truth_is_told() -> None:
    assert told("ocococo" + "o" * 15, Policy(flapping=ICINGA)) == ".cococF" + "." * 14 + "o"
    assert told("ococo" + "o" * 19, Policy(flapping=NAGIOS)) == ".cocF" + "." * 18 + "o"


def test_the_problem_that_flapping_ends_in_is_told_though_it_was_told_before() -> None:
    assert told("ococococ" + "c" * 15, Policy(flapping=ICINGA)) == ".cococF" + "." * 15 + "c"


@pytest.mark.parametrize(("formula", "begins"), [("icinga", False), ("nagios", True)])
def test_flapping_ends_at_its_lower_bound_and_begins_at_or_above_its_upper_one(formula: str, begins: bool) -> None:
    bounds = Flapping(formula, 25.0, 30.0)
    assert not is_flapping(True, 25.0, bounds)
    assert is_flapping(True, 25.1, bounds)
    assert is_flapping(False, 30.0, bounds) is begins
    assert is_flapping(False, 30.1, bounds)
    assert not is_flapping(False, 29.9, bounds)


def test_blips_that_fail_after_swallows_are_no_flapping() -> None:
    assert "F" not in told("oc" * 40, Policy(fail(2, 2, 2), flapping=ICINGA))
