"""What the documents say is so: blocks are run or loaded, generated parts are current, links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pytest

from agent.cli.options import COMMANDS
from agent.cli.places import DEFAULT_CONFIG, ROOT_STATE
from agent.config.drop_ins import load
from agent.config.tags import OURS
from agent.config.types.catalog import Catalog
from agent.model import Flapping
from tests.documents.making import stale
from tests.documents.reference_examples import EXAMPLES
from tests.processes.agent_process import AgentProcess, agent_process

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("packaging/*.md")])
ON_A_SERVER = {"installation.md", "operations.md", "fleet.md"}
"""Their commands change a whole system: `tests/install` tries them in systems of their own."""
PAGES = [path for path in [README, *sorted(DOCS.glob("*.md"))] if path.name not in ON_A_SERVER]
KINDS = {"sh", "sh demo", "text", "json", "python", "yaml", "yaml wrong", "yaml check", "python check", "python test"}


class Block(NamedTuple):
    """A fenced block; `kind` is what stands behind the fence, `reason` why no test runs it."""

    page: Path
    kind: str
    text: str
    line: int
    reason: str


def blocks(page: Path) -> list[Block]:
    fenced = (
        r"(?ms)(?:^<!-- not run by a test(?:[ \w]*): (?P<reason>[^\n]*) -->\n)?^```(?P<kind>[^\n]+)\n(?P<text>.*?)^```$"
    )
    text = page.read_text()
    return [
        Block(page, match["kind"], match["text"], text.count("\n", 0, match.start()) + 1, match["reason"] or "")
        for match in re.finditer(fenced, text)
    ]


BLOCKS = [block for page in PAGES for block in blocks(page)]


def only(kind: str, page: Path | None = None) -> list[Block]:
    return [block for block in BLOCKS if block.kind == kind and page in (None, block.page)]


def name(thing: Block | Path) -> str:
    return f"{thing.page.name}:{thing.line}" if isinstance(thing, Block) else thing.name


def test_the_readme_is_read_in_ten_minutes() -> None:
    assert len(README.read_text().splitlines()) <= 172


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_is_of_a_kind_that_is_tested(page: Path) -> None:
    assert {block.kind for block in blocks(page)} <= KINDS
    assert len(re.findall(r"(?m)^ *```", page.read_text())) == 2 * len(blocks(page))


@pytest.mark.parametrize("block", only("yaml"), ids=name)
def test_a_block_of_configuration_has_no_problem(block: Block, tmp_path: Path) -> None:
    assert set(re.findall(r"(?m)^(\w+):", block.text)) <= {"agent", "defaults", "checks"}
    for file in re.findall(r"\$\{file:([^}]+)\}", block.text):
        (tmp_path / Path(file).name).write_text("https://example.com/hook" if file.endswith("_url") else "of_a_test")
    token = tmp_path / "page_token"
    token.write_text("a-token-of-a-test-with-enough-letters\n")
    token.chmod(0o600)
    written = re.sub(r"\$\{file:[^}]*/([^/}]+)\}", rf"${{file:{tmp_path}/\1}}", block.text)
    (tmp_path / "page.yaml").write_text(written.replace("/etc/hostvigil/page_token", str(token)))
    if not re.search(r"(?m)^checks:", block.text):
        (tmp_path / "another.yaml").write_text("checks: {another: {type: load}}\n")
    assert [str(problem) for problem in load(tmp_path, Catalog(), {}).problems] == []


@pytest.mark.parametrize("block", only("json"), ids=name)
def test_a_block_of_json_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", only("python"), ids=name)
def test_a_block_of_python_runs(block: Block, tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(block.text)
    with patch.dict(os.environ):  # an example may set something, and other tests see this process's environment
        runpy.run_path(str(tmp_path / "example.py"))


def test_each_name_of_the_api_has_an_example_of_its_own() -> None:
    for one, text in EXAMPLES.items():
        assert re.search(rf"\b{one}\b", text) or one in ("Level", "Ran", "HttpServer", "Context"), one


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
        (line,) = re.findall(r"^echo '(checks: .*)' > conf.d/flag.yaml$", README.read_text(), re.MULTILINE)
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
    shown = next(block.text for block in only("text", README) if "CRITICAL flag" in block.text)
    assert timeless(agent.output().replace(str(tmp_path), "/tmp")).endswith("\n" + timeless(shown))


def test_the_status_of_a_server_looks_as_the_readme_shows(tmp_path: Path) -> None:
    (shown,) = [block.text for block in only("text", README) if "agent running" in block.text]
    found = re.findall(r"(?m)^(ok|warning|critical) +(\w\S*) +\d+s  next in 1s  (?:\[silenced\] )?(.*)$", shown)
    with agent_process(tmp_path) as agent:
        script = "{{type: script, interval: 2s, command: [sh, -c, 'echo {}; exit {}']}}"
        exits = {"ok": 0, "warning": 1, "critical": 2}
        checks = "".join(f"  {check}: {script.format(text, exits[status])}\n" for status, check, text in found)
        agent.write("checks.yaml", f"checks:\n{checks}")
        agent.start()
        agent.wait_until(lambda: "2 critical, 1 warning, 4 ok" in agent.call("status").stdout, "a result of each")
        agent.call("silence", "orders", "--for", "1h")
        agent.wait_until(lambda: "the last" in agent.call("status").stdout, "the events")
        assert shape(agent.call("status").stdout) == shape(shown)


def shape(status: str) -> list[str]:
    """Return the lines without times, numbers of processes and the width of columns."""
    status = re.sub(r"next in \S+|\b\d+m?s\b|pid \d+", "", status)
    return [" ".join(line.split()) for line in status.splitlines()]


def timeless(text: str) -> str:
    """Return what is printed without what differs from run to run."""
    text = re.sub(r"\b\d\d:\d\d:\d\d\b", "TIME", text)
    return re.sub(r"\b[\d.]+m?s\b", "SPAN", text)


@pytest.mark.slow
def test_the_demonstration_works_pasted_as_it_stands_where_the_setup_is_slow(tmp_path: Path) -> None:
    """`make` is a stand-in that takes its time, makes what the real one makes, and starts the agent as it does."""
    (tmp_path / "conf.d").mkdir()
    program = f'#!/bin/sh\nexec {sys.executable} -m agent.cli "$@"\n'
    run = "exec .venv/bin/hostvigil run --config conf.d --state .state --at-once"
    put(tmp_path / "made/hostvigil", program)
    put(tmp_path / "made/activate", 'PATH="$PWD/.venv/bin:$PATH"\n')
    put(tmp_path / "bin/make", f"#!/bin/sh\nsleep 3\nmkdir .venv && cp -r made .venv/bin\n{run}\n")
    pasted = "".join(block.text for block in only("sh demo")).replace("/tmp/flag", f"{tmp_path}/flag")
    with subprocess.Popen(
        ["bash", "-emuo", "pipefail", "-c", pasted + "wait || true\n"],
        env=os.environ | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            said, _ = shell.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            raise
    assert shell.returncode == 0, said
    assert not (tmp_path / "conf.d/flag.yaml").exists()


def put(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.mark.parametrize("page", sorted({block.page for block in only("sh") if not block.reason}), ids=name)
def test_the_commands_of_a_page_work_in_its_order(page: Path, agent: AgentProcess, tmp_path: Path) -> None:
    put(tmp_path / "bin/hostvigil", f'#!/bin/sh\nexec {sys.executable} -m agent.cli "$@"\n')
    places = {"HOSTVIGIL_CONFIG": str(agent.config), "STATE_DIRECTORY": str(agent.state), "PYTHONPATH": str(ROOT)}
    environ = os.environ | places | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    for block in only("sh", page):
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
            assert (done.returncode, done.stderr) == (0, ""), f"{name(block)}:\n{done.stdout}"


def test_every_command_named_in_the_documents_exists() -> None:
    for path in DOCUMENTS:
        named = set(re.findall(r"`(?:/opt/hostvigil/bin/)?hostvigil ([a-z][a-z-]+)", path.read_text()))
        assert named <= COMMANDS.keys(), path.name


def test_every_command_has_its_module() -> None:
    files = (path.stem.replace("_", "-") for path in (ROOT / "agent/cli").glob("[a-z]*.py"))
    modules = {name.partition("-nrpe")[0] for name in files}
    assert modules - {"arguments", "main", "options", "output", "places", "terminal", "words"} == COMMANDS.keys()


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A checkout with the README's own check type in it."""
    (tmp_path / "agent").symlink_to(ROOT / "agent")
    shutil.copytree(ROOT / "checks", tmp_path / "checks")
    (check,) = only("python check")
    (tmp_path / "checks.d").mkdir()
    (tmp_path / "checks.d/queue_length.py").write_text(check.text)
    return tmp_path


def called(house: Path, *arguments: str) -> str:
    """Run Python in the checkout; its output, which must be no complaint."""
    environ = os.environ | {"PYTHONPATH": str(house)}
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
    assert [str(path.relative_to(ROOT)) for path in stale()] == [], "run `make docs`"


def test_the_shipped_schema_is_what_hostvigil_schema_prints(tmp_path: Path) -> None:
    assert called(ROOT, "-m", "agent.cli", "schema") == (ROOT / "conf.d/hostvigil.schema.json").read_text()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", path.read_text()):
        file, _, anchor = target.partition("#")
        found = path.parent / file if file else path
        assert found.exists(), target
        assert not anchor or anchor in anchors(found.read_text()), target


def test_every_file_of_ours_that_is_named_exists() -> None:
    """Placeholders have capitals or a wildcard in them."""
    named = r"`((?:agent|checks|docs|tests)/[a-z0-9_./-]+)`"
    for path in DOCUMENTS:
        for file in re.findall(named, path.read_text()):
            assert (ROOT / file).exists(), f"{path.name} names {file}"


def anchors(text: str) -> set[str]:
    """Return the headings as GitHub names them in links."""
    headings = re.findall(r"(?m)^#+ (.*)$", text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_facts_named_in_the_documents_are_the_code_s() -> None:
    destinations, silences = (DOCS / "destinations.md").read_text(), (DOCS / "silences.md").read_text()
    tags = destinations.partition("### Tags")[2].partition("\n## ")[0]
    assert {tag for tag in OURS if f"`{tag}`" not in tags} == set()
    assert f"`{DEFAULT_CONFIG}`" in (DOCS / "configuration.md").read_text()
    assert f"`{ROOT_STATE}`" in (DOCS / "commands.md").read_text()
    flapping = Flapping()
    assert (flapping.high, flapping.low, flapping.formula) == (30, 25, "icinga")
    assert "above 30% of the last 20 results" in silences
    assert re.search(r"It\s+ends at 25%: Icinga's formula", silences)


def test_the_number_of_types_in_the_readme_is_right() -> None:
    types = len(list(Catalog().names()))
    assert re.findall(r"\b(\d+) types\b", README.read_text()) == [str(types), str(types)]
