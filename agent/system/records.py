"""Logging to standard error: secrets hidden, and nothing in it that steers a terminal or forges a line."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, TextIO

from agent.plugin.text import one_line, printable

log = logging.getLogger("hostvigil")

PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
MOST = 64_000
"""Characters of a message."""
NAME_LIMIT = 100


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


class CleanRecords(logging.Filter):
    """Belongs on the handler, where all loggers come together, the checks' own too. Any thread may log."""

    def __init__(self, hide: Callable[[str], str]) -> None:
        super().__init__()
        self._hide = hide

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._clean(_message(record), "    "), None
        record.name = one_line(self._hide(record.name), NAME_LIMIT)
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = "  " + self._clean(record.exc_text, "  ")
        if record.stack_info:
            record.stack_info = "  " + self._clean(record.stack_info, "  ")
        return True

    def _clean(self, text: str, indent: str) -> str:
        """Further lines are indented: no text of others begins a line."""
        plain = printable(self._hide(text.replace("\r\n", "\n")))
        return self._hide(plain)[:MOST].replace("\n", f"\n{indent}")


class HiddenLines:
    """A text stream that lets whole lines through, secrets hidden: for what own checks print. Any thread may write.

    Everything else is the stream itself.
    """

    def __init__(self, stream: TextIO, hide: Callable[[str], str]) -> None:
        self._stream, self._hide = stream, hide
        self._lock = threading.Lock()  # between two that print
        self._rest = ""

    def write(self, text: str) -> int:
        with self._lock:
            lines, end, self._rest = (self._rest + text).rpartition("\n")
            if len(self._rest) > MOST:
                lines, end, self._rest = lines + end + self._rest, "", ""
            if lines or end:
                self._stream.write(self._hide(lines) + end)
                self._stream.flush()
        return len(text)

    def flush(self) -> None:
        with self._lock:
            rest, self._rest = self._rest, ""
            self._stream.write(self._hide(rest))
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def hide_output(hide: Callable[[str], str], out: TextIO | None = None) -> Iterator[None]:
    """Hide secrets in what is printed inside, to `out` where one is given, else to where it goes now."""
    output: Any = HiddenLines(out or sys.stdout, hide)
    error: Any = HiddenLines(sys.stderr, hide)
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(error):
        try:
            yield
        finally:
            with contextlib.suppress(OSError, ValueError):  # nobody reads any more
                output.flush()
                error.flush()


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a check's own logger was called wrongly; logging would print all it knows
        return f"{record.msg!r} % {record.args!r}"


def log_what_ends() -> None:
    """Have exceptions that nobody catches logged like everything else, instead of printed as they are."""
    threading.excepthook = _log_thread_end
    sys.excepthook = _log_process_end
    sys.unraisablehook = _log_unraisable


def _log_thread_end(how: threading.ExceptHookArgs) -> None:
    if how.exc_value is not None and how.exc_type is not SystemExit:
        name = how.thread.name if how.thread else "?"
        log.error("a thread (%s) ended by an exception", name, exc_info=how.exc_value)


def _log_process_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("ended by an exception", exc_info=(kind, error, trace))


def _log_unraisable(error: Any) -> None:
    if error.exc_value is not None:
        log.error("an exception that nobody could catch, in %r", error.object, exc_info=error.exc_value)
