"""What a good file becomes, and which problems each broken file of tests/config/files has."""

from __future__ import annotations

import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Duration, PercentAbove
from agent.config.calendar.cron import normal
from agent.config.drop_ins import load
from agent.config.located_yaml.parser import parse
from agent.config.sections.values import Rate
from agent.config.settings import Config, Place, apart
from agent.config.types.catalog import Catalog
from tests.config.drop_ins import CONFIGS, GOOD, SHIPPED, problems, written
from tests.config.sample_types import Volume, Web, sample_catalog
from tests.host import needs


def volume(config: Config, name: str) -> Volume:
    check = config.checks[name].check
    assert isinstance(check, Volume)
    return check


# --- one broken file a rule


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIGS.glob("*.yaml")))
def test_a_broken_file_has_exactly_the_problems_it_expects(name: str, tmp_path: Path) -> None:
    text = (CONFIGS / name).read_text()
    config = written(tmp_path)
    (tmp_path / name).write_text(text)
    config = load(tmp_path, sample_catalog(), {})
    expected = [line.removeprefix("# expect: ") for line in text.splitlines() if line.startswith("# expect: ")]
    assert expected
    assert [problem.removeprefix(f"{name}:") for problem in problems(config, tmp_path)] == expected


def test_what_is_right_works_on_beside_what_is_wrong(tmp_path: Path) -> None:
    config = written(tmp_path, "checks:\n  a: {type: volume, path: /}\n  b: {type: web}\n", "nonsense: [", GOOD)
    assert set(config.checks) == {"a", "good"}
    assert [problem.check for problem in config.problems] == ["b", ""]


@pytest.mark.parametrize(
    ("file", "readable"),
    [
        ("agent: {hostname: shop, events: {endpoint: https://a.example, api_key: k}}", True),
        ("checks: {bad: {type: nothing}}", True),
        ("checks: {good: 5}", True),
        ("checks: [a]", True),
        ("defaults: {interval: soon}", True),
        ("cheks: {}", True),
        ("agent: {hostname: a, ", False),
        ("agent: {hostname: [a]}", False),
        ("agent: {hostnme: shop}", False),
        ("agent: {events: {endpont: https://a.example}}", False),
        ("agent: {events: {endpoint: 'https://', api_key: k}}", False),
        ("agent: {events: {endpoint: https://a.example, api_key: '${file:no-such}'}}", False),
        ("agent: {tags: {env: '${env:NO_SUCH}'}}", False),
        ("agent: {}\nagent: {}", False),
        ("agnet: {hostname: shop}", False),
        ("something: {hostname: shop}", False),
        ("- agent", False),
        (b"agent: {hostname: \xff}", False),
        (None, False),
    ],
)
def test_settings_of_the_agent_that_cannot_be_read_are_known_to_be_unknown(
    file: str | bytes | None, readable: bool, tmp_path: Path
) -> None:
    if file is None:
        (tmp_path / "1.yaml").symlink_to(tmp_path / "gone")
    config = written(tmp_path, GOOD, *([file] if file else []))
    assert "good" in config.checks
    assert config.agent_readable is readable


def test_without_a_directory_nothing_is_known_of_the_agent(tmp_path: Path) -> None:
    assert not load(tmp_path / "gone", sample_catalog()).agent_readable


# --- what a good file becomes


def test_every_common_setting_arrives(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        "checks:\n  shop:\n    {type: web, url: https://a.example, interval: 5m, timeout: 20s, retry_interval: 30s,"
        " fail_after: {critical: 1}, recover_after: 3, tags: {env: prod}, enabled: false, description: D, runbook: R}",
    )
    assert config.problems == ()
    shop = config.checks["shop"]
    assert (shop.type, shop.check) == ("web", Web(url="https://a.example"))
    assert (shop.interval, shop.timeout, shop.retry_interval, shop.enabled) == (300, 20, 30, False)
    assert (shop.policy.recover_after, shop.tags, shop.description, shop.runbook) == (3, {"env": "prod"}, "D", "R")
    assert (shop.place.line, shop.place.column, shop.places["url"].line) == (2, 3, 3)


@pytest.mark.parametrize(
    ("kind", "written_as", "means"),
    [
        ("volume, path: /", "", ", fail_after: 1"),
        ("web, url: http://a", "", ", fail_after: 2"),
        ("web, url: http://a", ", fail_after: {critical: 1}", ", fail_after: {warning: 2, critical: 1, nodata: 2}"),
        ("web, url: http://a", ", fail_after: 3", ", fail_after: {warning: 3, critical: 3, nodata: 3}"),
    ],
)
def test_what_fail_after_does_not_say_is_the_default_of_the_type(
    kind: str, written_as: str, means: str, tmp_path: Path
) -> None:
    lines = [f"  {name}: {{type: {kind}{text}}}\n" for name, text in (("a", written_as), ("b", means))]
    checks = written(tmp_path, "checks:\n" + "".join(lines) + f"  c: {{type: {kind}, fail_after: 9}}\n").checks
    assert checks["a"].policy == checks["b"].policy != checks["c"].policy


def test_a_check_needs_no_more_than_its_type_and_what_that_needs(tmp_path: Path) -> None:
    good = written(tmp_path, GOOD).checks["good"]
    assert (good.interval, good.timeout, good.cron, good.retry_interval, good.enabled) == (60, 10, "", 0, True)
    assert good.check == Volume(path="/")


def test_the_default_timeout_fits_into_a_short_interval(tmp_path: Path) -> None:
    config = written(tmp_path, "checks:\n  a: {type: volume, path: /, interval: 5s}\n")
    assert (config.problems, config.checks["a"].timeout) == ((), 4)


def test_null_switches_off_what_may_be_off(tmp_path: Path) -> None:
    check = volume(written(tmp_path, "checks:\n  a: {type: volume, path: [/, /b], warning: null}\n"), "a")
    assert (check.warning, check.critical, check.path) == (None, PercentAbove.parse("90%"), ("/", "/b"))


def test_nested_settings_arrive_typed(tmp_path: Path) -> None:
    text = "checks:\n  a: {type: volume, path: /, exclude: {mount: [/a], type: [^x]}}\n"
    exclude = volume(written(tmp_path, text), "a").exclude
    assert exclude.mount == ("/a",)
    assert exclude.type[0].search("xfs")


def test_the_agent_sections_of_all_files_are_merged_and_later_files_win(tmp_path: Path) -> None:
    agent = written(
        tmp_path,
        GOOD + "agent: {hostname: a, tags: {env: prod, team: x}, events: {endpoint: https://a.b, rate_limit: 5/s}}",
        "agent: {hostname: b, tags: {team: y}, events: {api_key: k, timeout: 5s}}",
    ).agent
    assert (agent.hostname, agent.tags) == ("b", {"env": "prod", "team": "y"})
    assert (agent.events.endpoint, agent.events.api_key, agent.events.timeout) == ("https://a.b", "k", Duration(5))
    assert agent.events.rate_limit == Rate(300)


@pytest.mark.parametrize(("rate", "per_minute"), [("20/min", 20), ("5/s", 300), ("120/h", 2), ("0.5 / s", 30)])
def test_a_rate_is_kept_per_minute(rate: str, per_minute: float, tmp_path: Path) -> None:
    events = written(tmp_path, GOOD + f"agent: {{events: {{rate_limit: {rate}}}}}").agent.events
    assert events.rate_limit == pytest.approx(per_minute)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]"])
def test_an_endpoint_on_this_host_needs_no_tls(host: str, tmp_path: Path) -> None:
    assert not written(tmp_path, GOOD + f"agent: {{events: {{endpoint: 'http://{host}', api_key: k}}}}").problems


def test_wrong_settings_of_the_agent_are_left_out_of_it(tmp_path: Path) -> None:
    config = written(tmp_path, GOOD + "agent: {hostname: 'a b', tags: {env: prod}, events: {timeout: 1d}}")
    assert (config.agent.hostname, config.agent.tags, config.agent.events.timeout) == (
        "",
        {"env": "prod"},
        Duration(15),
    )
    assert len(config.problems) == 2


def test_defaults_hold_for_the_checks_of_their_file_that_know_them(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        "defaults: {interval: 30s, at_least: 5GiB, tags: {a: x, b: x}}\nchecks:\n"
        "  one: {type: volume, path: /, tags: {b: y}}\n  two: {type: web, url: http://a, interval: 5m}",
        GOOD,
    )
    checks = config.checks
    assert (checks["one"].interval, checks["one"].tags) == (30, {"a": "x", "b": "y"})
    assert (volume(config, "one").at_least, checks["two"].interval) == (5 * 1024**3, 300)
    assert (checks["good"].interval, checks["good"].tags) == (60, {})


def test_a_check_with_its_own_cron_is_not_bound_by_a_default_interval_nor_the_reverse(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        "defaults: {interval: 30s}\nchecks:\n  a: {type: volume, path: /, cron: 0 3 * * *}",
        "defaults: {cron: 0 3 * * *, timezone: UTC}\nchecks:\n  b: {type: volume, path: /, interval: 2m}",
    )
    assert config.problems == ()
    assert (config.checks["a"].cron, config.checks["b"].cron, config.checks["b"].interval) == ("0 3 * * *", "", 120)


def test_a_wrong_default_is_said_once_however_many_checks_it_takes_along(tmp_path: Path) -> None:
    lines = [f"  c{number}: {{type: volume, path: /}}\n" for number in range(20)]
    config = written(tmp_path, "defaults: {timeout: 5m}\nchecks:\n" + "".join(lines))
    assert (len(config.problems), len(config.checks)) == (1, 0)


def test_a_name_in_two_files_names_both_places_and_the_first_stays(tmp_path: Path) -> None:
    config = written(tmp_path, GOOD, GOOD.replace("path: /", "path: /other"))
    expected = "1.yaml:2:3: good: a check of this name is at 0.yaml:2:3 already: rename one"
    assert problems(config, tmp_path) == [expected]
    assert volume(config, "good").path == "/"


# --- cron


@pytest.mark.parametrize(
    ("cron", "meant"),
    [
        ("0 3 * * 0", "0 3 * * sun"),
        ("0 3 * * 7", "0 3 * * sun"),
        ("*/5 8-17 * * 1-5", "*/5 8-17 * * mon,tue,wed,thu,fri"),
        ("0 3 * * MON", "0 3 * * mon"),
        ("0 3 * * fri-mon", "0 3 * * sun,mon,fri,sat"),
        ("0 3 * * */2", "0 3 * * sun,tue,thu,sat"),
        ("0 3 * * 5-7", "0 3 * * sun,fri,sat"),
        ("0 3 * * 0-6", "0 3 * * *"),
        ("0 3 * * 0-7", "0 3 * * *"),
        ("0 3 * * 1-5/2", "0 3 * * mon,wed,fri"),
        ("0 3 * * 0,6", "0 3 * * sun,sat"),
        ("0 3 1 * *", "0 3 1 * *"),
    ],
)
def test_weekdays_count_from_sunday_as_in_every_crontab(cron: str, meant: str) -> None:
    assert normal(cron) == meant


@given(st.text(alphabet="0123456789*/-,? abcmonsunL#", max_size=24))
def test_any_cron_line_is_read_or_refused_with_a_reason(text: str) -> None:
    try:
        normal(text)
    except ValueError as error:
        assert str(error)


# --- whatever else


def test_the_shipped_directory_has_no_problem() -> None:
    config = load(SHIPPED, Catalog(), {})
    assert [str(problem) for problem in config.problems] == []
    assert config.checks


def test_five_hundred_checks_load_in_well_under_a_second(tmp_path: Path) -> None:
    needs.untraced()
    line = "  c{}: {{type: web, url: 'https://h{}.example', warning: 500ms, critical: 2s, tags: {{env: prod}}}}\n"
    text = "checks:\n" + "".join(line.format(number, number) for number in range(500))
    started = time.process_time()
    assert len(written(tmp_path, text).checks) == 500
    assert time.process_time() - started < 1


def test_what_a_check_takes_in_memory_is_little(tmp_path: Path) -> None:
    needs.untraced()
    line = "  {0}{1}: {{type: web, url: 'https://h{1}.example', warning: 500ms, critical: 2s, interval: 5m}}\n"
    texts = ["checks:\n" + "".join(line.format(file, number) for number in range(200)) for file in "abcd"]
    written(tmp_path, *texts)  # what is made once is there
    tracemalloc.start()
    config = written(tmp_path, *texts)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept / len(config.checks) < 1750, "bytes a check; with a place object for each setting 1925"
    assert peak / len(config.checks) < 2300, "bytes a check; with every tree until the end, and a copy of each, 2800"


def test_nothing_that_stays_lies_between_the_parts_of_a_tree() -> None:
    """Of a few hundred small objects that lie side by side, one that stays keeps the memory of all."""
    tree = parse(b"checks: {web: {type: web}}", "a.yaml")
    assert sys.getsizeof(tree) <= 48, "bytes, as a place takes; names that stay take 64, as nodes did"
    place = Place("a.yaml", 2, 1000)
    assert apart(place) == place
    assert apart(place) is not place
    assert apart(place).column is not place.column


def test_equal_settings_are_read_once_in_each_load_and_anew_in_the_next(tmp_path: Path) -> None:
    text = "checks: {{{}: {{type: volume, path: /, warning: 81.5%}}}}"
    config = written(tmp_path, text.format("a"), text.format("b"))
    again = written(tmp_path, text.format("a"), text.format("b"))
    assert volume(config, "a").warning is volume(config, "b").warning
    assert volume(config, "a").warning is not volume(again, "a").warning


def test_a_place_reads_as_editors_jump_to_it() -> None:
    assert str(Place("conf.d/a.yaml", 3, 5)) == "conf.d/a.yaml:3:5"
