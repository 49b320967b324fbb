"""The words of a command reach the program as they stand in the file, whatever YAML takes them for."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.api import Context
from agent.config.drop_ins import load
from agent.config.settings import Config
from agent.config.types.catalog import Catalog
from tests.checks.looks import found


def loaded(text: str) -> Config:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a.yaml").write_text(text)
        return load(Path(folder), Catalog(), {})


WORDS = st.sampled_from(
    ["5", "-5", "+5", "1.10", "1e3", ".5", "0755", "0x10", "1:30", "true", "false", "null", "~", "no"]
)


@given(st.lists(WORDS | st.integers().map(str) | st.floats(allow_nan=False).map(str), min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_numbers_and_the_like_are_the_text_that_was_written(words: list[str]) -> None:
    config = loaded(f"checks:\n  a: {{type: script, command: [/bin/echo, --, {', '.join(words)}]}}\n")
    assert config.problems == ()
    (result,) = found(config.checks["a"].check.run(Context()))
    assert result.summary == " ".join(["--", *words])  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("[x, [y]]", "command.1: a list is not text"),
        ("[x, {a: b}]", "command.1: a mapping is not text"),
        ("[x, ]", ""),
        ("5", "command: must be text or a list, not the number 5"),
        ("[]", "command: is empty"),
    ],
)
def test_what_is_no_word_is_refused(command: str, said: str) -> None:
    problems = loaded(f"checks:\n  a: {{type: script, command: {command}, cwd: /}}\n").problems
    assert said in str(*problems)
    assert bool(problems) == bool(said)


def test_where_text_is_wanted_elsewhere_a_number_is_still_refused() -> None:
    (problem,) = loaded("checks:\n  a: {type: script, command: [x], cwd: 5}\n").problems
    assert "cwd: must be text, not the number 5" in str(problem)
