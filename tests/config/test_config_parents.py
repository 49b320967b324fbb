"""Parents of a check: any or all of some, and no circle."""

from __future__ import annotations

import json
import time
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config.parents import circles
from agent.config.settings import DependsOn
from tests.config.drop_ins import assert_said_well, problems, written
from tests.host import needs

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
