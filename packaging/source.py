"""The agent as Python packages: a wheel, and an sdist that is the same to the byte for one commit."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

FOLDERS = ("agent", "checks")
FILES = ("pyproject.toml", "README.md", "LICENSE")


def lay_out(root: Path, source: Path) -> None:
    """Copy what both are made of to a place where nothing of an earlier build lies."""
    for name in FOLDERS:
        shutil.copytree(root / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy2(root / name, source)


def sdist(source: Path, into: Path, epoch: int) -> Path:
    """Build an sdist of a laid out tree. setuptools packs times and owners of this machine: they are taken out."""
    code = "import sys; from setuptools.build_meta import build_sdist; print(build_sdist(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(into)]
    output = subprocess.run(command, cwd=source, check=True, capture_output=True, text=True).stdout
    made = into / output.splitlines()[-1]
    made.write_bytes(_pack_again(made, epoch))
    os.utime(made, (epoch, epoch))
    return made


def _pack_again(made: Path, epoch: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(made) as old, tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = epoch, 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    return gzip.compress(out.getvalue(), 9, mtime=epoch)
