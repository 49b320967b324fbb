"""Where the files of the host are: in a container they may lie elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

from agent.plugin.errors import CheckError

ELSEWHERE = {"/proc": "HOST_PROC", "/sys": "HOST_SYS"}


def host_path(name: str) -> Path:
    """Return where a file of the host is. In a container HOST_ROOT, HOST_PROC and HOST_SYS (environment) say so.

    Without HOST_PROC and HOST_SYS, `proc` and `sys` below HOST_ROOT are meant. CheckError where one of them names what
    is not there: nothing else is looked at instead.
    """
    top = next((top for top in ELSEWHERE if name == top or name.startswith(f"{top}/")), "")
    for variable, inside in ((ELSEWHERE.get(top, ""), name[len(top) :]), ("HOST_ROOT", name)):
        if folder := os.environ.get(variable):
            _there(variable, f"{folder}{top}" if variable == "HOST_ROOT" else folder)
            return Path(folder, inside.lstrip("/"))
    return Path(name)


def _there(variable: str, folder: str) -> None:
    try:
        with os.scandir(folder) as names:
            if next(names, None):
                return
        why = "is empty"
    except OSError as error:
        why = error.strerror or str(error)
    raise CheckError(f"{variable}: {folder} {why}: mount the host there, or take the variable away")
