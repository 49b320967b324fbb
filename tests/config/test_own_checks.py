"""Check types of the owner's: from a folder, from an installed package, written by new-check, tested with the kit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.api import Check, CheckError, Context, NumberAbove, critical, judge, ok
from agent.cli.main import main
from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog
from agent.testing import check_type, files, ran, serving
from tests.processes.agent_process import agent_process

QUEUE = """
from agent.api import Check, NumberAbove, judge
import os

class Queue(Check):
    '''Counts files.'''
    folder: str
    warning: NumberAbove | None = None

    def run(self, ctx):
        yield judge("files", len(os.listdir(self.folder)), self.warning, summary="counted")
"""


def test_a_file_in_checks_d_is_a_type_as_soon_as_it_is_there(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        (tmp_path / "checks.d").mkdir()
        (tmp_path / "checks.d" / "queue.py").write_text(QUEUE)
        agent.write("q.yaml", f"checks:\n  mine: {{type: queue, folder: {tmp_path}, warning: 1, interval: 1s}}\n")
        assert agent.call("validate").returncode == 0
        assert agent.call("check", "mine").stdout.startswith("WARNING: counted")
        assert "Counts files." in agent.call("types", "queue").stdout
        assert '"queue"' in agent.call("schema").stdout
        agent.start()
        agent.wait_until(lambda: "WARNING mine" in agent.output(), "the event")


@pytest.mark.parametrize("name", ["none", "check", "number_above", "path", "class"])
def test_a_new_type_may_be_called_like_a_word_of_python_or_of_its_file(name: str, tmp_path: Path) -> None:
    config = tmp_path / "conf.d"
    config.mkdir()
    assert main(["new-check", "--config", str(config), "--state", str(tmp_path), name]) == 0
    assert [str(one) for one in load(config, Catalog(), {}).problems] == []
    assert issubclass(check_type(tmp_path / f"checks.d/{name}.py"), Check)


def test_the_folder_can_be_named_in_the_configuration(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        (tmp_path / "types").mkdir()
        (tmp_path / "types" / "queue.py").write_text(QUEUE)
        agent.write("a.yaml", "agent: {checks_d: ../types}\n")
        agent.write("q.yaml", f"checks:\n  mine: {{type: queue, folder: {tmp_path}}}\n")
        assert agent.call("check", "mine").returncode == 0


def test_a_broken_type_is_a_problem_of_its_checks_alone_and_names_the_line(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        (tmp_path / "checks.d").mkdir()
        (tmp_path / "checks.d" / "queue.py").write_text("import os\nos.nothing\n")
        agent.write("q.yaml", "checks:\n  mine: {type: queue}\n  other: {type: script, command: ['true']}\n")
        done = agent.call("validate")
        assert done.returncode == 1
        assert "queue.py:2: AttributeError" in done.stdout
        assert agent.call("check", "other").returncode == 0


def test_a_changed_type_is_taken_over_by_a_reload(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        (tmp_path / "checks.d").mkdir()
        (tmp_path / "checks.d" / "queue.py").write_text(QUEUE)
        agent.write("q.yaml", f"checks:\n  mine: {{type: queue, folder: {tmp_path}, warning: 1, interval: 1s}}\n")
        agent.start()
        agent.wait_until(lambda: "WARNING mine" in agent.output(), "the event")
        (tmp_path / "checks.d" / "queue.py").write_text(QUEUE.replace("self.warning, ", "None, "))
        assert agent.call("reload").returncode == 0
        agent.wait_until(lambda: "OK mine" in agent.output(), "the recovery")


def test_a_type_of_an_installed_package_is_found_by_its_entry_point(tmp_path: Path) -> None:
    info = files(
        tmp_path,
        {
            "their_checks.py": QUEUE,
            "their_checks-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: their_checks\nVersion: 1.0\n",
            "their_checks-1.0.dist-info/entry_points.txt": "[hostvigil.checks]\ntheir_queue = their_checks:Queue\n",
        },
    )
    with agent_process(tmp_path, {"PYTHONPATH": str(info)}) as agent:
        agent.write("q.yaml", f"checks:\n  mine: {{type: their_queue, folder: {tmp_path}}}\n")
        assert agent.call("check", "mine").stdout.startswith("OK: counted")


def test_new_check_writes_a_type_that_works_with_its_test_and_overwrites_nothing(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        done = agent.call("new-check", "mail_queue")
        assert done.returncode == 0, done.stderr
        assert agent.call("validate").returncode == 0
        assert agent.call("check", "mail_queue").stdout.startswith("OK: ")
        assert agent.call("new-check", "mail_queue").returncode == 2
        assert agent.call("new-check", "disk").returncode == 2
        assert agent.call("new-check", "Bad-Name").returncode == 2
        for name in ("true", "null", "hostvigil", "test_x"):
            assert "means something else in YAML" in agent.call("new-check", name).stderr
    test = tmp_path / "checks.d" / "tests" / "test_mail_queue.py"
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(test)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 passed" in tested.stdout, tested.stdout


# --- the kit ----------------------------------------------------------------------------------------------------------


class Counter(Check):
    """Does a little of everything that the kit can stand in for."""

    limit: NumberAbove = NumberAbove.parse(2)

    def run(self, ctx: Context):  # type: ignore[no-untyped-def]
        ctx.memory["runs"] = ctx.memory.get("runs", 0) + 1
        yield judge("runs", ctx.memory["runs"], None, self.limit, subject="runs")
        yield ok(f"{ctx.shared('table', lambda: 'made')} at {ctx.now():.0f}", "table")


def test_the_kit_hands_memory_on_and_stands_in_for_shared_work_and_the_clock() -> None:
    first = ran(Counter(), shared={"table": "given"}, now=1000.0)
    first.subject("table").is_ok("given at 1000")
    first.subject("runs").is_ok()
    second = ran(Counter(), memory=first.memory)
    second.subject("runs").is_critical("critical from 2")
    assert second.subject("runs").metrics["runs"].value == 2
    assert second.subjects == ["runs", "table"]


def test_what_the_kit_complains_of_says_what_was_wanted_and_what_came() -> None:
    with pytest.raises(AssertionError, match=r"wanted ok(.|\n)*got critical: runs 3"):
        ran(Counter(), memory={"runs": 2}).subject("runs").is_ok()
    with pytest.raises(AssertionError, match="say which"):
        ran(Counter()).is_ok()
    with pytest.raises(AssertionError, match="no subject 'x'"):
        ran(Counter()).subject("x")


class Broken(Check):
    """Has a bug."""

    def run(self, ctx: Context):  # type: ignore[no-untyped-def]
        raise ZeroDivisionError


def test_the_kit_shows_the_traceback_of_a_bug() -> None:
    assert "ZeroDivisionError" in ran(Broken()).bug
    with pytest.raises(AssertionError, match="Traceback"):
        ran(Broken()).is_ok()


class Fetch(Check):
    """Fetches a URL."""

    url: str

    def run(self, ctx: Context):  # type: ignore[no-untyped-def]
        from urllib.error import HTTPError
        from urllib.request import urlopen

        try:
            with urlopen(self.url, timeout=ctx.remaining()) as answer:  # noqa: S310 - the test's own server
                yield ok(answer.read().decode())
        except HTTPError as error:
            with error:
                yield critical(f"{error.code}")
        except OSError as error:
            raise CheckError(str(error)) from error


def test_the_kits_server_answers_what_it_was_told_to() -> None:
    with serving({"/health": (200, "fine"), "/sick": (503, "no")}) as server:
        ran(Fetch(url=f"{server.url}/health")).is_ok("fine")
        ran(Fetch(url=f"{server.url}/sick")).is_critical("503")
        ran(Fetch(url=f"{server.url}/nothing")).is_critical("404")
        assert server.requests == ["GET /health", "GET /sick", "GET /nothing"]
    ran(Fetch(url=f"{server.url}/health")).is_nodata("refused")


def test_check_type_finds_the_class_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "queue.py").write_text(QUEUE)
    ran(check_type(tmp_path / "queue.py")(folder=str(tmp_path))).is_ok("counted")
