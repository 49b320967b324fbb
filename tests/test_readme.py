"""What the documents say is so: blocks are run or loaded, generated parts are current, links lead somewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from agent.cli.options import COMMANDS, DEFAULT_CONFIG, ROOT_STATE
from agent.config.catalog import Catalog
from agent.config.drop_ins import load
from agent.config.tags import OURS
from agent.model import Flapping
from tests import documents
from tests.agent_process import AgentProcess, agent_process

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("packaging/*.md")])


class Block(NamedTuple):
    """A fenced block; `kind` is what stands behind the fence, `reason` why no test runs it."""

    kind: str
    text: str
    line: int
    reason: str


def blocks(text: str) -> list[Block]:
    fenced = (
        r"(?ms)(?:^<!-- not run by a test(?:[ \w]*): (?P<reason>[^\n]*) -->\n)?^```(?P<kind>[^\n]+)\n(?P<text>.*?)^```$"
    )
    return [
        Block(match["kind"], match["text"], text.count("\n", 0, match.start()) + 1, match["reason"] or "")
        for match in re.finditer(fenced, text)
    ]


BLOCKS = blocks(README)


def only(kind: str) -> list[Block]:
    return [block for block in BLOCKS if block.kind == kind]


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    assert {block.kind for block in BLOCKS} == {
        *("sh", "text", "yaml", "yaml wrong", "yaml check", "python check", "python test")
    }
    assert README.count("\n```") == 2 * len(BLOCKS)


@pytest.mark.parametrize("block", only("yaml"), ids=lambda block: f"line {block.line}")
def test_a_block_of_configuration_has_no_problem(block: Block, tmp_path: Path) -> None:
    (tmp_path / "api_key").write_text("ak_of_a_test")
    (tmp_path / "readme.yaml").write_text(block.text.replace("/etc/hostvigil/", f"{tmp_path}/"))
    assert [str(problem) for problem in load(tmp_path, Catalog(), {}).problems] == []


def test_the_wrong_configuration_has_the_problems_that_stand_below_it(tmp_path: Path) -> None:
    (wrong,) = only("yaml wrong")
    said = BLOCKS[BLOCKS.index(wrong) + 1].text
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/shop.yaml").write_text(wrong.text)
    done = subprocess.run(
        [sys.executable, "-m", "agent.cli", "validate", "--config", "conf.d"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == (said, 1)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    """An agent at work on the README's flag, printing its events."""
    with agent_process(tmp_path) as agent:
        (line,) = re.findall(r"^echo '(checks: .*)' > conf.d/flag.yaml$", README, re.MULTILINE)
        agent.write("00-agent.yaml", "agent: {hostname: web-1}\n")
        agent.write("flag.yaml", line.replace("/tmp/flag", f"{tmp_path}/flag") + "\n")
        agent.start()
        agent.wait_until(lambda: "flag is not there" in agent.call("status").stdout, "a first result")
        yield agent


def test_a_flag_makes_what_the_readme_shows(agent: AgentProcess, tmp_path: Path) -> None:
    (tmp_path / "flag").touch()
    agent.wait_until(lambda: "CRITICAL flag on" in agent.output(), "the problem")
    (tmp_path / "flag").unlink()
    agent.wait_until(lambda: "  - count: 0" in agent.output(), "the recovery")
    shown = next(block.text for block in only("text") if "CRITICAL flag" in block.text)
    assert timeless(agent.output().replace(str(tmp_path), "/tmp")) == timeless(shown)


def timeless(text: str) -> str:
    """Return what is printed without what differs from run to run."""
    text = re.sub(r"\b\d\d:\d\d:\d\d\b", "TIME", text)
    text = re.sub(r"\b[\d.]+m?s\b", "SPAN", text)
    text = re.sub(r"hostvigil [\d.]+: \d+ checks? from \S+ (is|are)", "hostvigil VERSION: CHECKS are", text)
    return re.sub(r"--config \S+ --state \S+", "PLACES", text)


def test_the_commands_of_the_readme_work(agent: AgentProcess, tmp_path: Path) -> None:
    program = tmp_path / "bin/hostvigil"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m agent.cli "$@"\n')
    program.chmod(0o755)
    places = {"HOSTVIGIL_CONFIG": str(agent.config), "STATE_DIRECTORY": str(agent.state), "PYTHONPATH": str(ROOT)}
    environ = os.environ | places | {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    for block in only("sh"):
        if not block.reason:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text],
                env=environ,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert (done.returncode, done.stderr) == (0, ""), f"line {block.line}:\n{done.stdout}"


def test_every_command_named_in_the_documents_exists() -> None:
    for path in DOCUMENTS:
        named = set(re.findall(r"`(?:/opt/hostvigil/bin/)?hostvigil ([a-z][a-z-]+)", path.read_text()))
        assert named <= COMMANDS.keys(), path.name


def test_every_command_has_its_module() -> None:
    files = (path.stem.replace("_", "-") for path in (ROOT / "agent/cli").glob("[a-z]*.py"))
    modules = {name.partition("-nrpe")[0] for name in files}
    assert modules - {"main", "options", "output", "terminal"} == COMMANDS.keys()


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A checkout with the README's own check type in it."""
    (tmp_path / "agent").symlink_to(ROOT / "agent")
    shutil.copytree(ROOT / "checks", tmp_path / "checks", ignore=shutil.ignore_patterns("__pycache__"))
    (check,) = only("python check")
    (tmp_path / "checks.d").mkdir()
    (tmp_path / "checks.d/queue_length.py").write_text(check.text)
    return tmp_path


def called(house: Path, *arguments: str) -> str:
    """Run Python in the checkout; its output, which must be no complaint."""
    environ = os.environ | {"PYTHONPATH": str(house), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=house, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_check_of_the_readme_passes_the_test_of_the_readme(house: Path) -> None:
    (test,) = only("python test")
    (house / "test_queue_length.py").write_text(test.text)
    assert "2 passed" in called(house, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_queue_length.py")


def test_the_check_of_the_readme_is_configured_and_documented_as_any_other(house: Path) -> None:
    (written,) = only("yaml check")
    (house / "conf.d").mkdir()
    (house / "conf.d/mails.yaml").write_text(written.text.replace("/var/spool/postfix/deferred", str(house)))
    assert "1 check, no problems" in called(house, "-m", "agent.cli", "validate", "--config", "conf.d")
    assert called(house, "-m", "agent.cli", "check", "--config", "conf.d", "mails").startswith("OK: ")
    assert "Warning from this many." in called(house, "-m", "agent.cli", "types", "--config", "conf.d", "queue_length")


def test_what_is_generated_is_current() -> None:
    assert [str(path.relative_to(ROOT)) for path in documents.stale()] == [], "run `make docs`"


def test_the_shipped_schema_is_what_hostvigil_schema_prints(tmp_path: Path) -> None:
    assert called(ROOT, "-m", "agent.cli", "schema") == (ROOT / "conf.d/hostvigil.schema.json").read_text()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", path.read_text()):
        file, _, anchor = target.partition("#")
        found = path.parent / file if file else path
        assert found.exists(), target
        assert not anchor or anchor in anchors(found.read_text()), target


def anchors(text: str) -> set[str]:
    """Return the headings as GitHub names them in links."""
    headings = re.findall(r"(?m)^#+ (.*)$", text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_facts_named_in_the_readme_are_the_code_s() -> None:
    delivery = README.partition("## Delivery")[2].partition("\n## ")[0]
    assert {name for name in OURS if f"`{name}`" not in delivery} == set()
    assert f"`{DEFAULT_CONFIG}`" in README
    assert f"`{ROOT_STATE}`" in README
    flapping = Flapping()
    assert (flapping.high, flapping.low, flapping.formula) == (30, 25, "icinga")
    assert "above 30% of the last 20 results" in README
    assert "ends at 25%: Icinga's formula" in README
