"""Settings of the process check that cannot be meant, and the shipped drop-in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from agent.api import Context, NumberAbove, Regex, Status
from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog
from agent.plugin.results import gather
from checks.process import Process


@pytest.mark.parametrize(
    ("settings", "setting", "says"),
    [
        ({}, "name", "write name, exe, match, user or pidfile"),
        ({"name": "x", "max": 0}, "max", "write min: 0 too"),
        ({"name": "x", "min": 3, "max": 2}, "max", "is 2, less than min 3"),
        ({"name": "/usr/sbin/sshd"}, "name", "write exe: /usr/sbin/sshd"),
        ({"name": "php-fpm*"}, "name", "names are exact: write match"),
        ({"exe": "/usr/sbin/php*"}, "exe", "paths are exact: write match"),
        ({"exe": "sshd"}, "exe", "begin it with /"),
        ({"pidfile": "run/x.pid"}, "pidfile", "begin it with /"),
        ({"pidfile": "/run/x.pid", "min": 2}, "min", "a pidfile names one process"),
        ({"match": Regex("x"), "zombies_critical": NumberAbove.parse(1)}, "zombies_warning", "only name and user"),
    ],
)
def test_settings_that_cannot_work_are_named(settings: dict[str, Any], setting: str, says: str) -> None:
    ((named, text),) = Process(**settings).problems()
    assert named == setting
    assert says in text


@pytest.mark.parametrize(
    "settings", [{"name": "x"}, {"max": 500}, {"zombies_warning": NumberAbove.parse(5)}, {"user": "www", "min": 2}]
)
def test_settings_that_can_work_are_no_problem(settings: dict[str, Any]) -> None:
    assert list(Process(**settings).problems()) == []


def test_the_shipped_file_and_its_other_ways_are_true_configuration(tmp_path: Path) -> None:
    shipped = (Path(__file__).parents[3] / "conf.d" / "process.yaml").read_text()
    (tmp_path / "process.yaml").write_text(re.sub(r"(?m)^#   ", "  ", shipped))
    config = load(tmp_path, Catalog())
    assert [str(problem) for problem in config.problems] == []
    assert {"processes", "sshd", "nginx", "shop", "database", "backup", "no-telnet", "workers"} == set(config.checks)
    check = config.checks["processes"].check
    assert isinstance(check, Process)
    (result,) = gather(check.run(Context("processes")))
    assert result.status is not Status.NODATA, "it can be told on any host; one that tests much may have zombies"


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("name: x, cpu_warning: 50", "write for example 80%"),
        ("name: x, rss_warning: 5GiB, rss_critical: 1GiB", "rss_warning"),
        ("name: x, min: -1", "min"),
        ("name: x, max: -1", "max"),
        ("name: x, restart: maybe", "restart"),
        ("name: x, match: '('", "not a regular expression"),
        ("min: 0", "says nothing of which processes"),
    ],
)
def test_mistakes_are_found_where_they_are_written(tmp_path: Path, written: str, says: str) -> None:
    (tmp_path / "a.yaml").write_text(f"checks:\n  x: {{type: process, {written}}}\n")
    (problem,) = load(tmp_path, Catalog()).problems
    assert says in str(problem)
    assert ":2:" in str(problem)
