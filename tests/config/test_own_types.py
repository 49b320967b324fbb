"""The owner's types: they share code, run in processes of their own, and as root only what root alone may write."""

from __future__ import annotations

import os
import py_compile
import queue
import subprocess
import sys
from pathlib import Path

import pytest

from agent.api import Check, CheckError, Context, ok
from agent.cli.main import main
from agent.config.catalog import Catalog, Folder
from agent.config.check_class import CatalogError
from agent.config.drop_ins import load
from agent.config.own_types import OwnTypeError, load_file
from agent.config.settings import CheckConfig, Place
from agent.model import Status
from agent.plugin.ownership import weak_spot
from agent.running.child import execute_in_child
from agent.running.runner import Runner
from agent.testing import check_type, files, ran
from tests.host import needs
from tests.processes.agent_process import agent_process

ALICE = 65534  # nobody

TYPE = """
from agent.api import Check, CheckError, Metric, critical, judge, ok
import os, sys, time

class Mine(Check):
    '''What a test wants.'''
    {isolation}
    def run(self, ctx):
        {body}
"""


def typed(body: str, isolation: bool = False, head: str = "") -> str:
    inside = body.replace("\n", "\n        ")
    return head + TYPE.format(body=inside, isolation="isolation = 'process'" if isolation else "")


SHARED = typed("yield ok(greeting)", head="from ._common import greeting\n")


@pytest.fixture
def folder(open_folder: Path) -> Path:
    return open_folder


# --- shared code ------------------------------------------------------------------------------------------------------


def test_two_types_share_a_file_that_begins_with_an_underscore(tmp_path: Path) -> None:
    texts = {"checks.d/_common.py": "greeting = 'hello'\n", "checks.d/a.py": SHARED, "checks.d/b.py": SHARED}
    files(tmp_path, texts)
    with agent_process(tmp_path) as agent:
        agent.write("q.yaml", "checks:\n  a: {type: a}\n  b: {type: b}\n")
        assert agent.call("validate").returncode == 0
        for name in ("a", "b"):
            assert agent.call("check", name).stdout.startswith("OK: hello")
        assert "_common" not in agent.call("types").stdout


def test_shared_code_may_be_a_package_and_share_code_itself(tmp_path: Path) -> None:
    texts = {
        "_lib/__init__.py": "from .words import hello\n",
        "_lib/words.py": "from .._low import low\nhello = low.upper()\n",
        "_low.py": "low = 'hello'\n",
        "a.py": typed("from ._lib import words\nyield ok(words.hello)"),
    }
    files(tmp_path, texts)
    ran(check_type(tmp_path / "a.py")()).is_ok("HELLO")


def test_a_class_that_types_build_upon_is_shared_and_is_no_type_itself(tmp_path: Path) -> None:
    fields = "class Base(Check):\n    greeting: str = 'hello'\n"
    files(tmp_path, {"_base.py": typed("yield ok(self.greeting)").replace("class Mine(Check):", fields)})
    for name in ("a", "b"):
        text = f"from ._base import Base\n\nclass Own(Base):\n    who: str = '{name}'\n    isolation = 'process'\n"
        (tmp_path / f"{name}.py").write_text(text)
    catalog = Catalog([Folder(tmp_path)])
    assert "a" in catalog.names()
    assert "_base" not in catalog.names()
    for name in ("a", "b"):
        check = catalog.get(name)(greeting="hi")
        ran(check).is_ok("hi")
        assert execute_in_child(check, Context("x", 20.0)).results[0].summary == "hi"


def test_two_folders_with_files_of_the_same_names_are_no_concern_of_each_other(tmp_path: Path) -> None:
    for name in ("one", "two"):
        files(tmp_path / name, {"_common.py": f"greeting = '{name}'\n", "a.py": SHARED})
    first, second = (check_type(tmp_path / name / "a.py") for name in ("one", "two"))
    ran(first()).is_ok("one")
    ran(second()).is_ok("two")


def test_shared_code_that_has_changed_is_taken_over(tmp_path: Path) -> None:
    files(tmp_path, {"_common.py": "greeting = 'hello'\n", "a.py": SHARED})
    first = Catalog([Folder(tmp_path)]).get("a")
    assert Catalog([Folder(tmp_path)]).get("a") is first
    (tmp_path / "_common.py").write_text("greeting = 'good day'\n")
    ran(Catalog([Folder(tmp_path)]).get("a")()).is_ok("good day")


def test_nothing_of_the_folder_takes_a_place_in_the_standard_library(tmp_path: Path) -> None:
    names = ("http", "json", "_thread", "queue", "_json")
    files(tmp_path, {f"{name}.py": "raise AssertionError('shadowed')\n" for name in names})
    text = typed("import http.client, json, queue, _json\nyield ok(json.dumps(1))")
    files(tmp_path, {"a.py": text})
    ran(check_type(tmp_path / "a.py")()).is_ok("1")


@pytest.mark.parametrize("name", ["_common", "common"])
def test_an_import_without_the_dot_says_how_code_is_shared(tmp_path: Path, name: str) -> None:
    files(tmp_path, {f"{name}.py": "greeting = 'hello'\n", "a.py": SHARED.replace("._common", name)})
    with pytest.raises(CatalogError, match=r"call the file _common\.py and write `from \._common import \.\.\.`"):
        Catalog([Folder(tmp_path)]).get("a")


def test_a_bug_in_shared_code_is_named_by_its_own_line(tmp_path: Path) -> None:
    files(tmp_path, {"_common.py": "\n1 / 0\n", "a.py": SHARED})
    with pytest.raises(CatalogError, match=r"_common\.py:2: ZeroDivisionError"):
        Catalog([Folder(tmp_path)]).get("a")


# --- processes of their own -------------------------------------------------------------------------------------------


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


# --- as root ----------------------------------------------------------------------------------------------------------


TRAP = typed("yield ok('fine')") + "\nopen({ran!r}, 'w').close()\n"


def trap(folder: Path) -> str:
    return TRAP.replace("{ran!r}", repr(str(folder / "ran")))


@pytest.mark.parametrize("command", [("validate",), ("types",), ("types", "evil"), ("check", "x"), ("schema",)])
def test_root_runs_no_type_that_others_could_change(folder: Path, command: tuple[str, ...]) -> None:
    needs.root()
    checks_d = files(folder, {"checks.d/evil.py": trap(folder)}) / "checks.d"
    with agent_process(folder) as agent:
        agent.write("q.yaml", "checks:\n  x: {type: evil}\n")
        # By one command in each way, by the others in one.
        ways = ((ALICE, 0o755), (0, 0o777)) if command == ("validate",) else ((ALICE, 0o755),)
        for path in (checks_d, checks_d / "evil.py"):
            for owner, mode in ways:
                os.chown(path, owner, 0)
                path.chmod(mode)
                done = agent.call(*command)
                assert not (folder / "ran").exists()
                if command in (("validate",), ("check", "x")):
                    assert "refused to load" in done.stdout
            os.chown(path, 0, 0)
            path.chmod(0o755)
        agent.call(*command)
        assert (folder / "ran").exists()


def test_everything_that_python_would_take_code_from_is_judged(folder: Path) -> None:
    needs.root()
    checks_d = folder / "checks.d"
    files(checks_d, {"_common.py": "greeting = 'hello'\n", "_lib/__init__.py": "", "_lib/low.py": "", "a.py": SHARED})
    files(checks_d, {"b.py": typed("from ._lib import low\nyield ok('fine')")})
    os.chown(checks_d / "_common.py", ALICE, 0)
    with pytest.raises(CatalogError, match=r"refused to load .*_common\.py: .* belongs to nobody"):
        Catalog([Folder(checks_d)]).get("a")
    os.chown(checks_d / "_common.py", 0, 0)
    assert Catalog([Folder(checks_d)]).get("a")
    (checks_d / "_lib").chmod(0o777)
    kind = Catalog([Folder(checks_d)]).get("b")
    assert "everybody may write" in ran(kind()).is_nodata("refused to load").result.summary


def test_byte_code_and_libraries_are_no_types_and_no_shared_code(folder: Path) -> None:
    """What lies in __pycache__ with the right date is what Python itself would run."""
    checks_d = files(folder / "checks.d", {"a.py": typed("yield ok('source')"), "_common.py": ""})
    evil = folder / "evil.py"
    evil.write_text(typed("yield ok('byte code')"))
    (checks_d / "__pycache__").mkdir()
    tag = sys.implementation.cache_tag
    py_compile.compile(
        str(evil),
        cfile=str(checks_d / "__pycache__" / f"a.{tag}.pyc"),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        doraise=True,
    )
    py_compile.compile(str(evil), cfile=str(checks_d / "_other.pyc"), doraise=True)
    ran(check_type(checks_d / "a.py")()).is_ok("source")
    (checks_d / "b.py").write_text(typed("yield ok('x')", head="from . import _other\n"))
    with pytest.raises(ImportError):
        check_type(checks_d / "b.py")
    assert [path.name for path in (checks_d / "__pycache__").iterdir()] == [f"a.{tag}.pyc"]


def test_who_is_not_root_loads_what_he_may_read(folder: Path) -> None:
    needs.root()
    checks_d = files(folder / "checks.d", {"a.py": typed("yield ok('fine')")})
    os.chown(checks_d, ALICE, ALICE)
    checks_d.chmod(0o777)
    assert weak_spot(str(checks_d))
    code = "import os, pkgutil, msgspec; from pathlib import Path; from agent.config.catalog import Catalog, Folder; "
    code += f"os.setuid({ALICE}); print(Catalog([Folder(Path({str(checks_d)!r}))]).get('a').__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "Mine\n", done.stderr


# --- names ------------------------------------------------------------------------------------------------------------


def test_a_type_named_like_a_built_in_is_said_and_wins_only_where_the_settings_say_so(tmp_path: Path) -> None:
    files(tmp_path, {"checks.d/file.py": typed("yield ok('mine')"), "conf.d/a.yaml": "checks:\n  x: {type: reboot}\n"})
    (problem,) = load(tmp_path / "conf.d", Catalog(), {}).problems
    assert str(problem).endswith(
        "checks.d/file.py:1:1: a built-in type is called 'file' and stays in force: rename the file, "
        "or write under `agent:` `replace_types: [file]`"
    )
    files(tmp_path, {"conf.d/a.yaml": "agent: {replace_types: [file]}\nchecks:\n  x: {type: file}\n"})
    config = load(tmp_path / "conf.d", Catalog(), {})
    assert config.problems == ()
    ran(config.checks["x"].check).is_ok("mine")
    files(tmp_path, {"conf.d/a.yaml": "agent: {replace_types: [file, disc]}\nchecks:\n  x: {type: file}\n"})
    (problem,) = load(tmp_path / "conf.d", Catalog(), {}).problems
    assert "disc.py:1:1: agent.replace_types names it" in str(problem)


# --- what authors meet ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("yield Metric('a', 1)", "the check said only metrics, no result: yield ok(...) as well"),
        ("return judge('a', 1)", "run() returned a Result: yield it instead"),
        ("return Metric('a', 1)", "run() returned a Metric: yield it instead"),
        ("pass", "run() returned nothing: yield a result, such as `yield ok(...)`"),
        ("if False: yield", "the check said nothing: yield a result, such as ok(...)"),
    ],
)
def test_a_run_that_gives_no_result_is_told_what_to_write(tmp_path: Path, body: str, said: str) -> None:
    (tmp_path / "a.py").write_text(typed(body))
    assert said in ran(check_type(tmp_path / "a.py")()).is_nodata().result.summary


@pytest.mark.parametrize("isolation", [False, True])
def test_names_of_any_bytes_can_be_told_and_remembered(tmp_path: Path, isolation: bool) -> None:
    body = "name = os.fsdecode(b'\\xff')\nyield ok(f'{len(ctx.memory)} {name}', name)\nctx.memory[name] = [name]"
    files(tmp_path / "checks.d", {"a.py": typed(body, isolation=isolation, head="import os\n")})
    with agent_process(tmp_path) as agent:
        agent.write("q.yaml", "checks:\n  a: {type: a, interval: 4s}\n")
        agent.start()
        agent.wait_until(
            lambda: [one["summary"][:1] for one in agent.status()["checks"] if one["check"] == "a"] == ["1"],
            "a second run that remembers the first",
        )


def test_what_an_own_check_prints_does_not_come_before_the_first_line_of_a_plugin(tmp_path: Path) -> None:
    for isolation in (False, True):
        files(tmp_path / "checks.d", {"a.py": typed("print('debugging')\nyield ok('fine')", isolation=isolation)})
        with agent_process(tmp_path) as agent:
            agent.write("q.yaml", "checks:\n  a: {type: a}\n")
            done = agent.call("check", "a")
            assert (done.stdout.startswith("OK: fine"), "debugging" in done.stderr) == (True, True)


class Remembers(Check):
    """Counts its runs, and fails where it is told to."""

    fail: str = ""

    def run(self, ctx: Context):  # type: ignore[no-untyped-def]
        ctx.memory["runs"] = ctx.memory.get("runs", 0) + 1
        ctx.memory.setdefault("list", []).append(1)
        if self.fail == "world":
            raise CheckError("no disk")
        if self.fail == "bug":
            raise ZeroDivisionError
        ctx.memory["kept"] = {"json": object(), "circle": ctx.memory}.get(self.fail, (1, 2))
        yield ok("fine")


def test_the_kit_keeps_memory_as_the_agent_does() -> None:
    first = ran(Remembers())
    assert first.memory == {"runs": 1, "list": [1], "kept": [1, 2]}
    for how in ("world", "bug", "json", "circle"):
        failed = ran(Remembers(fail=how), memory=first.memory).is_nodata()
        assert failed.memory == first.memory == {"runs": 1, "list": [1], "kept": [1, 2]}
    assert ran(Remembers(), memory=first.memory).memory["runs"] == 2
    assert ran(Remembers(fail="json")).result.status is Status.NODATA


def test_one_file_of_types_that_is_broken_hides_no_other_type(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.yaml").write_text("checks: {a: {type: load}}\n")
    (tmp_path / "checks.d" / "afolder.py").mkdir(parents=True)
    (tmp_path / "checks.d" / "broken.py").write_text("def")
    assert main(["types", "--config", str(tmp_path / "conf.d")]) == 2
    said = capsys.readouterr()
    assert "disk" in said.out
    assert f"'afolder' cannot be used: {tmp_path}/checks.d/afolder.py: Is a directory\n" in said.err
    assert "'broken' cannot be used: " in said.err


@pytest.mark.parametrize(
    "end", ["os._exit(3)", "os.abort()", "os.execv('/bin/true', ['x'])", "os.execlp('true', 'x')", "posix._exit(3)"]
)
def test_an_import_that_would_end_the_agent_is_a_problem_of_its_file(tmp_path: Path, end: str) -> None:
    file = tmp_path / "bad.py"
    file.write_text(f"import os, posix\nif not os.fork():\n    os._exit(0)\nos.wait()\n{end}\n")
    with pytest.raises(OwnTypeError, match=r"bad.py: calls os.\w+ when it is imported, which would end the agent"):
        load_file(file)
    child = os.fork()
    if not child:
        os._exit(5)  # nobody else is kept from it
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
