"""Which files of the folder are read, in which order, and what is said of those that cannot be."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from agent.config.drop_ins import load
from agent.config.files.content import not_read
from tests.config.drop_ins import GOOD, problems, written
from tests.config.sample_types import sample_catalog
from tests.host import needs


def test_files_are_read_in_lexical_order_and_only_drop_ins(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", ".#c.yaml", "d.yaml.bak", "e.txt"):
        (tmp_path / name).write_text(f"checks:\n  {name[0]}x: {{type: volume, path: /}}\n")
    assert list(load(tmp_path, sample_catalog(), {}).checks) == ["ax", "bx"]


def test_a_relative_directory_gives_relative_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("conf.d").mkdir()
    Path("conf.d/web.yaml").write_text("checks:\n  shop: {type: web, url: http://a, expect_staus: 200}\n")
    assert [str(problem) for problem in load(Path("conf.d"), sample_catalog(), {}).problems] == [
        "conf.d/web.yaml:2:36: shop: unknown setting 'expect_staus', did you mean 'expect_status'?"
    ]


def test_a_directory_that_is_missing_empty_or_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    texts = [load(tmp_path / name, sample_catalog(), {}).problems[0].text for name in ("no", "file", "empty")]
    assert texts[0].startswith("no such directory")
    assert texts[1].startswith("is not a directory")
    assert texts[2].startswith("no *.yaml or *.yml file")


def test_what_is_no_regular_file_is_a_problem_and_never_waits(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    os.mkfifo(tmp_path / "b.yaml")
    (tmp_path / "c.yaml").symlink_to("/no/such/file")
    (tmp_path / "d.yaml").symlink_to("/dev/zero")
    (tmp_path / "e.yaml").write_bytes(b"#" * (1024 * 1024 + 1))
    assert problems(load(tmp_path, sample_catalog(), {}), tmp_path) == [
        "a.yaml:1:1: is a directory, not a file",
        "b.yaml:1:1: is not a regular file",
        "c.yaml:1:1: cannot be read: No such file or directory",
        "d.yaml:1:1: is not a regular file",
        "e.yaml:1:1: is larger than 1024 KiB",
    ]


def test_drop_ins_with_capital_endings_are_read_and_folders_with_drop_ins_are_told(tmp_path: Path) -> None:
    (tmp_path / "b.YAML").write_text(GOOD)
    for name in ("off", ".hidden", "empty"):
        (tmp_path / name).mkdir()
    for name in ("off", ".hidden"):
        (tmp_path / name / "c.yml").write_text("no: yaml: [")
    config = load(tmp_path, sample_catalog(), {})
    assert set(config.checks) == {"good"}
    assert problems(config, tmp_path) == [
        "off:1:1: folders in here are not read: move off/c.yml up, or the folder to another place"
    ]
    assert (config.complete, config.agent_readable) == (True, True), "nothing that is read is in doubt because of it"


def test_an_agent_of_root_says_whose_drop_ins_it_obeys(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    needs.root()
    assert written(tmp_path, GOOD).problems == ()
    assert caplog.text == ""
    os.chown(tmp_path / "0.yaml", 65534, 65534)
    assert written(tmp_path, GOOD).problems == ()
    assert f"{tmp_path}/0.yaml belongs to user 65534, who can so have root run commands" in caplog.text


def test_a_file_that_fails_when_it_is_read_is_a_problem(tmp_path: Path) -> None:
    # A regular file that even root may open and cannot read. A command that ran in this process may have closed it.
    (tmp_path / "a.yaml").symlink_to(needs.file("/proc/self/mem"))
    assert ctypes.CDLL(None).prctl(4, 1, 0, 0, 0) == 0, "PR_SET_DUMPABLE"
    assert problems(load(tmp_path, sample_catalog(), {}), tmp_path) == [
        "a.yaml:1:1: cannot be read: Input/output error"
    ]


def test_a_file_name_of_strange_bytes_shows_on_one_line(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.yaml"))).write_text("[")
    assert str(load(tmp_path, sample_catalog(), {}).problems[0]).isprintable()


@pytest.mark.parametrize("name", ["a.yaml.txt", "a.yamll", "a.yml ", "a.ymal", "a.conf", "a.json", "a.yaml.1"])
def test_a_file_that_somebody_may_take_for_a_drop_in_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "b.yaml").touch()
    (tmp_path / name).touch()
    assert not_read(tmp_path) == [name]


@pytest.mark.parametrize(
    "name",
    ["a.yaml~", "a.yaml.bak", "a.yaml.sample", "a.yaml.rpmsave", "hostvigil.schema.json", "README.md", ".a.yaml"],
)
def test_a_file_that_rests_on_purpose_is_not(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    (tmp_path / "folder.conf").mkdir()
    assert not_read(tmp_path) == []
