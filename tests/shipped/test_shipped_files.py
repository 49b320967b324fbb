"""The drop-ins we ship: each loads, runs for real, and so does every variant that stands in it as a comment."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.config.drop_ins import load
from agent.config.settings import CheckConfig, Config
from agent.config.types.catalog import Catalog
from agent.model import Outcome, Status
from agent.running.runner import Runner

SHIPPED = Path(__file__).parents[2] / "conf.d"
FILES = sorted([*SHIPPED.glob("*.yaml"), *SHIPPED.glob("*.yaml.sample")])
MODELINE = "# yaml-language-server: $schema=hostvigil.schema.json\n"
ENVIRON = {"HOSTVIGIL_API_KEY": "ak_of_a_test"}


def named(path: Path) -> str:
    return path.name


def loaded(text: str, folder: Path, name: str = "shipped.yaml") -> Config:
    """Load a text as a drop-in; what it reads from /etc/hostvigil is there."""
    for wanted in re.findall(r"\$\{file:/etc/hostvigil/(\w+)\}", text):
        (folder / wanted).write_text("a_secret")
    (folder / name).write_text(text.replace("${file:/etc/hostvigil/", f"${{file:{folder}/"))
    return load(folder, Catalog(), ENVIRON)


def faults(config: Config) -> list[str]:
    """Return what is wrong; a file without a check may well hold only settings of the agent."""
    return [str(problem) for problem in config.problems if "no check in these files" not in problem.text]


def variants(text: str) -> Iterator[tuple[str, str]]:
    """Yield what stands in comments and looks like a check, each as a drop-in of its own, by its name.

    Two ways of writing are read: `# name:` below `checks:` indented by two, and `#   name:`; all on one line, or below.
    """
    lines = text.splitlines()
    for start, line in enumerate(lines):
        head = re.match(r"^(?P<mark>  # |#   )(?P<name>[a-z][\w -]*):(\s+\{.*|\s+#.*)?$", line)
        if head:
            mark = head["mark"]
            body = [line.removeprefix(mark)]
            for following in lines[start + 1 :]:
                rest = following.removeprefix(mark)
                if rest == following or not rest.startswith(" "):
                    break
                body.append(rest)
            if any("type:" in one for one in body):
                yield head["name"], "checks:\n" + "\n".join(f"  {one}" for one in body) + "\n"


# The agent's own sample has no checks; a test below reads it without its comment signs.
VARIANTS = [
    pytest.param(text, id=f"{path.name}: {name}")
    for path in FILES
    if path.name != "00-agent.yaml.sample"
    for name, text in variants(path.read_text())
]


def test_there_are_shipped_files_and_variants() -> None:
    assert len(FILES) >= 4
    assert len(VARIANTS) >= 10


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_shipped_file_loads(path: Path, tmp_path: Path) -> None:
    assert faults(loaded(path.read_text(), tmp_path)) == []


@pytest.mark.parametrize("text", VARIANTS)
def test_a_variant_in_a_comment_loads(text: str, tmp_path: Path) -> None:
    config = loaded(text, tmp_path)
    assert faults(config) == []
    assert len(config.checks) == 1


@pytest.mark.parametrize("path", FILES, ids=named)
def test_every_check_in_a_comment_is_found_by_these_tests(path: Path) -> None:
    """A way of writing variants that `variants` does not read would leave them untested."""
    text = path.read_text()
    commented = re.findall(r"(?m)^ *#.*\btype: *[a-z_]+", text)
    assert len(commented) == len(list(variants(text))), commented


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_shipped_file_brings_completion_into_editors(path: Path) -> None:
    assert path.read_text().startswith(MODELINE)


def test_all_shipped_files_load_together(tmp_path: Path) -> None:
    for path in FILES:
        config = loaded(path.read_text(), tmp_path, path.name.removesuffix(".sample"))
    assert faults(config) == []


def shipped_checks() -> list[CheckConfig]:
    return [check for check in load(SHIPPED, Catalog(), ENVIRON).checks.values() if check.enabled]


@pytest.mark.parametrize("check", shipped_checks(), ids=lambda check: check.name)
def test_a_shipped_check_says_something_true_of_this_host(check: CheckConfig) -> None:
    """Good or bad is this host's affair; a bug, a hang, or not being able to look is ours."""
    outcomes: list[Outcome] = []
    Runner(outcomes.append).start(check, time.monotonic())
    until = time.monotonic() + check.timeout + 5
    while not outcomes and time.monotonic() < until:
        time.sleep(0.01)
    (outcome,) = outcomes
    assert [result.summary for result in outcome.results if result.status is Status.NODATA] == []
    assert all(result.summary for result in outcome.results)


@pytest.mark.parametrize("check", shipped_checks(), ids=lambda check: check.name)
def test_a_shipped_check_says_what_it_means(check: CheckConfig) -> None:
    assert check.description, "its event should say why somebody is told"


def test_the_agent_s_sample_is_right_once_its_comments_are_taken_away(tmp_path: Path) -> None:
    text = (SHIPPED / "00-agent.yaml.sample").read_text()
    everything = re.sub(r"(?m)^( *)# (?=[a-z_]+:)", r"\1", text)
    config = loaded(everything, tmp_path)
    assert faults(config) == []
    assert config.agent.events.endpoint.startswith("https://")
    assert config.agent.events.api_key
    for setting in ("hostname", "tags"):
        assert getattr(config.agent, setting), f"{setting} is not in the sample"
