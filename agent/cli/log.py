"""Where the commands log: standard error, for a person or for the journal."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable

from agent.system.records import CleanRecords, log_what_ends

PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


def log_to_stderr(level: int, hide: Callable[[str], str]) -> None:
    """Log for a person at a terminal, or for the journal, which keeps time and level itself; secrets hidden."""
    output = logging.StreamHandler(sys.stderr)
    if os.environ.get("JOURNAL_STREAM") == "{0.st_dev}:{0.st_ino}".format(os.fstat(sys.stderr.fileno())):
        output.setFormatter(ForJournal("%(levelname)s %(name)s: %(message)s"))
    else:
        output.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
    output.addFilter(CleanRecords(hide))
    logging.basicConfig(level=level, handlers=[output])
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    logging.captureWarnings(True)
    log_what_ends()


class ForJournal(logging.Formatter):
    """Begins every line, a traceback's too, with its priority as sd-daemon(3) has it, for `journalctl -p warning`."""

    def format(self, record: logging.LogRecord) -> str:
        priority = next((number for level, number in PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())
