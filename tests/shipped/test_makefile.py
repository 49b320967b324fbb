"""`make` on a system that lacks something: it says what, each time anew, and leaves nothing half made."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.host import needs

ROOT = Path(__file__).parents[2]
WITHOUT_VENV = """#!/bin/sh
case "$1" in -m) ;; *) exit 0 ;; esac
mkdir -p "$3/bin" && touch "$3/bin/python"
echo 'apt install python3-venv'
exit 1
"""


def test_an_environment_that_could_not_be_made_is_not_taken_for_one_the_next_time(tmp_path: Path) -> None:
    make = needs.command("make", "make")
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "requirements.lock", "packaging/build.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    python = tmp_path / "python-without-venv"
    python.write_text(WITHOUT_VENV)
    python.chmod(0o755)
    for _ in range(2):
        done = subprocess.run(
            [make, "run", f"PYTHON={python}"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode != 0
        assert "apt install python3-venv" in done.stdout
        assert not (tmp_path / ".venv").exists()
