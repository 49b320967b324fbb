"""hostvigil new-check NAME: a new check type that works, its drop-in and its test, to start from."""

from __future__ import annotations

import argparse
import keyword
import re
from pathlib import Path

from agent.cli.answers.missing import hanging
from agent.cli.output import fail
from agent.config.drop_ins import load, own_types
from agent.config.rules import OWN_NAME
from agent.config.types.catalog import Catalog

RESERVED = ("true", "false", "null", OWN_NAME)
"""A check is called like its type: as a key these are no text, or the agent's own check."""
TYPE = '''"""Check type `{name}`: what it looks at, in a line."""

import os

from agent.api import Check, CheckError, NumberAbove, judge


class {cls}(Check):
    """Counts the files in a folder.

    This text is the documentation: `hostvigil types {name}` shows it.
    """

    # The settings, with their defaults; a setting without a default must be written.
    folder: str = "/tmp"
    warning: NumberAbove | None = NumberAbove.parse(10_000)
    critical: NumberAbove | None = None

    def run(self, ctx):
        try:
            count = len(os.listdir(self.folder))
        except OSError as error:
            # "I could not look" is nodata, with this reason. Any other exception is a bug, and nodata too.
            raise CheckError(f"{{self.folder}}: {{error.strerror}}") from error
        yield judge("files", count, self.warning, self.critical, summary=f"{{count}} files in {{self.folder}}")
'''

DROP_IN = """# yaml-language-server: $schema=hostvigil.schema.json
checks:
  {name}:
    type: {name}
    interval: 5m
    folder: /tmp
    warning: 10000
    description: What it means when this is not ok, for whoever is called at night.
"""

TEST = '''"""Run with: python -m pytest {test}"""

from pathlib import Path

from agent.api import NumberAbove
from agent.testing import check_type, ran

{cls} = check_type(Path(__file__).parent.parent / "{name}.py")


def test_few_files_are_ok(tmp_path):
    ran({cls}(folder=str(tmp_path))).is_ok("0 files")


def test_too_many_files_are_a_warning(tmp_path):
    for name in ("one", "two", "three"):
        (tmp_path / name).touch()
    now = ran({cls}(folder=str(tmp_path), warning=NumberAbove.parse(3)))
    now.is_warning("3 files")
    assert now.metrics["files"].value == 3


def test_a_folder_that_is_not_there_is_nodata(tmp_path):
    ran({cls}(folder=str(tmp_path / "none"))).is_nodata("No such file")
'''


def main(options: argparse.Namespace) -> int:
    """Exits 0; 2 when the name cannot be used, or something of that name is there already: nothing is overwritten."""
    name = options.name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return fail(f"{name!r} is no name for a type: write lower case letters, digits and _, beginning with a letter")
    if name in RESERVED or name.startswith("test_"):
        return fail(f"{name!r} means something else in YAML, in Python or to the agent: write another name")
    catalog = Catalog()
    config = load(options.config, catalog)
    folder = own_types(options.config, config.agent.checks_d)
    if text := hanging(config, options.config, folder):
        return fail(text)
    if name in catalog.names():
        return fail(f"there is a type '{name}' already (hostvigil types {name})")
    test = folder / "tests" / f"test_{name}.py"
    texts = {folder / f"{name}.py": TYPE, options.config / f"{name}.yaml": DROP_IN, test: TEST}
    if existing := [str(file) for file in texts if file.exists()]:
        return fail(f"{', '.join(existing)} exists already")
    try:
        _write(texts, name=name, cls=_class_name(name), test=test)
    except PermissionError:
        raise
    except OSError as error:
        return fail(f"{error.filename}: {error.strerror}")
    print("\n".join(str(file) for file in texts))
    print(f"have editors know it: hostvigil schema --config {options.config} > {options.config}/hostvigil.schema.json")
    print(f"try it: hostvigil check {name} --config {options.config}")
    print(f"test it: python -m pytest {test}    (pip install pytest)")
    return 0


def _class_name(name: str) -> str:
    """Return what the class of a type is called: what Python or the file means by a word is not."""
    word = "".join(part.capitalize() for part in name.split("_"))
    taken = keyword.iskeyword(word) or word in re.findall(r"\w+", TYPE + TEST)
    return f"{word}Type" if taken else word


def _write(texts: dict[Path, str], **names: object) -> None:
    for file, text in texts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x") as out:
            out.write(text.format(**names))
