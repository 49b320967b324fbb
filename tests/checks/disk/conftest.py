"""A folder of mounts of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.host import kernel, needs


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory that may be mounted on: nobody else sees it, and nothing is left of it."""
    needs.root()
    with ExitStack() as stack:
        try:
            stack.enter_context(kernel.own_mounts())
        except PermissionError:
            needs.missing("the right to mount")
        yield tmp_path
