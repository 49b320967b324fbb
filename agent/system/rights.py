"""Root is led by nobody: before it touches what a lesser user may have planted, root takes that user's rights.

The state directory belongs to the user that the agent runs as. He may put links, pipes and lies in it, and must gain
nothing by it that he cannot do himself. Rights are the whole process's: commands use this, the agent does not.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from agent.config.files.probe import Mounts
from agent.plugin.accounts import find_account
from agent.plugin.ownership import open_to_others, way_to

ANSWER_SECONDS = 4.0
"""What is read in a state directory may have no end."""
MOST_MEMORY = 1024**3
"""For a command that reads what somebody else has prepared."""
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class LedByOthersError(OSError):
    """The directory is root's, and others may put into it what they like."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


def safe_folders(path: str) -> str:
    """Return the folders of a PATH in which only root may put programs: after `su` it is still another's.

    Never nothing: an empty PATH means the current folder.
    """
    mounts = Mounts()
    safe = ":".join(
        folder
        for folder in path.split(":")
        if folder[:1] == "/" and not mounts.may_hang(folder) and Path(folder).is_dir() and not open_to_others(folder)
    )
    return safe or SYSTEM_PATH


def owner_of(directory: Path) -> tuple[int, int]:
    """Return user and group of the first folder or link on the way that is not root's; (0, 0): all is root's.

    Whoever owns a folder on the way decides what stands behind it.
    """
    for _, info in way_to(str(directory)):
        if info.st_uid:
            return info.st_uid, info.st_gid
    return 0, 0


@contextlib.contextmanager
def owners_rights(directory: Path) -> Iterator[bool]:
    """As root, act inside with the rights of the directory's owner; anybody else keeps his own and gets False.

    Inside, nothing can be imported that the owner cannot read, so modules and the configuration are loaded before.
    """
    user, group = owner_of(directory) if os.geteuid() == 0 else (0, 0)
    if not user:
        yield False
        return
    groups, own = os.getgroups(), os.getegid()
    _become(user, group)
    try:
        yield True
    finally:
        # The user first here, and last below: only root may take a group.
        os.seteuid(0)
        os.setegid(own)
        os.setgroups(groups)


@contextlib.contextmanager
def state_of(directory: Path) -> Iterator[None]:
    """Look into a state directory, for a command: root takes its owner's rights, and whatever lies there has an end.

    What takes too long ends the process with words. OSError when root may not take the rights; LedByOthersError when
    the directory is root's and others may write it, for nobody says whose rights to take then.
    """
    with owners_rights(directory) as has_rights:
        if not has_rights:
            if os.geteuid() == 0 and (weak := open_to_others(str(directory))):
                raise LedByOthersError(errno.ENOTSUP, f"{weak}, or give it to the agent's user", str(directory))
            yield
            return
        most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, most[1]))
        timer = threading.Timer(ANSWER_SECONDS, _end)
        timer.daemon = True
        timer.start()
        try:
            yield
        except MemoryError:
            sys.stderr.write(f"hostvigil: what lies in {directory} needs more than {MOST_MEMORY // 1024**2} MiB\n")
            sys.exit(2)
        finally:
            timer.cancel()
            resource.setrlimit(resource.RLIMIT_AS, most)


def _end() -> None:
    sys.stderr.write(f"hostvigil: no answer within {ANSWER_SECONDS:g}s: the state directory cannot be read\n")
    sys.stderr.flush()
    os._exit(2)


def _become(user: int, group: int) -> None:
    account = find_account(user)
    os.setgroups(account.groups if account else [group])
    os.setegid(account.group if account else group)
    os.seteuid(user)
