"""What may be meant by settings that fit no process: `[kthreadd]`, `Nginx`, `python3 app.py`, the path of a script."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from agent.api import Context, host_path
from checks._opening import open_regular
from checks.process.table import COMM_BYTES, Table

if TYPE_CHECKING:
    from checks.process.check import Process


def find_hint(check: Process, table: Table, ctx: Context) -> str:
    """Say what may be meant; empty where nothing is known."""
    if check.name and check.name.encode("utf-8", "surrogateescape")[:COMM_BYTES] not in table.by_name:
        similar = find_similar(check.name, table.by_name)
        return f"no process is called {check.name!r}, but one {similar!r}" if similar else ""
    if check.exe and ctx.call(f"head of {check.exe}", lambda: _is_script(check.exe)):
        return "exe is a script, which its interpreter runs: write name or match"
    return ""


def find_similar(name: str, names: Iterable[bytes]) -> str:
    """Return the name of a process that this one is but for the way people write it; empty where there is none."""
    forms = {_plain(form) for form in (name, *name.split()[:1], name.partition(":")[0], name.rpartition("/")[2])}
    readable = (one.decode("utf-8", "replace") for one in names)
    return next((one for one in readable if one != name and _plain(one) in forms - {""}), "")


def _plain(name: str) -> str:
    return name.strip().lstrip("-").strip("[]\"'").strip().casefold()


def _is_script(path: str) -> bool:
    try:
        descriptor = open_regular(str(host_path(path)))
    except OSError:
        return False
    try:
        return os.read(descriptor, 2) == b"#!"
    finally:
        os.close(descriptor)
