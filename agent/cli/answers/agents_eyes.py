"""What root can read and the agent cannot: root's umask hides many a drop-in from the user that the agent runs as."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from agent.config.files.content import Unreadable
from agent.config.files.patience import Patience
from agent.plugin.accounts import Account, find_account


def unreadable(state: Path, sources: Iterable[str]) -> list[tuple[str, str]]:
    """Return the files and folders that the owner of the state directory may not read, and what to do.

    Nothing unless we are root and he is somebody else. In a child, which takes his rights.
    """
    try:
        owner = Patience().one(str(state), state.stat).st_uid
    except (OSError, Unreadable):
        return []
    if os.geteuid() != 0 or owner == 0:
        return []
    if (account := find_account(owner)) is None:
        return []
    who = account.name
    text = f"the agent's user {who} may not read it: chgrp {who} and chmod g+rX, it and its folder"
    return [(path, text) for path in _find_unreadable(account, [os.fspath(Path(path).absolute()) for path in sources])]


def _find_unreadable(account: Account, paths: list[str]) -> list[str]:
    """Ask the kernel with the account's rights which of these may not be read."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        answer = b""
        try:
            os.setgroups(account.groups)
            os.setgid(account.group)
            os.setuid(account.user)
            answer = bytes(not _may_read(Path(path)) for path in paths)
        finally:
            os.write(write, answer)
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answers:
        flags = answers.read()
    os.waitpid(child, 0)
    return [path for path, is_denied in zip(paths, flags, strict=False) if is_denied]


def _may_read(path: Path) -> bool:
    """Tell whether it can be read; what is not there is another's problem."""
    try:
        path.stat()
    except PermissionError:
        return False
    except OSError:
        return True
    return os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0))
