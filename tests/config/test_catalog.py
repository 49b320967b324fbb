"""Check types by file name, each with its own faults only."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Iterable
from pathlib import Path

import pytest

from agent.api import Context
from agent.config.types.catalog import Catalog, Folder
from agent.config.types.check_class import CatalogError
from tests.checks.looks import found

PREAMBLE = "from agent.api import *\nfrom typing import Annotated\nfrom msgspec import Meta\n"


class Texts:
    """A source of types out of texts, as if each were a file; remembers what was imported."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts
        self.imported: list[str] = []

    def names(self) -> Iterable[str]:
        return self.texts

    def module(self, name: str) -> types.ModuleType:
        self.imported.append(name)
        module = types.ModuleType(f"made_for_tests_{name}")
        sys.modules[module.__name__] = module
        exec(PREAMBLE + self.texts[name], vars(module))  # noqa: S102 - the tests' own texts
        return module


GOOD = "class Good(Check):\n    def run(self, ctx):\n        yield ok('fine')\n"


def test_names_import_nothing_and_a_type_is_imported_when_asked_for() -> None:
    source = Texts({"good": GOOD, "bad": "raise SystemExit"})
    catalog = Catalog([source])
    assert (catalog.names(), source.imported) == (["bad", "good"], [])
    assert catalog.get("good").__name__ == "Good"
    catalog.get("good")
    assert source.imported == ["good"]


def test_the_built_in_types_are_the_files_in_checks() -> None:
    folder = Path(__file__).parents[2] / "checks"
    files = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert set(Catalog().names()) == {name for name in files if not name.startswith("_")}


@pytest.mark.parametrize("name", Catalog().names())
def test_every_built_in_type_can_be_used(name: str) -> None:
    assert Catalog().get(name).__doc__


def test_knowing_the_built_in_names_imports_none_of_them() -> None:
    code = "import sys; from agent.config.types.catalog import Catalog; Catalog().names(); print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in loaded if name.startswith("checks.")] == []


def test_the_first_source_that_has_a_name_gives_it() -> None:
    catalog = Catalog([Texts({"one": GOOD}), Texts({"one": "raise SystemExit"})])
    assert catalog.get("one").__name__ == "Good"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nothing_like_this", "ModuleNotFoundError: No module named 'nothing_like_this'"),
        ("def (", "<string>:4: SyntaxError: "),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("", "no class in it is a Check: write `class Name(Check):`"),
        (GOOD + GOOD.replace("Good", "Other"), "more than one Check in it, write a file for each: Good, Other"),
        ("class Idle(Check):\n    path: str = ''\n", "Idle has no `run`: write `def run(self, ctx):`"),
        (GOOD + "    timeout: int = 3\n", "every check has the setting 'timeout' already"),
        (GOOD + "    limit: NoSuch = 3\n", "NameError: "),
        (GOOD + "    limit: 'Percent | Size | None' = None\n", "TypeError: Type unions may not contain more than one"),
        (GOOD + "    limit: Annotated[int | None, Meta(ge=0)] = None\n", "TypeError: Can only set `ge` on a numeric"),
    ],
)
def test_a_broken_type_says_why_and_breaks_no_other(text: str, reason: str) -> None:
    catalog = Catalog([Texts({"broken": text, "good": GOOD})])
    for _ in range(2):
        with pytest.raises(CatalogError) as caught:
            catalog.get("broken")
        assert str(caught.value).startswith("the type 'broken' cannot be used: ")
        assert reason in str(caught.value)
    assert catalog.get("good")


def test_an_unknown_type_is_told_the_nearest_name_or_all() -> None:
    catalog = Catalog([Texts({"disk": GOOD, "http": GOOD})])
    with pytest.raises(CatalogError, match=r"^unknown type 'dsk', did you mean 'disk'\?$"):
        catalog.get("dsk")
    with pytest.raises(CatalogError, match=r"^unknown type 'x', write one of: disk, http$"):
        catalog.get("x")


# --- a folder of the owner's ------------------------------------------------------------------------------------------


def test_a_file_dropped_into_the_folder_is_a_type(tmp_path: Path) -> None:
    (tmp_path / "queue.py").write_text(PREAMBLE + GOOD)
    (tmp_path / "test_queue.py").write_text("raise AssertionError('not a type')")
    (tmp_path / "Not-A-Name.py").write_text("")
    catalog = Catalog([Folder(tmp_path)])
    assert catalog.names() == ["queue"]
    assert list(found(catalog.get("queue")().run(Context())))


def test_a_folder_that_is_not_there_has_no_types(tmp_path: Path) -> None:
    assert Catalog([Folder(tmp_path / "none")]).names() == []


def test_a_file_named_like_a_standard_module_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text(PREAMBLE + GOOD)
    catalog = Catalog([Folder(tmp_path)])
    assert catalog.get("json").__name__ == "Good"
    import json

    assert json.loads("1") == 1
    assert str(tmp_path) not in sys.path


def test_the_same_version_of_a_file_is_the_same_type_and_a_changed_one_another(tmp_path: Path) -> None:
    file = tmp_path / "queue.py"
    file.write_text(PREAMBLE + GOOD)
    first = Catalog([Folder(tmp_path)]).get("queue")
    assert Catalog([Folder(tmp_path)]).get("queue") is first
    file.write_text(PREAMBLE + GOOD + "\n# changed\n")
    assert Catalog([Folder(tmp_path)]).get("queue") is not first


def test_the_line_of_the_file_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("from agent.api import Check\n\nlimit = 1 / 0\n")
    (tmp_path / "worse.py").write_text("def (\n")
    catalog = Catalog([Folder(tmp_path)])
    with pytest.raises(CatalogError, match=r"bad\.py:3: ZeroDivisionError: division by zero"):
        catalog.get("bad")
    with pytest.raises(CatalogError, match=r"worse\.py:1: SyntaxError"):
        catalog.get("worse")
