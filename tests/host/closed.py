"""A place that may not be looked into, whoever runs the tests: root keeps nobody out of anything by a mode alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def closed(path: Path) -> Iterator[None]:
    """Close it to whoever looks inside; root looks as nobody, so what is above must be open, as in `open_folder`."""
    mode, root = path.stat().st_mode & 0o7777, os.geteuid() == 0
    path.chmod(0)
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        path.chmod(mode)
