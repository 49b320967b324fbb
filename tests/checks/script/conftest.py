"""What holds for the tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checks.script.left_behind import nothing_left_behind
from tests.checks.script.weak_code import ALICE, folders_like
from tests.host import needs


@pytest.fixture
def nothing_stays_behind() -> Iterator[None]:
    """Nothing that a test starts is left of it."""
    with nothing_left_behind():
        yield


@pytest.fixture
def folder(open_folder: Path) -> Path:
    """A folder that every user may enter."""
    needs.root()
    return open_folder


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
