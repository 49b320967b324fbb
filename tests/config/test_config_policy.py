"""From YAML to what decides: counts, flapping, repeats, windows, parents."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.api import Check, Context, Duration, Result, ok
from agent.config import rules
from agent.config.catalog import Catalog, CatalogError
from agent.config.cron import normal, of_week
from agent.config.drop_ins import load
from agent.config.parents import circles
from agent.config.settings import CheckConfig, Config, DependsOn, Maintenance
from agent.config.values import FailCount
from agent.engine import self_check
from agent.model import Count, FailAfter, Flapping, Policy
from agent.plugin.units import duration_text
from tests import needs
from tests.config.drop_ins import GOOD, assert_said_well, mutated, problems, written
from tests.examples import TIMES
from tests.sample_types import sample_catalog


def check(folder: Path, settings_of_it: str) -> CheckConfig:
    config = written(folder, f"checks:\n  c: {{type: volume, path: /, {settings_of_it}}}\n")
    assert problems(config, folder) == []
    return config.checks["c"]


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


@pytest.fixture(scope="module")
def one_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("conf.d")


@given(POLICIES)
def test_any_policy_arrives_as_it_was_written(one_folder: Path, policy: Policy) -> None:
    config = written(one_folder, f"checks:\n  c: {as_yaml(policy)}\n")
    assert config.problems == ()
    assert config.checks["c"].policy == policy


# --- flapping, repeats


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("enabled: true", Flapping("icinga", 25, 30)),
        ("flapping: true", Flapping("icinga", 25, 30)),
        ("flapping: icinga", Flapping("icinga", 25, 30)),
        ("flapping: nagios", Flapping("nagios", 5, 20)),
        ("flapping: false", None),
        ("flapping: {high: 50%}", Flapping("icinga", 25, 50)),
        ("flapping: {formula: nagios, low: 10%}", Flapping("nagios", 10, 20)),
        ("flapping: {}", Flapping("icinga", 25, 30)),
    ],
)
def test_flap_detection_is_on_off_or_of_a_formula(text: str, meant: Flapping | None, tmp_path: Path) -> None:
    assert check(tmp_path, text).policy.flapping == meant


def test_problems_are_told_again_only_where_it_is_asked_for(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        "defaults: {repeat_every: 4h}\nchecks:\n  a: {type: volume, path: /}\n"
        "  b: {type: volume, path: /, repeat_every: null}\n",
        GOOD,
    )
    assert config.problems == ()
    assert {name: one.policy.repeat_every for name, one in config.checks.items()} == {"a": 14400, "b": 0, "good": 0}


# --- maintenance


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("{cron: 0 2 * * 7, duration: 2h}", (Maintenance("0 2 * * sun", 7200),)),
        ("{weekly: sun 2:00, duration: 2h}", (Maintenance("0 2 * * sun", 7200),)),
        ("{weekly: 'sat,sun 22:05', duration: 90m}", (Maintenance("5 22 * * sun,sat", 5400),)),
        ("{weekly: Sat Sun 22:05, duration: 90m}", (Maintenance("5 22 * * sun,sat", 5400),)),
        ("{weekly: mon - fri 02:30, duration: 1m}", (Maintenance("30 2 * * mon,tue,wed,thu,fri", 60),)),
        ("{weekly: mon-sun 0:00, duration: 1d, reason: why}", (Maintenance("0 0 * * *", 86400, reason="why"),)),
        (
            "[{cron: '* * * * *', duration: 2m, timezone: Europe/Berlin}, {weekly: fri 1:00, duration: 31d}]",
            (Maintenance("* * * * *", 120, "Europe/Berlin"), Maintenance("0 1 * * fri", 31 * 86400)),
        ),
        ("[]", ()),
        ("null", ()),
    ],
)
def test_a_window_begins_by_cron_or_by_days_and_time(text: str, meant: tuple[Maintenance, ...], tmp_path: Path) -> None:
    assert check(tmp_path, f"maintenance: {text}").maintenance == meant


@given(st.text(alphabet="monsaturdyfi ,-:0123456789", max_size=20))
def test_any_days_and_time_are_a_cron_line_or_refused_with_a_reason(text: str) -> None:
    try:
        normal(of_week(text))
    except ValueError as error:
        assert str(error)


def test_a_window_with_an_empty_beginning_is_one_problem(tmp_path: Path) -> None:
    text = "checks:\n  c: {type: volume, path: /, maintenance: {weekly: '', duration: 1h}}\n"
    assert len(written(tmp_path, text).problems) == 1


def test_the_windows_of_all_files_add_up(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        GOOD + "agent: {maintenance: {cron: 0 2 * * *, duration: 1h}}",
        "agent: {maintenance: [{weekly: sun 3:00, duration: 2h, select: env=prod web-*}]}",
        "agent: {maintenance: {weekly: sun 3:00, duration: 2}}",
    )
    assert problems(config, tmp_path) == [
        "2.yaml:1:51: agent.maintenance.duration: 2 has no unit, write 2s, 2m, 2h or 2d"
    ]
    assert config.agent.maintenance == (
        Maintenance("0 2 * * *", 3600),
        Maintenance("0 3 * * sun", 7200, select="env=prod web-*"),
    )


# --- depends_on

TWO = "  a: {type: volume, path: /}\n  b: {type: volume, path: /}\n"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a", DependsOn(("a",))),
        ("[a, b]", DependsOn(("a", "b"))),
        ("{any: [a, b]}", DependsOn(("a", "b"))),
        ("{any: a}", DependsOn(("a",))),
        ("{all: [a, b]}", DependsOn(("a", "b"), all=True)),
        ("[]", DependsOn()),
        ("null", DependsOn()),
    ],
)
def test_parents_are_any_or_all_of_some(text: str, meant: DependsOn, tmp_path: Path) -> None:
    config = written(tmp_path, f"checks:\n{TWO}  c: {{type: volume, path: /, depends_on: {text}}}\n")
    assert config.problems == ()
    assert config.checks["c"].depends_on == meant


def test_a_parent_may_be_in_another_file_that_is_read_later(tmp_path: Path) -> None:
    config = written(tmp_path, "checks: {c: {type: volume, path: /, depends_on: [a, b]}}", f"checks:\n{TWO}")
    assert config.problems == ()
    assert set(config.checks) == {"a", "b", "c"}


CHILD = "checks: {c: {type: volume, path: /, depends_on: router}}"


def test_a_parent_that_is_written_wrong_takes_no_child_with_it(tmp_path: Path) -> None:
    config = written(tmp_path, CHILD, "checks: {router: {type: web}}")
    assert [problem.check for problem in config.problems] == ["router"]
    assert set(config.checks) == {"c"}


@pytest.mark.parametrize(
    "text", ["checks: {router: [", "chekcs: {router: {type: volume, path: /}}", "checks: [router]"]
)
def test_a_parent_that_may_be_in_what_cannot_be_read_is_not_unknown(text: str, tmp_path: Path) -> None:
    config = written(tmp_path, CHILD, text)
    assert [problem.check for problem in config.problems] == [""]
    assert config.checks["c"].depends_on == DependsOn(("router",))


def test_a_check_that_does_not_run_may_have_a_parent_that_does_not(tmp_path: Path) -> None:
    text = "defaults: {enabled: false}\nchecks:\n  a: {type: volume, path: /}\n"
    assert written(tmp_path, text + "  b: {type: volume, path: /, depends_on: a}\n").problems == ()


def test_the_first_of_two_checks_of_one_name_keeps_its_parents(tmp_path: Path) -> None:
    text = "checks:\n  c: {type: volume, path: /, depends_on: nobody}\n  c: {type: volume, path: /}\n"
    assert [one.partition(": c: ")[2] for one in problems(written(tmp_path, text), tmp_path)] == [
        "depends_on: 'nobody' is no check",
        "'c' is written twice, first at 0.yaml:2:3: remove one",
    ]


NODES = "abcdef"
GRAPHS = st.dictionaries(st.sampled_from(NODES), st.sets(st.sampled_from(NODES)))


@given(GRAPHS)
def test_every_circle_is_found_and_is_one(graph: dict[str, set[str]]) -> None:
    found = circles(graph)
    for circle in found:
        assert all(parent in graph[child] for child, parent in zip(circle, circle[1:] + circle[:1], strict=True))
    in_one = {name for circle in found for name in circle}
    assert len(in_one) == sum(map(len, found))
    TopologicalSorter({name: of for name, of in graph.items() if name not in in_one}).prepare()


@settings(max_examples=50)
@given(GRAPHS)
def test_whatever_depends_on_whatever_no_circle_of_good_checks_remains(
    one_folder: Path, graph: dict[str, set[str]]
) -> None:
    lines = [
        f"  {name}: {{type: volume, path: /, depends_on: {json.dumps(sorted(of))}}}\n" for name, of in graph.items()
    ]
    config = written(one_folder, f"checks:\n  good: {{type: volume, path: /}}\n{''.join(lines)}")
    assert_said_well(config)
    assert set(config.checks) ^ {problem.check for problem in config.problems} == {"good", *graph}
    TopologicalSorter({name: one.depends_on.checks for name, one in config.checks.items()}).prepare()


def chained(parents: list[str]) -> str:
    lines = [f"  c{at}: {{type: volume, path: /, depends_on: {name}}}\n" for at, name in enumerate(parents)]
    return f"checks:\n{''.join(lines)}"


@pytest.mark.parametrize(
    ("parents", "wrong"),
    [
        ([f"c{at ^ 1}" for at in range(1000)], 1000),
        ([f"c{(at + 1) % 1000}" for at in range(1000)], 1000),
        ([f"x{at}" for at in range(1000)], 1000),
        (["[]", *(f"c{at}" for at in range(999))], 0),
    ],
    ids=["pairs", "one circle", "unknown", "a chain"],
)
def test_a_thousand_parents_are_judged_in_no_time(parents: list[str], wrong: int, tmp_path: Path) -> None:
    needs.untraced()
    started = time.process_time()
    config = written(tmp_path, chained(parents))
    assert len(config.problems) == wrong
    assert time.process_time() - started < 2


# --- the agent's own


def test_settings_of_digests_bounds_heartbeat_and_watching_arrive(tmp_path: Path) -> None:
    agent = written(
        tmp_path,
        GOOD + "agent: {watch: true, events: {digest_above: 3, most_events: 500, most_bytes: 1GiB,"
        " heartbeat: 1h, start_stop: true}}",
    ).agent
    events = agent.events
    assert (agent.watch, events.digest_above, events.most_events, events.most_bytes) == (True, 3, 500, 1024**3)
    assert (events.heartbeat, events.start_stop) == (Duration(3600), True)


def test_a_later_file_may_switch_the_heartbeat_off(tmp_path: Path) -> None:
    config = written(tmp_path, GOOD + "agent: {events: {heartbeat: 1h}}", "agent: {events: {heartbeat: null}}")
    assert (config.problems, config.agent.events.heartbeat) == ((), None)


# --- names


def test_the_name_of_the_agents_own_check_is_reserved() -> None:
    assert rules.OWN_NAME == self_check.OWN_NAME
    assert rules.check_name(self_check.OWN_NAME)


@example("..")
@given(st.text(alphabet="ab-_./@:*?[]= \t\u00fc\u4e2d", max_size=5) | st.text("x", min_size=98, max_size=102))
def test_the_schema_and_the_agent_agree_on_names(name: str) -> None:
    assert (rules.check_name(name) == "") == bool(re.search(rules.NAME, name))


# --- whatever else

EVERYTHING = """
agent:
  watch: true
  maintenance:
    - {weekly: 'sat,sun 22:00', duration: 2h, timezone: Europe/Berlin, select: env=prod, reason: patches}
  events: {digest_above: 5, most_events: 1000, most_bytes: 64MiB, heartbeat: 1h, start_stop: true}
defaults: {flapping: nagios, maintenance: {cron: 0 2 * * sun, duration: 2h}}
checks:
  router: {type: volume, path: /, depends_on: [], fail_after: 3 of 5}
  a: {type: volume, path: /, depends_on: router, fail_after: {warning: 5m, critical: 1, nodata: 2 of 3}}
  b: {type: volume, path: /, depends_on: {all: [router, a]}, for: 5m, flapping: {low: 10%, high: 20%}}
  c: {type: web, url: http://a, repeat_every: 4h, maintenance: [], warning: {raise: 3s, clear: 1s}}
"""


def test_everything_at_once_has_no_problem(tmp_path: Path) -> None:
    config = written(tmp_path, EVERYTHING)
    assert problems(config, tmp_path) == []
    assert len(config.checks) == 4


@pytest.mark.parametrize("seed", range(4))
def test_everything_with_any_slip_of_the_hand_is_a_config_or_problems(seed: int, tmp_path: Path) -> None:
    dice, catalog = random.Random(seed), sample_catalog()
    for _ in range(40 * TIMES):
        (tmp_path / "a.yaml").write_text(mutated(EVERYTHING, dice))
        config = load(tmp_path, catalog, {"K": "s3cr(t\\va[lue"})
        assert_said_well(config)
        assert_fit(config)


def assert_fit(config: Config) -> None:
    for one in config.checks.values():
        counts = msgspec.structs.astuple(one.policy.fail_after)
        assert all(1 <= count.times <= (count.of or 1000) and count.seconds >= 0 for count in counts)
        assert one.policy.flapping is None or one.policy.flapping.low < one.policy.flapping.high
        assert all(window.cron and window.duration >= 60 for window in one.maintenance)
        assert duration_text(one.policy.patience)
