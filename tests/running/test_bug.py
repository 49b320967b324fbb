"""An exception of a check type is told with its line in the type's file, and with what to write instead."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from agent.api import Check, Context
from agent.config.types.check_class import check_class
from agent.running.execute import execute

BODIES = {
    "yield ok(str(1 // 0))": "ZeroDivisionError: integer division or modulo by zero (checks.d/mine.py:6)",
    "yield ok(open('/nowhere').read())": "directory: '/nowhere' (checks.d/mine.py:6): where that may happen, raise "
    "CheckError (it could not look), or yield critical",
    "yield ok('x', metrics={})": "(checks.d/mine.py:6): yield each Metric by itself, beside the result",
    "yield Result('OK', 'x')": "write Status.OK, or yield ok(...), warning(...), critical(...), nodata(...)",
    "raise critical('x')": "(checks.d/mine.py:6): yield a result; what is raised is CheckError",
    "raise SystemExit(2)": "SystemExit: 2 (checks.d/mine.py:6): yield a result instead of ending the program",
    "yield ok": "run() yielded ok itself: call it, such as `yield ok(...)`",
    "yield ok(ctx.config)": "(checks.d/mine.py:6): settings are fields of the class (self.name), a log is "
    "logging.getLogger(__name__)",
    "self.x = 1\n        yield ok('')": "(checks.d/mine.py:6): settings stay as they are, ctx.memory remembers",
}
TEXT = '''"""Mine."""
from agent.api import Check, Result, critical, ok
class Mine(Check):
    """Mine."""
    def run(self, ctx):
        '''


def made(folder: Path, body: str) -> Check:
    file = folder / "checks.d" / "mine.py"
    file.parent.mkdir()
    file.write_text(f"{TEXT}{body}\n")
    spec = importlib.util.spec_from_file_location("own_types_of_a_test.mine", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return check_class(module)()


@pytest.mark.parametrize("body", BODIES)
def test_a_bug_is_told_with_its_line_and_what_to_write(body: str, tmp_path: Path) -> None:
    (result,) = execute(made(tmp_path, body), Context(timeout=5)).results
    assert result.summary.startswith("a bug in this check: ")
    assert result.summary.endswith(BODIES[body])


@pytest.mark.parametrize(
    "body",
    [
        "import os; os.chdir('/'); yield ok('')",
        "import os; os.chdir('/'); 1 // 0; yield ok('')",
        "pass\n    async def run(self, ctx):\n        import os; os.chdir('/'); yield ok('')",
    ],
)
def test_the_agent_stays_in_its_folder_whatever_a_check_of_ones_own_does(body: str, tmp_path: Path) -> None:
    here = Path.cwd()
    (result,) = execute(made(tmp_path, body), Context(timeout=5)).results
    assert Path.cwd() == here
    assert ("ZeroDivisionError" if "1 //" in body else "os.chdir() moves the whole agent") in result.summary
