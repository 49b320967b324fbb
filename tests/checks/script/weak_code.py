"""Folders that others may write in, and what a command runs from there."""

from __future__ import annotations

import shutil
from pathlib import Path

from checks.script.code import code_of

ALICE = 65534  # nobody
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def folders_like(folder: Path) -> tuple[Path, Path]:
    made = folder / "root", folder / "alice"
    for one in made:
        one.mkdir()
        (one / "x.sh").write_text("#!/bin/sh\necho ran\n")
        (one / "x.sh").chmod(0o755)
        for name, text in SCRIPTS.items():
            (one / name).write_text(text)
        (one / "tree").mkdir()
        shutil.copy(one / "x.sh", one / "tree" / "x")
        shutil.copy(one / "x.sh", one / "tool")
        (one / "X.java").touch()
    return made


SCRIPTS = {
    "plain": "echo ran\n",
    "x.py": "print('ran')\n",
    "x.pl": "print 'ran';\n",
    "x.awk": 'BEGIN { print "ran" }\n',
    "x.sed": "s/.*/ran/\n",
    "x.mk": "all:\n\t@echo ran\n",
    "data.txt": "ran\n",
}


def weak_of(words: list[str], owner: Path) -> list[str]:
    """Return which files of one folder the command would run."""
    return [file for file in code_of(words, "", {"PATH": PATH}, {}) if Path(file).is_relative_to(owner)]
