"""A process that leaves none behind."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

TO_TIDY_SECONDS = 10.0


@contextmanager
def alone(command: Sequence[str], log: IO[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a command in a group of its own, with pipes; in the end it is interrupted, and its group killed.

    A Ctrl-C of the terminal does not reach it: it would be told twice, and the second one would hit it as it tidies up.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=log, cwd=folder, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(TO_TIDY_SECONDS)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def check(process: subprocess.Popen[str], log: Path) -> None:
    """Wait for the end; one that went wrong is the end of all, with what was said last."""
    if process.wait():
        raise SystemExit(f"{log.read_text(errors='replace')[-4000:]}\nIt ended with status {process.returncode}: {log}")
