"""What holds for the tests of this folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.checks.script.weak_code import ALICE, folders_like
from tests.host import needs


@pytest.fixture
def folders(open_folder: Path) -> tuple[Path, Path]:
    """A folder of root and one of alice, with the same scripts in them."""
    needs.root()
    made = folders_like(open_folder)
    for path in (made[1], *made[1].rglob("*")):
        os.chown(path, ALICE, ALICE)
    return made


@pytest.fixture
def unowned(open_folder: Path) -> tuple[Path, Path]:
    """The same, of whoever runs the tests: what is read of a command does not depend on who owns it."""
    return folders_like(open_folder)
