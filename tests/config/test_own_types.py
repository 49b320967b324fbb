"""Types of one's own: shared code, names, and what their authors meet."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.api import Check, CheckError, Context, ok
from agent.cli.main import main
from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog, Folder
from agent.config.types.check_class import CatalogError
from agent.config.types.own_types import OwnTypeError, load_file
from agent.model import Status
from agent.running.child import execute_in_child
from agent.testing import check_type, files, ran
from tests.config.own_types import SHARED, typed
from tests.processes.agent_process import agent_process

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
