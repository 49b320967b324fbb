"""What we ship to be copied is right: the samples of checks in conf.d, and the examples on the types' pages."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog

SAMPLES = sorted((Path(__file__).parents[2] / "conf.d").glob("[a-z]*.yaml.sample"))
EXAMPLES = [
    (name, block)
    for name in Catalog().names()
    for block in re.findall(r"(?ms)^```yaml\n(.*?)^```$", inspect.getdoc(Catalog().get(name)) or "")
]


def problems(text: str, folder: Path) -> list[str]:
    (folder / "a.yaml").write_text(text)
    return [str(problem) for problem in load(folder, Catalog(), {}).problems]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_sample_has_no_problem_and_tells_editors_its_schema(sample: Path, tmp_path: Path) -> None:
    text = sample.read_text()
    assert text.startswith("# yaml-language-server: $schema=hostvigil.schema.json\n")
    assert problems(text, tmp_path) == []


@pytest.mark.parametrize(("name", "block"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_example_on_a_type_s_page_is_of_that_type_and_has_no_problem(name: str, block: str, tmp_path: Path) -> None:
    assert problems(block, tmp_path) == []
    assert {check.type for check in load(tmp_path, Catalog(), {}).checks.values()} == {name}
