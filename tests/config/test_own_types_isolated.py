"""A type of one's own runs in a process of its own, and whatever happens there is said as what it is."""

from __future__ import annotations

import queue
import sys
from pathlib import Path

import pytest

from agent.api import Check, Context, ok
from agent.config.settings import CheckConfig, Place
from agent.config.types.catalog import Catalog, Folder
from agent.running.child import execute_in_child
from agent.running.runner import Runner
from agent.testing import check_type, files
from tests.config.own_types import typed
from tests.processes.agent_process import agent_process


def test_a_type_of_the_folder_runs_in_a_process_of_its_own_as_the_readme_says(tmp_path: Path) -> None:
    body = "ctx.memory['runs'] = ctx.memory.get('runs', 0) + 1\nyield critical(f'{greeting} from {os.getpid()}')"
    files(tmp_path / "checks.d", {"_common.py": "greeting = 'hello'\n"})
    files(tmp_path / "checks.d", {"mine.py": typed(body, isolation=True, head="from ._common import greeting\n")})
    with agent_process(tmp_path) as agent:
        agent.write("q.yaml", "checks:\n  mine: {type: mine, interval: 30s}\n")
        assert agent.call("check", "mine").stdout.startswith("CRITICAL: hello from ")
        agent.start()
        agent.wait_until(lambda: "hello from " in agent.output(), "the event")
        assert agent.process is not None
        assert f"hello from {agent.process.pid}" not in agent.output()


def test_so_does_a_type_of_an_installed_package(tmp_path: Path) -> None:
    info = files(
        tmp_path / "site",
        {
            "their_checks/__init__.py": "from their_checks.mine import Mine\n",
            "their_checks/mine.py": typed("yield ok('fine')", isolation=True),
            "their_checks-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: their_checks\nVersion: 1.0\n",
            "their_checks-1.0.dist-info/entry_points.txt": "[hostvigil.checks]\ntheirs = their_checks.mine\n",
        },
    )
    with agent_process(tmp_path, {"PYTHONPATH": str(info)}) as agent:
        agent.write("q.yaml", "checks:\n  mine: {type: theirs}\n")
        assert agent.call("check", "mine").stdout.startswith("OK: fine")


def isolated(tmp_path: Path, body: str, timeout: float = 20.0, head: str = "") -> tuple[str, str]:
    """Return what a run in a process of its own said, and its traceback."""
    (tmp_path / "mine.py").write_text(typed(body, isolation=True, head=head))
    output = execute_in_child(check_type(tmp_path / "mine.py")(), Context("mine", timeout))
    return f"{output.results[0].status.value}: {output.results[0].summary}", output.bug


def test_a_hang_is_named_by_the_types_own_line(tmp_path: Path) -> None:
    said, _ = isolated(tmp_path, "import threading\nthreading.Event().wait()\nyield ok('late')", timeout=1.5)
    assert said == "nodata: did not finish within 1.5s, hangs in run (" + (
        f"{tmp_path.name}/mine.py:10), its process was killed"
    )


def test_in_the_agent_itself_a_hang_is_named_in_the_same_way(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(typed("import threading\nthreading.Event().wait(30)\nyield ok('late')"))
    outcomes: queue.Queue[object] = queue.Queue()
    check = Catalog([Folder(tmp_path)]).get("mine")()
    Runner(outcomes.put).start(CheckConfig("mine", "mine", check, Place("x"), timeout=0.1), 0)
    assert "hangs in run (" + f"{tmp_path.name}/mine.py:10)" in str(outcomes.get(timeout=20))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise RuntimeError('oops')\nyield", "nodata: a bug in this check: RuntimeError: oops"),
        ("raise CheckError('no disk')\nyield", "nodata: no disk"),
        ("ctx.memory['x'] = object()\nyield ok('fine')", "nodata: a bug in this check: it said what cannot be written"),
        ("os._exit(3)\nyield", "nodata: its process ended without an answer (exit 3)"),
        ("os.kill(os.getpid(), 11)\nyield", "nodata: its process ended without an answer (killed by SIGSEGV)"),
        ("os.fork() or time.sleep(600)\nyield ok('fine')", "ok: fine"),
        ("print('to nobody')\nyield ok('fine')", "ok: fine"),
    ],
)
def test_whatever_happens_there_is_said_as_what_it_is(tmp_path: Path, body: str, said: str) -> None:
    assert isolated(tmp_path, body)[0].startswith(said)


def test_what_breaks_in_the_machinery_is_no_hang(tmp_path: Path) -> None:
    said, bug = isolated(tmp_path, "yield ok('fine')", head="import sys\nassert 'agent.cli' not in sys.modules or 1\n")
    assert (said, bug) == ("ok: fine", "")
    # The class is no longer the one that its file makes: pickle refuses it.
    (tmp_path / "mine.py").write_text(typed("yield ok('fine')", isolation=True))
    check = check_type(tmp_path / "mine.py")()
    (tmp_path / "mine.py").write_text("raise RuntimeError('half written')\n")
    outcomes: queue.Queue[object] = queue.Queue()
    Runner(outcomes.put).start(CheckConfig("mine", "mine", check, Place("x"), timeout=20.0), 0)
    told = str(outcomes.get(timeout=30))
    assert "cannot be loaded in a process of its own: RuntimeError: half written" in told


class Local(Check):
    """Cannot be pickled once its name is gone."""

    isolation = "process"

    def run(self, ctx: Context):  # type: ignore[no-untyped-def]
        yield ok("fine")


def test_a_check_that_cannot_be_handed_over_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    check = Local()
    monkeypatch.delitem(globals(), "Local")
    outcomes: queue.Queue[object] = queue.Queue()
    Runner(outcomes.put).start(CheckConfig("mine", "mine", check, Place("x"), timeout=20.0), 0)
    assert "cannot be run in a process of its own: PicklingError" in str(outcomes.get(timeout=30))


def test_the_child_looks_for_nothing_in_the_current_folder_or_where_variables_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = "import os; open(os.path.join(os.path.dirname(__file__), 'ran'), 'w'); raise SystemExit\n"
    names = ("agent/__init__", "msgspec/__init__", "json", "pickle", "sitecustomize", "usercustomize")
    here = files(tmp_path / "here", {f"{name}.py": trap for name in names})
    monkeypatch.chdir(here)
    monkeypatch.setenv("PYTHONPATH", str(here))
    monkeypatch.setattr(sys, "path", ["", ".", *sys.path])
    assert isolated(tmp_path, "yield ok(os.getcwd())")[0] == f"ok: {here}"
    assert not list(here.rglob("ran"))


def test_the_agents_environment_reaches_the_check_and_no_process_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "hunter2hunter2")
    body = """
try:
    shown = open(f'/proc/{os.getpid()}/environ').read()
except PermissionError:
    shown = 'closed to its own user'
yield ok(os.environ['API_KEY'] + str('hunter2' in shown))
"""
    assert isolated(tmp_path, body)[0] == "ok: hunter2hunter2False"


def test_it_has_no_more_time_than_its_parent_gives_it(tmp_path: Path) -> None:
    said, _ = isolated(tmp_path, "time.sleep(ctx.remaining())\nyield ok('in time')", timeout=3.0)
    assert said in (
        "ok: in time",
        "nodata: did not finish within 3s, hangs in run (" + f"{tmp_path.name}/mine.py:9), its process was killed",
    )
