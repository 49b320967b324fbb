"""Choices that leave nothing to watch are refused, those that leave something are not."""

from __future__ import annotations

import pytest

from agent.api import Check, Regex
from checks.disk import Disk
from checks.disk.choice import Filter
from checks.docker import Docker
from checks.log import Log
from checks.process import Process
from checks.raid import Raid
from checks.systemd import Systemd


def log(exclude: str) -> Log:
    return Log(path="/var/log/syslog", pattern=Regex("ERROR"), exclude=Regex(exclude))


NOTHING_LEFT = [
    Raid(exclude=("md0", "*")),
    Systemd(exclude="*.*"),
    Docker(exclude="**"),
    Docker(include=("web", "db*"), exclude=("db*", "web", "x")),
    Disk(mounts="all", exclude=Filter(mount="/*")),
    Disk(mounts="all", exclude=Filter(type=("nfs", "?*"))),
    Disk(mounts="all", include=Filter(device="/dev/sd*"), exclude=Filter(device="/dev/sd*")),
    Process(match=Regex("nginx"), exclude=Regex("nginx")),
    *(log(exclude) for exclude in (".", ".*", ".+", "ERROR", r"\w|\W", "[^é]")),
]
SOMETHING_LEFT = [
    Raid(exclude=("md*", "?", "")),
    Systemd(exclude=("*.service", "*@*")),
    Docker(include=("web", "db"), exclude="web"),
    Disk(mounts="all", exclude=Filter(mount="/srv/*")),
    Disk(mounts="all", include=Filter(mount="/srv", type="ext4"), exclude=Filter(type="ext4")),
    *(log(exclude) for exclude in ("^$", "[a-z]", r"\d", "ERROR: no", "error")),
]


@pytest.mark.parametrize("check", NOTHING_LEFT, ids=str)
def test_what_leaves_nothing_to_watch_is_refused_where_it_is_written(check: Check) -> None:
    ((setting, words),) = check.problems()
    assert setting == "exclude"
    assert "leaves nothing to watch" in words


@pytest.mark.parametrize("check", SOMETHING_LEFT, ids=str)
def test_what_leaves_something_is_not(check: Check) -> None:
    assert list(check.problems()) == []


def test_who_writes_all_or_nothing_for_all_is_told_what_to_write() -> None:
    assert list(Docker(running="all").problems()) == [
        ("running", "'all' is taken for the name of a container: name those that must run")
    ]
    assert list(Docker(include=("all",)).problems()) == [
        ("include", "'all' is taken for the name of a container: leave include out")
    ]
    assert [setting for setting, _ in Docker(include="").problems()] == ["include"]
    assert [setting for setting, _ in Docker(include=()).problems()] == ["include"]
    assert [setting for setting, _ in Disk(mounts="all", include=Filter()).problems()] == ["include"]
