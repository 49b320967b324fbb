"""One folder for all examples of a test, each of which writes its drop-in anew; and a folder for types of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def one_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("conf.d")


@pytest.fixture
def folder(open_folder: Path) -> Path:
    return open_folder
