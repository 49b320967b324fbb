"""Files in memory, whose content nobody can change any more."""

from __future__ import annotations

import fcntl
import os

_SEALED = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


def memory_file(name: str, content: bytes) -> int:
    """Return the descriptor of a file with this content, to be read from its beginning; it closes on exec."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.lseek(fd, 0, os.SEEK_SET)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALED)
    except BaseException:
        os.close(fd)
        raise
    return fd
