"""Whatever a drop-in holds, it is a configuration or problems at their place; what fails is a problem of that file."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.api import Check
from agent.config.drop_ins import load
from agent.config.located_yaml.parser import YamlError, parse
from agent.config.settings import Config
from agent.config.types.catalog import Catalog, Source
from tests.config.drop_ins import CONFIGS, GOOD, SHIPPED, assert_said_well, written
from tests.config.sample_types import sample_catalog
from tests.examples import TIMES, examples

BREAKS = ("\n", "\r", "\r\n", "\x85", "\u2028", "\u2029")
"""What YAML 1.1 takes for the end of a line; editors count the first three."""
SECONDS = 2.0
"""No file of a few bytes takes longer."""


@pytest.fixture(scope="module")
def one_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("conf.d")


@pytest.mark.parametrize("line_end", BREAKS, ids=ascii)
def test_every_broken_file_has_its_problems_whatever_ends_its_lines(line_end: str, tmp_path: Path) -> None:
    file, catalog = tmp_path / "a.yaml", sample_catalog()
    # In each run each line end has its share of the files, in `make torture` all; those that editors count have all.
    step = 1 if TIMES > 1 or line_end in ("\r", "\r\n") else 2
    for path in sorted(CONFIGS.glob("*.yaml"))[BREAKS.index(line_end) % step :: step]:
        text = path.read_text()
        file.write_bytes(text.replace("\n", line_end).encode())
        config = load(tmp_path, catalog, {})
        assert_said_well(config)
        if line_end in ("\r", "\r\n"):
            file.write_text(text)
            assert config.problems == load(tmp_path, catalog, {}).problems


@pytest.mark.parametrize("line_end", BREAKS, ids=ascii)
def test_a_brace_left_open_is_a_problem_whatever_ends_the_lines(line_end: str, tmp_path: Path) -> None:
    text = line_end.join(("checks:", "  a: {type: volume, path: /}", "  b: {type: volume", ""))
    config = written(tmp_path, GOOD, text)
    assert set(config.checks) == {"good"}
    (problem,) = config.problems
    assert "the '{' that opens here is not closed" in problem.text
    assert_said_well(config)


KEYS = st.lists(
    st.tuples(st.text("abc\u00e9\U0001f600", min_size=1, max_size=4), st.sampled_from(BREAKS)), min_size=1, max_size=8
)


@given(KEYS, st.booleans())
def test_each_key_stands_where_its_place_says(keys: list[tuple[str, str]], with_mark: bool) -> None:
    text = "".join(f"{key}{number}: 1{line_end}" for number, (key, line_end) in enumerate(keys))
    tree = parse((b"\xef\xbb\xbf" if with_mark else b"") + text.encode(), "f")
    lines = re.split(r"\r\n?|\n", text)
    for name, node in tree.value.items():
        assert node.key is not None
        assert lines[node.key.line - 1][node.key.column - 1 :].startswith(f"{name}:")


PARTS = [*BREAKS, "checks:", "agent:", "defaults:", "  a: ", "{", "}", "[", "]", "- ", "type: volume", "path: /"]
PARTS += [", ", ": ", "&x ", "*x", "<<: *x", "|", ">", "!t ", "? ", "%YAML 1.1", "---", "...", "#", "\t", "\ufeff"]
PARTS += ["'", '"', "\0", "\ud7ff", "${file:x}", "${env:", "events:", "tags: {a: b}", "flapping: ", "\x1b", "x" * 70]


@examples(50)
@given(content=st.lists(st.sampled_from(PARTS), max_size=14).map("".join).map(str.encode) | st.binary(max_size=60))
@example(content=b"checks:\r  a: {type: volume, path: /}\r  b: {type: volume\r")
@example(content="checks:\u2028  a: {type: volume".encode())
@example(content="a: 'x\x85".encode())
@example(content=b"\xff\xfec\x00h\x00")
@example(content=b"\xef\xbb\xbf\xef\xbb\xbfchecks: {")
@example(content=b"checks:\n  \xff: 1\r")
@example(content=b"? [a, b]\n: c\n")
@example(content=b"checks: {? {a: b} : c}")
@example(content=b"agent: &a {tags: *a}")
@example(content=b"<<: [1]")
def test_any_text_is_a_configuration_or_problems_in_time(content: bytes, one_folder: Path) -> None:
    begun = time.process_time()
    assert_said_well(written(one_folder, content))
    assert time.process_time() - begun < SECONDS


def test_any_bytes_are_yaml_or_refused_at_a_place_within_them() -> None:
    for path in sorted(SHIPPED.glob("*.y*ml")):
        content = path.read_bytes()
        for cut in range(0, len(content), 37):
            for torn in (content[:cut], content[:cut] + b"\xe2\x80\xa8{", content[:cut].replace(b"\n", b"\r")):
                try:
                    parse(torn, "f")
                except YamlError as error:
                    assert 1 <= error.place.line <= max(1, len(re.split(rb"\r\n?|\n", torn)))


# --- bugs of our own


SECRET = "".join(("hunter", "22"))


class Broken(Mapping[str, str]):
    """An environment whose look-up has a bug."""

    def __getitem__(self, name: str) -> str:
        raise IndexError(f"{name} is {SECRET}")

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_a_bug_while_a_file_is_read_is_a_problem_of_that_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text("checks:\n  b: {type: volume, path: '${env:X}'}\n")
    with caplog.at_level(logging.ERROR):
        config = load(tmp_path, sample_catalog(), Broken())
    assert set(config.checks) == {"good"}
    (problem,) = config.problems
    assert (Path(problem.place.file).name, "a bug of its own (IndexError)" in problem.text) == ("b.yaml", True)
    assert not config.agent_readable, "it may have held settings of the agent"
    assert "secrets/references.py" in caplog.text, "the log says where"
    assert SECRET not in caplog.text + str(config.problems)


class Buggy(Catalog):
    """A catalog with a bug for one name."""

    def get(self, name: str) -> type[Check]:
        if name == "bug":
            raise KeyError(name)
        return sample_catalog().get(name)


def test_a_bug_while_a_check_is_read_is_a_problem_of_that_check(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD + "  bad: {type: bug}\n")
    config = load(tmp_path, Buggy(), {})
    assert set(config.checks) == {"good"}
    assert [problem.check for problem in config.problems] == ["bad"]
    assert config.agent_readable


def test_a_bug_anywhere_else_is_a_problem_and_no_exception(tmp_path: Path) -> None:
    class NoCatalog(Catalog):
        def add(self, source: Source, replace: Iterable[str] = ()) -> list[str]:
            raise RuntimeError

    (tmp_path / "a.yaml").write_text(GOOD)
    assert isinstance(load(tmp_path, object.__new__(NoCatalog), {}), Config)
