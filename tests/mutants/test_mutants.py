"""The tool of `make mutants`: what it decides, and one run on an invented module, whose faults need no mutmut."""

from __future__ import annotations

import json
import math
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

from tests.mutants.__main__ import chosen
from tests.mutants.driver import tried
from tests.mutants.fork import outcome
from tests.mutants.order import Statistics
from tests.mutants.report import Outcome, Result, function, progress, report, room

VIEW = "agent.view.explanation.x_explained__mutmut_3"
ENGINE = "agent.engine.recorder.deciding.xǁDeciderǁ_answered__mutmut_12"


def test_a_fault_belongs_to_a_room_and_to_a_function() -> None:
    assert room(ENGINE) == "engine"
    assert function(ENGINE) == "agent.engine.recorder.deciding.Decider._answered"
    assert function(VIEW) == "agent.view.explanation.explained"
    assert function("agent.view.a.x__private__mutmut_1") == "agent.view.a._private"


def test_a_name_may_leave_out_what_a_star_stands_for() -> None:
    assert chosen([ENGINE, VIEW], ["agent.view*"]) == [VIEW]
    assert chosen([ENGINE, VIEW], [ENGINE, "agent.view*"]) == [ENGINE, VIEW]


def test_the_quickest_test_comes_first_and_the_longest_may_be_left_out() -> None:
    statistics = Statistics({"a.x_f": ["slow", "b", "a"], "a.x_g": ["b"]}, {"slow": 9.0, "a": 0.5, "b": 0.5})
    assert statistics.tests_of("a.x_f__mutmut_1", math.inf) == ["a", "b", "slow"]
    assert statistics.tests_of("a.x_f__mutmut_1", 0.5) == ["a", "b"]
    assert statistics.tests_of("a.x_unknown__mutmut_1", math.inf) == []
    assert statistics.worst("a.x_f__mutmut_1", math.inf) == 10.0


def test_what_the_limit_ends_is_found_by_time_and_what_crashes_by_a_test() -> None:
    assert outcome(0) is Outcome.SURVIVED
    assert outcome(1) is Outcome.FOUND
    assert outcome(-signal.SIGALRM) is Outcome.TIME
    assert outcome(-signal.SIGSEGV) is Outcome.FOUND


def test_the_report_counts_by_room_and_lists_survivors_by_function() -> None:
    results = [
        Result(VIEW, Outcome.FOUND),
        Result(ENGINE, Outcome.SURVIVED),
        Result("agent.engine.a.x_f__mutmut_1", Outcome.TIME),
        Result("agent.engine.a.x_g__mutmut_1", Outcome.UNTESTED),
    ]
    assert report(results, 5) == (
        "| Room | Faults | Found by a test | Found by time | Survived |\n|---|---|---|---|---|\n"
        "| engine | 3 | 0 | 1 | 2 |\n| view | 1 | 1 | 0 | 0 |\n"
        "\n`.venv/bin/mutmut show NAME` shows one of these:\n"
        "\nagent.engine.a.g\n    agent.engine.a.x_g__mutmut_1 (no test calls it)\n"
        f"\nagent.engine.recorder.deciding.Decider._answered\n    {ENGINE}\n"
        "\n1 of 5 faults were not tried."
    )
    assert progress(results, 1234) == "4 of 1,234 tried, 1 found by time, 2 survived"


def test_nothing_is_said_of_survivors_where_there_are_none() -> None:
    assert report([Result(VIEW, Outcome.FOUND)], 1).endswith("\n| view | 1 | 1 | 0 | 0 |")


TINY = """
import os, threading

def under(name): return os.environ["MUTANT_UNDER_TEST"] == f"tiny.room.x_{name}__mutmut_1"
def found(): return 2 if under("found") else 1
def survives(): return -1 if under("survives") else 1
def waits():
    if under("waits"):
        os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "600")
        open("waiting", "w").close()
        threading.Event().wait()
"""
TESTS = """
import os, pathlib, pytest, tempfile, tiny

@pytest.fixture(autouse=True)
def noted(tmp_path):
    with open("seen", "a") as seen:
        print(os.environ["MUTANT_UNDER_TEST"] or "none", os.getpgrp(), tmp_path, tempfile.mkdtemp(), file=seen)

def test_found(): assert tiny.found() == 1
def test_survives(): assert tiny.survives()
def test_waits(): tiny.waits()
def test_broken(): assert False, "broken without a fault"
"""
UNNEEDED = ("cacheprovider", "hypothesispytest", "pytest_cov")
"""To import them takes a second."""
LONG = 1000.0
"""Such a test has hours: no busy machine lets it seem to wait for ever."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return what mutmut would have made of a module with a few functions."""
    ours = Path(__file__).parents[1]
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/__init__.py").touch()
    shutil.copytree(ours / "mutants", tmp_path / "tests/mutants", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tiny.py").write_text(TINY)
    (tmp_path / "test_tiny.py").write_text(TESTS)
    (tmp_path / "pyproject.toml").write_text(
        "[tool.mutmut]\npytest_add_cli_args_test_selection = ['test_tiny.py']\n"
        f"pytest_add_cli_args = {[f'-pno:{plugin}' for plugin in UNNEEDED]}\n"
    )
    (tmp_path / "mutmut-stats.json").write_text(json.dumps(statistics({"waits": 0.0, "found": LONG, "survives": LONG})))
    return tmp_path


def statistics(seconds: Mapping[str, float]) -> dict[str, object]:
    tests = {f"tiny.room.x_{name}": [f"test_tiny.py::test_{name}"] for name in seconds}
    return {
        "tests_by_mangled_function_name": tests,
        "duration_by_test": {f"test_tiny.py::test_{name}": lasts for name, lasts in seconds.items()},
    }


def test_faults_are_found_survive_or_wait_and_leave_neither_files_nor_processes(folder: Path) -> None:
    names = ("found", "survives", "waits", "uncalled")
    results = list(tried(folder, [f"tiny.room.x_{name}__mutmut_1" for name in names], 2, math.inf, patience=1))
    came_out = {function(fault).rpartition(".")[2]: outcome for fault, outcome in results}
    assert came_out == {
        "found": Outcome.FOUND,
        "survives": Outcome.SURVIVED,
        "waits": Outcome.TIME,
        "uncalled": Outcome.UNTESTED,
    }
    assert_nothing_is_left(folder)


def test_whoever_stops_early_leaves_neither_files_nor_processes(folder: Path) -> None:
    faults = [f"tiny.room.x_{name}__mutmut_1" for name in ("waits", "found")]
    results = tried(folder, faults, 2, math.inf, patience=600)
    assert next(results) == Result(faults[1], Outcome.FOUND)
    assert_nothing_is_left(folder, faults[1])
    soon((folder / "waiting").exists)
    results.close()
    assert_nothing_is_left(folder)


def test_a_test_that_fails_without_any_fault_is_named_and_ends_all(folder: Path) -> None:
    (folder / "mutmut-stats.json").write_text(json.dumps(statistics({"found": LONG, "broken": LONG})))
    with pytest.raises(SystemExit, match=r"(?s)without any fault.*test_broken.*broken without a fault"):
        list(tried(folder, ["tiny.room.x_found__mutmut_1", "tiny.room.x_broken__mutmut_1"], 1, math.inf))
    assert_nothing_is_left(folder)


def assert_nothing_is_left(folder: Path, of_fault: str = "") -> None:
    """Hold what each fork wrote down, or that of a fault, against what is there now."""
    lines = [line.split() for line in (folder / "seen").read_text().splitlines() if line.startswith(of_fault)]
    assert lines
    for _, group, *made in lines:
        assert not [path for path in made if Path(path).exists()]
        soon(partial(is_over, int(group)))


def is_over(group: int) -> bool:
    """Tell whether no process of a group runs; one that is dead may wait for its parent for long."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of_group) == group and state not in "ZX":
            return False
    return True


def soon(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
