"""What holds for the tests of this folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host import needs
from tests.system.planted import Place


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    needs.root()
    folder = Path(tempfile.mkdtemp(prefix="security-"))
    folder.chmod(0o755)
    found = Place(folder)
    yield found
    found.close()
    shutil.rmtree(folder)
