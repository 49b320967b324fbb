"""Faults and statistics, made in a folder by mutmut."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from tests.mutants.alone import alone, check

SCRIPT = Path(__file__).with_name("with_mutmut.py")


def make(folder: Path, children: int) -> None:
    """Make a folder anew: a copy of all, each function beside its faults, and which tests call it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    said = folder / "making.log"
    # -P: what is copied must be imported, and this folder of tests is not the copy.
    with said.open("w") as log, alone([sys.executable, "-P", str(SCRIPT), str(children)], log, Path()) as process:
        check(process, said)


def read_faults(folder: Path) -> list[str]:
    files = sorted(folder.glob("**/*.py.meta"))
    return [fault for file in files for fault in json.loads(file.read_text())["exit_code_by_key"]]
