"""hostvigil metrics: everything measured, as text for Prometheus, such as for node_exporter's textfile collector."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import tempfile
from pathlib import Path

from agent.cli.answers.rights import as_root
from agent.cli.output import fail
from agent.plugin.clock import wall_clock
from agent.store import StoreError
from agent.view.metrics import exposition
from agent.view.reading import configuration, look


def main(options: argparse.Namespace) -> int:
    """Exits 0; 2 when the store cannot be read or the file cannot be written."""
    try:
        text = exposition(look(configuration(options.config), options.state, wall_clock()))
    except StoreError as error:
        return fail(error)
    if not options.output:
        print(text.decode(), end="")
        return 0
    try:
        replace(options.output, text)
    except OSError as error:
        how = as_root(options.words) if isinstance(error, PermissionError) else ""
        return fail(f"{options.output}: {error.strerror}{how}")
    return 0


def replace(target: Path, text: bytes) -> None:
    """Put a file in place in one step: whoever reads it meanwhile reads the old one or the new one."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a directory, name a file in it", str(target))
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(text)
            os.fchmod(out.fileno(), 0o644)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
