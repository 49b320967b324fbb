"""Pages of any width, and readers that go away early or are not there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli.answers.readable import readable
from agent.config.schema import common_page, type_page, working
from agent.config.types.catalog import Catalog


@pytest.mark.parametrize("width", [60, 80, 200])
def test_every_page_reads_well_in_a_terminal(width: int) -> None:
    for name, kind in working(Catalog()).items():
        page = type_page(name, kind)
        text = readable(page, width)
        assert text.startswith(f"type: {name}\n=====")
        assert "```" not in text
        assert "|---|" not in text
        for row in re.findall(r"(?m)^\| `([a-z_.0-9]+)` \|", page):
            assert re.search(rf"(?m)^  {re.escape(row)}  \(", text), f"{name}: {row}"
    assert "  interval  (a time span, default 1m)\n      Time from run to run" in readable(common_page(), width)


def test_prose_is_wrapped_and_code_is_not() -> None:
    page = "### `type: a`\n\n" + "word " * 30 + "\n\n```yaml\n  key: " + "x" * 90 + "\n```\n\n- item " + "word " * 20
    lines = readable(page, 40).splitlines()
    assert all(len(line) <= 40 for line in lines if "xxx" not in line)
    assert "      key: " + "x" * 90 in lines


def test_marks_of_markdown_go_and_stars_within_code_stay() -> None:
    assert readable("A path: `*`, and `**` for **any** folders", 80) == "A path: *, and ** for any folders"


@pytest.mark.parametrize(
    ("words", "unbuffered"),
    [
        *((words, "") for words in (("types",), ("schema",), ("help",), ("check", "--help"), ("--version",))),
        *((words, "1") for words in (("types",), ("help",))),
    ],
)
def test_a_reader_that_goes_away_early_is_no_error(words: tuple[str, ...], unbuffered: str) -> None:
    command = [sys.executable, "-m", "agent.cli", *words]
    environ = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("words", "code"), [(("check", "--config"), 3), (("status", "--config"), 2), (("stauts",), 2), (("events", "x"), 2)]
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_called_wrongly_it_fails_also_where_nobody_reads_why(
    words: tuple[str, ...], code: int, unbuffered: str
) -> None:
    read, write = os.pipe()
    os.close(read)
    command, environ = [sys.executable, "-m", "agent.cli", *words], os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=write, timeout=60, env=environ)
    os.close(write)
    assert (done.returncode, done.stdout) == (code, b"")


@pytest.mark.parametrize("closed_ones", [(1,), (2,), (1, 2), (0, 1, 2)], ids=str)
def test_a_command_whose_output_is_closed_does_its_work_and_writes_it_nowhere(
    closed_ones: tuple[int, ...], tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text("checks: {a: {type: load}}\n")
    shell = "exec " + " ".join(f"{number}{'<' if number == 0 else '>'}&-" for number in closed_ones)
    words = f'{shell}; "$0" -m agent.cli check a --config "$1" --state "$1"'
    done = subprocess.run(["sh", "-c", words, sys.executable, str(tmp_path)], capture_output=True, timeout=60)
    assert done.returncode in (0, 1, 2), done.stderr
    assert b"Traceback" not in done.stderr + done.stdout
