"""Whatever bytes, values and slips of the hand: a configuration, or problems that say where."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog
from tests.config.drop_ins import SECRET, SHIPPED, assert_said_well, mutated, written
from tests.examples import TIMES


@given(content=st.binary(max_size=100))
def test_any_bytes_are_a_config_or_problems(content: bytes, one_folder: Path) -> None:
    assert_said_well(written(one_folder, content))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["1m", "80%", "/"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


NAMES = ["type", "path", "url", "interval", "timeout", "cron", "timezone", "fail_after", "tags", "warning", "critical"]


NAMES += ["exclude", "headers", "matches", "method", "count", "enabled", "retry_interval", "no_such"]


NAMES += ["for", "flapping", "repeat_every", "depends_on", "maintenance"]


@settings(max_examples=60)
@given(kind=st.sampled_from(["volume", "web"]), chosen=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5))
def test_any_value_of_any_setting_is_a_check_or_a_problem(
    kind: str, chosen: dict[str, object], one_folder: Path
) -> None:
    import yaml

    config = written(one_folder, yaml.safe_dump({"checks": {"a": {"type": kind, **chosen}}}))
    assert_said_well(config)
    assert ("a" in config.checks) != any(problem.check == "a" for problem in config.problems)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.y*ml")), ids=lambda path: path.name)
def test_a_shipped_file_with_any_slip_of_the_hand_is_a_config_or_problems(path: Path, tmp_path: Path) -> None:
    dice, catalog = random.Random(path.name), Catalog()
    for _ in range(40 * TIMES):
        (tmp_path / "a.yaml").write_bytes(mutated(path.read_text(), dice).encode())
        assert_said_well(load(tmp_path, catalog, {"K": SECRET}))
