"""Wildcards: what only a shell would understand is refused, and what one name is hides no other name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.api import Check, Regex, Status
from agent.testing import ran
from checks._walking import ClosedFolder, walk
from checks._wildcards import find_problem
from checks.certificate import Certificate
from checks.disk import Disk
from checks.disk.choice import Filter
from checks.docker import Docker
from checks.file import File
from checks.log import Log
from checks.raid import Raid
from checks.systemd import Systemd

OF_SHELLS = ["{a,b}*", "d{1..3}", "[^a]*", "[[:digit:]]*", "[![:alpha:]]x", r"a\ b", r"a\*", "!(a|b)*", "@(a|b).log"]
OF_SHELLS += ["a.log ", "a.log\n", "*\t"]
OURS = [
    "*",
    "a?b",
    "[ab]",
    "[!a]*",
    "[a-z]",
    "[]a]",
    "a b",
    "Copy*(1).txt",
    "{a}",
    r"dev-disk-by\x2duuid.swap",
    "[",
    "a^b",
]


@pytest.mark.parametrize("pattern", OF_SHELLS)
def test_what_only_a_shell_understands_is_refused_wherever_wildcards_are(pattern: str) -> None:
    checks: list[Check] = [
        File(path=f"/x/{pattern}"),
        Log(path=f"/x/{pattern}", pattern=Regex("x")),
        Certificate(file=f"/x/{pattern}"),
        Disk(mounts="all", exclude=Filter(mount=pattern)),
        Disk(mounts="all", include=Filter(device=("/dev/sda", pattern))),
        Docker(include=pattern),
        Raid(exclude=("md0", pattern)),
        Systemd(exclude=pattern),
    ]
    for check in checks:
        assert [text for _, text in check.problems() if "write" in text], check


@pytest.mark.parametrize("pattern", OURS)
def test_what_is_a_wildcard_here_or_a_name_is_not_refused(pattern: str) -> None:
    assert not find_problem(f"/x/{pattern}")


LINKS = {
    "to itself": "{name}",
    "through a file": "beside/core/",
    "below a file": "beside/core/below",
    "of too many letters": "z" * 300,
    "to nowhere": "gone",
}


@pytest.mark.parametrize("target", LINKS.values(), ids=LINKS)
@pytest.mark.parametrize("pattern", ["*/core", "*/y/core", "*/y/*", "**/core", "**", "b*/c*"])
def test_a_link_that_leads_nowhere_hides_nothing_beside_it(target: str, pattern: str, tmp_path: Path) -> None:
    for name in ("beside/core", "beside/y/core", "other/z"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for place in (tmp_path / "link", tmp_path / "other/y", tmp_path / "beside/y/link"):
        place.symlink_to(target.format(name=place.name))
    closed = ClosedFolder()
    assert any(os.fspath(entry).endswith("core") for entry in walk(f"{tmp_path}/{pattern}", closed))
    assert not closed.first
    ran(File(path=f"{tmp_path}/{pattern}", expect="absent")).is_critical("is there")


def test_a_link_to_itself_keeps_no_log_from_being_read(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "a.log").touch()
    (tmp_path / "loop").symlink_to("loop")
    ran(Log(path=f"{tmp_path}/*/a.log", pattern=Regex("x"))).is_ok("is followed")


@pytest.mark.parametrize("end", ["/", "//", "/."])
def test_a_file_that_is_written_as_a_folder_is_not_known(end: str, tmp_path: Path) -> None:
    (tmp_path / "a.log").touch()
    (tmp_path / "folder").mkdir()
    for expect in ("present", "absent", "any"):
        ran(File(path=f"{tmp_path}/a.log{end}", expect=expect)).is_nodata("no folder")
    assert ran(File(path=f"{tmp_path}/folder{end}")).result.status is Status.OK
    assert ran(File(path=f"{tmp_path}/gone{end}")).result.status is Status.CRITICAL
    assert ran(File(path=f"{tmp_path}/a.log/below{end}")).result.status is Status.CRITICAL


def test_a_slash_behind_a_wildcard_is_refused_as_folders_do_not_count() -> None:
    assert [text for _, text in File(path="/x/*/").problems() if "slash" in text]


def test_two_stars_within_a_name_are_one(tmp_path: Path) -> None:
    for name in ("a.log", "sub/b.log"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = {os.path.basename(entry) for entry in walk(f"{tmp_path}/a**", ClosedFolder())}  # noqa: PTH119
    assert names == {"a.log"}
    assert len(list(walk(f"{tmp_path}/**", ClosedFolder()))) == 3
    assert list(map(os.fspath, walk(f"{tmp_path}/**/", ClosedFolder()))) == list(
        map(os.fspath, walk(f"{tmp_path}/**", ClosedFolder()))
    )
