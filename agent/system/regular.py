"""Reading what others may have exchanged: regular files only, never through a link, never waiting, never too much."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_regular(file: Path, most: int) -> bytes:
    """Return the content of a file of at most `most` bytes; OSError with words for anything else."""
    # Without O_NONBLOCK the open of a pipe waits for its writer, for ever.
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
            raise _not_regular(file) from None
        raise
    try:
        require_regular(descriptor, file)
        content = b""
        while len(content) <= most and (part := os.read(descriptor, most + 1 - len(content))):
            content += part
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most // 1024} KiB", str(file))
    return content


def require_regular(descriptor: int, file: Path) -> None:
    """OSError for an open file that is none: a folder, a pipe, a device."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise _not_regular(file)


def _not_regular(file: Path) -> OSError:
    return OSError(errno.EINVAL, "not a regular file", str(file))
