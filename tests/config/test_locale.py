"""Names beyond ASCII, whatever the locale is: a drop-in is UTF-8, so are the paths in it and what is typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DROP_IN = """checks:
  größe-日本: {{type: file, path: "{folder}/ünï/日本", expect: absent}}
  täst: {{type: script, command: ["{folder}/skript-ä.sh", "ö ü"]}}
  eigen: {{type: eigen}}
"""
OWN = """
from collections.abc import Iterator
from agent.api import Check, Context, Result, ok

class Eigen(Check, frozen=True):
    isolation = "process"
    def run(self, ctx: Context) -> Iterator[Result]:
        yield ok("grün" if __import__("os").path.exists("{folder}/ünï") else "fehlt")
"""


@pytest.fixture
def folder(open_folder: Path) -> Path:
    for name in ("conf.d", "checks.d", "state"):
        (open_folder / name).mkdir()
    (open_folder / "ünï").mkdir()
    (open_folder / "conf.d" / "größe.yaml").write_text(DROP_IN.format(folder=open_folder), "utf-8")
    (open_folder / "checks.d" / "eigen.py").write_text(OWN.format(folder=open_folder), "utf-8")
    (open_folder / "skript-ä.sh").write_text('#!/bin/sh\necho "OK täst $1"\n', "utf-8")
    (open_folder / "skript-ä.sh").chmod(0o755)
    return open_folder


LOCALES = [{"LC_ALL": "C", "PYTHONUTF8": "0"}, {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]


def called(folder: Path, env: dict[str, str], *words: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "agent.cli", *words, "--config", str(folder / "conf.d")]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), "HOME": str(folder), **env}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, env=env)
    return done.returncode, done.stdout.decode("utf-8")


@pytest.mark.parametrize("env", LOCALES)
def test_a_name_beyond_ascii_means_the_same_in_every_locale(folder: Path, env: dict[str, str]) -> None:
    (folder / "ünï" / "日本").touch()
    assert called(folder, env, "check", "größe-日本")[1].startswith(f"CRITICAL: {folder}/ünï/日本 is there\n")
    assert called(folder, env, "check", "täst")[1].startswith("OK: OK täst ö ü")
    assert called(folder, env, "check", "eigen")[1].startswith("OK: grün")
