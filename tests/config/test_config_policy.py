"""Flapping, repetitions, maintenance and names; and everything that can be set at once."""

from __future__ import annotations

import random
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.api import Duration
from agent.config import rules
from agent.config.calendar.cron import normal, of_week
from agent.config.drop_ins import load
from agent.config.settings import Config, Maintenance
from agent.engine import self_check
from agent.model import Flapping
from agent.plugin.units import duration_text
from tests.config.drop_ins import GOOD, assert_said_well, check, mutated, problems, written
from tests.config.sample_types import sample_catalog
from tests.examples import TIMES

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
