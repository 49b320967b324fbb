"""Opens files that others may have exchanged: only what is a file is opened. Shared by check types.

The mere opening of something else may have an effect that its reader cannot take back: a watchdog begins to count until
it starts the host anew, a tape is wound back, who waits at a pipe goes on. An agent of root must not be led to that.
"""

from __future__ import annotations

import errno
import os
import stat

READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
# Where there is no such thing (macOS), a look at the name has to do.
PLACE = getattr(os, "O_PATH", 0) | os.O_CLOEXEC
NOT_REGULAR = "is not a regular file"


def open_regular(path: str, dir_fd: int | None = None, follow: bool = True) -> int:
    """Return a descriptor to read a regular file by; OSError for anything else, and as the system has it.

    `follow`: whether the last name may be a link.
    """
    links = 0 if follow else os.O_NOFOLLOW
    if not hasattr(os, "O_PATH"):
        require_regular(os.stat(path, dir_fd=dir_fd, follow_symlinks=follow), path)
        return os.open(path, READ | links, dir_fd=dir_fd)
    place = os.open(path, PLACE | links, dir_fd=dir_fd)
    try:
        require_regular(os.fstat(place), path)
        return os.open(f"/proc/self/fd/{place}", READ)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    finally:
        os.close(place)


def require_regular(state: os.stat_result, path: str) -> None:
    """OSError for what is no regular file."""
    if stat.S_ISLNK(state.st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    if not stat.S_ISREG(state.st_mode):
        raise OSError(errno.EISDIR if stat.S_ISDIR(state.st_mode) else errno.EINVAL, NOT_REGULAR, path)
