"""Own types with the mistakes that their authors make: each message says what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog
from agent.testing import check_type, ran

HEAD = "from agent.api import *\n"

AT_LOAD = {
    "no argument": (
        "class Q(Check):\n    def run(self):\n        yield ok('x')\n",
        "Q: `run` is called with one argument: write `def run(self, ctx):`",
    ),
    "an argument too much": (
        "class Q(Check):\n    def run(self, ctx, host):\n        yield ok('x')\n",
        "Q: `run` is called with one argument: write `def run(self, ctx):`",
    ),
    "a default as it is written in YAML": (
        "class Q(Check):\n    level: PercentAbove | None = '80%'\n    def run(self, ctx):\n        yield ok('x')\n",
        "Q: the default of 'level' is no PercentAbove: write PercentAbove.parse('80%')",
    ),
    "a number as a level": (
        "class Q(Check):\n    level: NumberAbove = 5\n    def run(self, ctx):\n        yield ok('x')\n",
        "Q: the default of 'level' is no NumberAbove: write NumberAbove.parse(5)",
    ),
    "the name of the package": (
        "from hostvigil.api import ok\n",
        "q.py: No module named 'hostvigil': write `from agent.api import ...`",
    ),
    "a name in an annotation": (
        "class Q(Check):\n    mode: \"Literal['a']\" = 'a'\n    def run(self, ctx):\n        yield ok('x')\n",
        "q.py: NameError: name 'Literal' is not defined",
    ),
}
RUN = "    def run(self, ctx):\n        yield ok('x')\n"
SOUND = {
    "a default that is a number": f"class Q(Check):\n    share: Percent = 80\n{RUN}",
    "a default of its type": f"class Q(Check):\n    level: NumberAbove = NumberAbove.parse(5)\n{RUN}",
    "more arguments with defaults": "class Q(Check):\n    def run(self, ctx, again=3):\n        yield ok('x')\n",
    "any arguments": "class Q(Check):\n    def run(self, *words):\n        yield ok('x')\n",
}
AT_RUN = {
    "a text": ("return 'OK'", "run() returned 'OK': yield a result, such as `yield ok(...)`"),
    "a number": ("return 0", "run() returned 0: yield a result, such as `yield ok(...)`"),
    "a tuple": ("yield ok('x'), Metric('a', 1)", "run() yielded a tuple of results: yield each by itself"),
    "a number for a level": (
        "yield judge('n', 7, 5)",
        "judge: warning is 5 and no level, as NumberAbove.parse(5) is",
    ),
    "a changed setting": ("self.seen = 1", "settings stay as they are, ctx.memory remembers"),
}


def said(folder: Path, text: str, name: str = "q", written: str = "{type: q}") -> list[str]:
    (folder / "conf.d").mkdir()
    (folder / "checks.d").mkdir()
    (folder / "checks.d" / f"{name}.py").write_text(HEAD + text)
    (folder / "conf.d/a.yaml").write_text(f"checks:\n  x: {written}\n")
    return [problem.text for problem in load(folder / "conf.d", Catalog(), {}).problems]


@pytest.mark.parametrize("kind", AT_LOAD)
def test_what_is_wrong_with_a_type_is_a_problem_of_its_checks(kind: str, tmp_path: Path) -> None:
    text, message = AT_LOAD[kind]
    (problem,) = said(tmp_path, text)
    assert problem.startswith("the type 'q' cannot be used: ")
    assert problem.endswith(message)


@pytest.mark.parametrize("kind", SOUND)
def test_what_works_is_taken(kind: str, tmp_path: Path) -> None:
    assert said(tmp_path, SOUND[kind]) == []


@pytest.mark.parametrize("kind", AT_RUN)
def test_what_a_run_gives_wrongly_is_told_with_what_to_write(kind: str, tmp_path: Path) -> None:
    body, message = AT_RUN[kind]
    (tmp_path / "q.py").write_text(f"{HEAD}class Q(Check):\n    def run(self, ctx):\n        {body}\n")
    ran(check_type(tmp_path / "q.py")()).is_nodata(message)


@pytest.mark.parametrize(
    "body", ["return ('port', 'is wrong')", "return ['port']", "yield 'port'", "yield ('port', 5)"]
)
def test_problems_of_another_form_are_the_types_own_fault(body: str, tmp_path: Path) -> None:
    text = f"class Q(Check):\n    def run(self, ctx):\n        yield ok('x')\n    def problems(self):\n        {body}\n"
    problems = said(tmp_path, text)
    assert problems
    assert all("cannot be judged: `problems` of its type gave a" in problem for problem in problems)


@pytest.mark.parametrize(("name", "better"), [("my-check", "my_check"), ("Queue", "queue"), ("2nd", "nd")])
def test_a_file_whose_name_is_no_types_is_named(name: str, better: str, tmp_path: Path) -> None:
    text = "class Q(Check):\n    def run(self, ctx):\n        yield ok('x')\n"
    (problem,) = said(tmp_path, text, name, f"{{type: {name}}}")
    assert problem == (
        f"unknown type '{name}': {tmp_path}/checks.d/{name}.py is there, but a type's name has lower case letters, "
        f"digits and _: call it {better}.py"
    )


def test_the_kit_runs_a_check_and_no_type(tmp_path: Path) -> None:
    (tmp_path / "q.py").write_text(f"{HEAD}class Q(Check):\n{RUN}")
    with pytest.raises(TypeError, match=r"write ran\(Q\(...\)\)"):
        ran(check_type(tmp_path / "q.py"))  # type: ignore[arg-type]
