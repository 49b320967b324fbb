"""A command as a user calls it, and what it prints."""

from __future__ import annotations

import codecs
import io
import os
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path

from agent.cli.main import main

NOBODY = 65534
LATE = (
    "agent.cli.import_nrpe",
    "asyncio.events",
    "grp",
    "pwd",
    "agent.cli.check",
    "agent.running.runner",
    "checks.load",
)
"""What a command imports when it needs it: where Python lies in root's home, another user may not."""
GOOD = "checks:\n  disks: {type: load}\n"


def called(*words: str) -> tuple[int, str]:
    """Run a command in this process; return its exit code and all that it prints."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        try:
            code = main(words)
        except SystemExit as end:
            code = int(end.code or 0)
    return code, out.getvalue()


def called_by(user: int, *words: str) -> tuple[int, str]:
    """The same as another user, in a child."""
    for module in LATE:
        import_module(module)
    codecs.lookup("utf-8-sig")
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            if user != os.geteuid():
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            code, text = called(*words)
        except Exception as error:  # noqa: BLE001 - a child of ours must end here
            code, text = 99, f"raised {error!r}"
        os.write(write, f"{code} {text}".encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        code_text, _, text = answer.read().partition(" ")
    os.waitpid(child, 0)
    return int(code_text), text


LESSER = os.geteuid() or NOBODY
"""Who may not what root may."""


def shut(path: Path) -> None:
    """Close it to all but root."""
    path.chmod(0 if os.geteuid() else 0o700)
