"""How much it takes until a result is believed: a count, a share or a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Check, Context, Result, ok
from agent.config.sections.values import FailCount
from agent.config.types.catalog import Catalog
from agent.config.types.check_class import CatalogError
from agent.model import Count, FailAfter, Flapping, Policy
from tests.config.drop_ins import check, written


def each(count: Count) -> FailAfter:
    return FailAfter(count, count, count)


# --- fail_after, for


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("fail_after: 3", each(Count(3))),
        ("fail_after: '3'", each(Count(3))),
        ("fail_after: 3 of 5", each(Count(3, 5))),
        ("fail_after: 64 of 64", each(Count(64, 64))),
        ("fail_after: 5m", each(Count(1, 0, 300))),
        ("for: 5m", each(Count(1, 0, 300))),
        ("for: null", each(Count())),
        ("fail_after: 3 of 5, for: 90s", each(Count(3, 5, 90))),
        ("fail_after: 2m, for: 1m", each(Count(1, 0, 120))),
        ("fail_after: {warning: 5m, critical: 2 of 3}", FailAfter(Count(1, 0, 300), Count(2, 3), Count())),
        ("fail_after: {nodata: 9}, for: 10s", FailAfter(Count(1, 0, 10), Count(1, 0, 10), Count(9, 0, 10))),
    ],
)
def test_how_much_it_takes_is_a_count_a_share_or_a_time(text: str, meant: FailAfter, tmp_path: Path) -> None:
    assert check(tmp_path, text).policy.fail_after == meant


class Until(Check):
    """Has a setting that every check has, which Python cannot call so."""

    until: str = msgspec.field(name="for", default="")

    def run(self, ctx: Context) -> Iterable[Result]:
        yield ok("fine")


class OneType:
    """The source of one type."""

    def names(self) -> Iterable[str]:
        return ("until",)

    def module(self, name: str) -> ModuleType:
        module = ModuleType(__name__)
        setattr(module, name, Until)
        return module


def test_no_type_has_a_setting_of_its_own_that_is_written_for() -> None:
    with pytest.raises(CatalogError, match="'for' already"):
        Catalog([OneType()]).get("until")


def test_a_time_is_in_addition_to_the_count_of_the_type(tmp_path: Path) -> None:
    config = written(tmp_path, "checks:\n  c: {type: web, url: http://a, for: 5m}\n")
    assert config.checks["c"].policy.fail_after == each(Count(2, 0, 300))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("enabled: true", 75), ("interval: 5m, timeout: 20s", 325), ("interval: 5s", 14), ("cron: 0 3 * * *", 86_400)],
)
def test_one_result_speaks_until_the_next_must_have_come(text: str, seconds: float, tmp_path: Path) -> None:
    assert check(tmp_path, text).policy.patience == seconds


@given(st.integers(1, 64).flatmap(lambda of: st.tuples(st.integers(1, of), st.just(of))), st.sampled_from(" \t"))
def test_any_share_is_read_as_written(share: tuple[int, int], space: str) -> None:
    times, of = share
    found = FailCount.parse(f"{space}{times}{space}of {space}{of}{space}")
    assert (found.times, found.of, found.seconds) == (times, of, 0)
    assert FailCount.parse(str(found)) == found


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_share_is_refused_exactly_when_it_cannot_be(times: int, of: int) -> None:
    if 1 <= times <= of <= 64:
        assert str(FailCount.parse(f"{times} of {of}")) == f"{times} of {of}"
    else:
        with pytest.raises(ValueError, match=r"write|at most"):
            FailCount.parse(f"{times} of {of}")


@given(st.text(alphabet="0123456789 ofmshd.-/%\n\u0663", max_size=12) | st.integers() | st.floats() | st.none())
def test_any_count_is_read_as_the_schema_says_or_refused_with_a_reason(value: object) -> None:
    try:
        found = FailCount.parse(value)
    except ValueError as error:
        assert str(error)
    else:
        assert isinstance(value, int) or re.search(FailCount.pattern, str(value))
        assert (1 <= found.times <= 1000, found.of <= 64) == (True, True)


# --- any policy that YAML can say


SECONDS = st.integers(1, 365 * 86_400).map(float)
COUNTS = (
    st.integers(1, 1000).map(Count)
    | st.integers(1, 64).flatmap(lambda of: st.builds(Count, st.integers(1, of), st.just(of)))
    | SECONDS.map(lambda seconds: Count(1, 0, seconds))
)
SHARES = st.integers(0, 1000).map(lambda number: number / 10)
FLAPPING = st.none() | st.builds(
    lambda formula, ends: Flapping(formula, min(ends), max(ends)),
    st.sampled_from(["icinga", "nagios"]),
    st.lists(SHARES, min_size=2, max_size=2, unique=True),
)
POLICIES = st.builds(
    Policy,
    fail_after=st.builds(FailAfter, COUNTS, COUNTS, COUNTS),
    recover_after=st.integers(1, 1000),
    flapping=FLAPPING,
    repeat_every=st.just(0.0) | st.integers(60, 365 * 86_400).map(float),
    patience=st.just(75.0),
)


def as_yaml(policy: Policy) -> str:
    """Write a policy as an admin would; JSON is YAML."""
    needed = {name: _count(count) for name, count in msgspec.structs.asdict(policy.fail_after).items()}
    flapping = policy.flapping and {
        "formula": policy.flapping.formula,
        "low": f"{policy.flapping.low:g}%",
        "high": f"{policy.flapping.high:g}%",
    }
    return json.dumps(
        {
            "type": "volume",
            "path": "/",
            "fail_after": needed,
            "recover_after": policy.recover_after,
            "flapping": flapping or False,
            "repeat_every": f"{policy.repeat_every:.0f}s" if policy.repeat_every else None,
        }
    )


def _count(count: Count) -> object:
    if count.seconds:
        return f"{count.seconds:.0f}s"
    return f"{count.times} of {count.of}" if count.of else count.times


@given(POLICIES)
def test_any_policy_arrives_as_it_was_written(one_folder: Path, policy: Policy) -> None:
    config = written(one_folder, f"checks:\n  c: {as_yaml(policy)}\n")
    assert config.problems == ()
    assert config.checks["c"].policy == policy
