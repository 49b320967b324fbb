"""The entry point: options, then the one command, imported when it is called."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from agent.cli.options import parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter is no reason to fail
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        options = parser().parse_args(words)
    except SystemExit as end:
        # Of a plugin, 2 means critical; one that is called wrongly knows nothing.
        sys.exit(3 if end.code == 2 and words[:1] == ["check"] else end.code)
    if options.command == "run":
        # A reload that is asked for while we start would end us, and what it is to read is read anyway.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    command = import_module(f"agent.cli.{options.command.replace('-', '_')}")
    try:
        return int(command.main(options))
    except BrokenPipeError:
        # Somebody's `| head` has seen enough; without this Python complains once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
