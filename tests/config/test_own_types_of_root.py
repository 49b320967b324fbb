"""Root loads no type that others could change."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from agent.config.types.catalog import Catalog, Folder
from agent.config.types.check_class import CatalogError
from agent.plugin.ownership import weak_spot
from agent.testing import check_type, files, ran
from tests.config.own_types import SHARED, typed
from tests.host import needs
from tests.processes.agent_process import agent_process

ALICE = 65534  # nobody


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
    code = (
        "import os, pkgutil, msgspec; from pathlib import Path; from agent.config.types.catalog import Catalog, Folder"
    )
    code += f"; os.setuid({ALICE}); print(Catalog([Folder(Path({str(checks_d)!r}))]).get('a').__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "Mine\n", done.stderr
