"""What a test needs of the machine: missing, it skips with the reason here and fails in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def command(name: str, package: str = "") -> str:
    """Return the path of a program."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/lib/nagios/plugins")
    if found is None:
        missing(f"the command {name}", package)
    return str(found)


def file(path: str, package: str = "") -> Path:
    """Return the path of a file."""
    if not Path(path).exists():
        missing(path, package)
    return Path(path)


def root() -> None:
    if os.geteuid() != 0:
        missing("root's rights")


def unshare(*namespaces: str) -> list[str]:
    """Return how to start a command in namespaces of its own; who is not root is root there."""
    mapped = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    words = [command("unshare", "util-linux"), *mapped, *namespaces]
    if subprocess.run([*words, "true"], capture_output=True, check=False, timeout=60).returncode:
        missing(f"the right to make namespaces ({' '.join(namespaces)})")
    return words


def untraced() -> None:
    """Skip where the branches that are taken are measured: most of the processor's time is then the measuring's."""
    if sys.gettrace() is not None:
        pytest.skip("the branches that are taken are measured: its time says nothing")


def missing(what: str, package: str = "") -> None:
    """Skip here, fail in CI: there nothing may be skipped without somebody noticing."""
    reason = f"needs {what}" + (f" (Debian package {package})" if package else "")
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
