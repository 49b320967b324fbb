"""What holds for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.called import GOOD, shut


@pytest.fixture
def closed(open_folder: Path) -> tuple[str, ...]:
    """A server's configuration and state, which only root may read."""
    for name, file in (("conf.d", "a.yaml"), ("state", "hostvigil.db")):
        (open_folder / name).mkdir()
        (open_folder / name / file).write_text(GOOD if name == "conf.d" else "")
        shut(open_folder / name)
    return ("--config", str(open_folder / "conf.d"), "--state", str(open_folder / "state"))
