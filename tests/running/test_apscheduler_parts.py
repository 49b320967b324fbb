"""APScheduler is imported without what it brings along, and nobody notices."""

from __future__ import annotations

import subprocess
import sys


def printed(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_what_apscheduler_brings_and_nobody_uses_is_not_imported() -> None:
    code = "import sys, agent.running.steady; print(*sys.modules)"
    loaded = printed(code)
    assert "apscheduler.schedulers.background" in loaded
    heavy = {"importlib.metadata", "multiprocessing", "concurrent.futures.process", "tzlocal", "zoneinfo", "email"}
    assert heavy & {*loaded} == set()


def test_who_imports_it_afterwards_gets_the_true_one() -> None:
    code = (
        "import agent.running.steady, concurrent.futures, multiprocessing, tzlocal;"
        "from importlib.metadata import version;"
        "print(version('apscheduler'), multiprocessing.current_process().name, bool(tzlocal.get_localzone()),"
        "concurrent.futures.ProcessPoolExecutor.__module__)"
    )
    number, *others = printed(code)
    assert number.startswith("3.")
    assert others == ["MainProcess", "True", "concurrent.futures.process"]


def test_what_somebody_has_imported_already_stays_and_is_used() -> None:
    code = (
        "import sys, importlib.metadata as metadata, multiprocessing;"
        "import agent.running.steady, apscheduler.schedulers.base as base;"
        "print(sys.modules['importlib.metadata'] is metadata, base.entry_points is metadata.entry_points)"
    )
    assert printed(code) == ["True", "True"]
