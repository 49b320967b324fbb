"""The entry point: options, then the one command, imported when it is called."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module

from agent.cli.arguments import argparse
from agent.cli.options import COMMANDS, parser
from agent.cli.output import clean_output, fail, keep_our_colours, print_no_more
from agent.plugin.text import escape_json, printable
from agent.system.rights import LedByOthersError, safe_folders

LIGHT = ("run", "report", "wrap", "discover", "schema", "types", "completion")
"""They say themselves what they may not; and a job that pushes its result waits for no import."""

OF_THE_CALLER = ("run", "wrap", "check")
"""They judge each program that they run, or run what they are told to; others run what helps them, such as a pager."""

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""What the system says of a file that takes no more."""

PAINTING = ("run", "status", "history", "explain")
"""They print in colours; from others none comes, whoever wrote it into what they show."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    if arguments is None:
        speak_utf8()
        # Whoever started us may have ignored it: then no exit status of a program could be known, and all were 0.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    open_what_is_closed()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter is no reason to fail
    words = _usual(sys.argv[1:] if arguments is None else list(arguments))
    with clean_output(_cleaning(words)):
        return _run_words(words)


def _cleaning(words: Sequence[str]) -> Callable[[str], str]:
    """Return what is done to all that the command prints."""
    if "--json" in words:
        return escape_json
    return keep_our_colours if words[0] in PAINTING else printable


def speak_utf8() -> None:
    """Begin anew where the locale has names of files in another encoding: a drop-in is UTF-8, and so are its paths.

    Else `path: /srv/café` would be another file, or an error, under LC_ALL=de_DE.ISO-8859-1 or PYTHONUTF8=0.
    """
    if sys.getfilesystemencoding() != "utf-8" and sys.executable:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - ourselves


def open_what_is_closed() -> None:
    """Have input, output and errors, from and to nowhere where whoever started us closed them.

    Else the next file that is opened, such as the database, would be taken for one of them.
    """
    for number in range(3):
        with suppress(OSError):
            os.fstat(number)
            continue
        os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - for the whole process
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115 - same


def _run_words(words: list[str]) -> int:
    if words[0] not in COMMANDS and (text := _no_command(words)):
        return fail(text)
    try:
        return _run_command(words)
    except BrokenPipeError:
        print_no_more(sys.stdout)  # somebody's `| head` has seen enough
        return 0
    except OSError as error:
        if error.filename or error.errno not in UNWRITABLE:
            raise
        print_no_more(sys.stdout)
        return _report_failure(words[0], f"the output cannot be written: {(error.strerror or str(error)).lower()}")
    except KeyboardInterrupt:
        return _end_by_interrupt()


def _end_by_interrupt() -> int:
    """End by the signal of Ctrl-C: then a shell's loop around us ends, too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)
    return 130


def _run_command(words: list[str]) -> int:
    options, excess = _read_options(words)
    if excess:
        from agent.cli.answers.mistyped import too_much

        return _report_failure(options.command, too_much(options.command, excess))
    options.words = words  # as they were typed, for whoever has to type them again as root
    if options.command == "run":
        # A reload that is asked for while we start would end us, and what it is to read is read anyway.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if options.command not in LIGHT and (text := _refusal(options, words)):
        return _report_failure(options.command, text)
    if os.geteuid() == 0 and options.command not in OF_THE_CALLER:
        os.environ["PATH"] = safe_folders(os.environ.get("PATH", ""))
    try:
        code = _call(options)
        sys.stdout.flush()
        return code
    except PermissionError as error:
        from agent.cli.answers.rights import as_root

        reason = f"you may not use {error.filename}" if error.filename else str(error)
        return _report_failure(options.command, reason + as_root(words))
    except LedByOthersError as error:
        return _report_failure(options.command, str(error))


def _read_options(words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return the options, and the words that are none; ends with argparse's own message where they are wrong."""
    try:
        return parser(*(word for word in words[:1] if word in COMMANDS)).parse_known_args(words)
    except SystemExit as end:
        sys.stdout.flush()
        # Of a plugin, 2 means critical; one that is called wrongly knows nothing.
        sys.exit(3 if end.code == 2 and words[:1] == ["check"] else end.code)


def _call(options: argparse.Namespace) -> int:
    """Import the one command and run it; return its exit code."""
    module = f"import_{options.source}" if options.command == "import" else options.command.replace("-", "_")
    command = import_module(f"agent.cli.{module}")
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # until here there was nothing to put in order
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return int(command.main(options))


def _usual(words: list[str]) -> list[str]:
    """Take what people type for help and version; nothing at all asks for help."""
    if words[:1] in ([], ["help"]):
        return [*(word for word in words[1:2] if word in COMMANDS), "--help"]
    return ["--version"] if words in (["version"], ["-V"], ["-v"]) else words


def _no_command(words: list[str]) -> str:
    """Suggest a command for words that do not begin with one; '' where they are options of our own."""
    from agent.cli.answers import mistyped

    if words[0] in ("-h", "--help", "--version"):
        return ""
    return mistyped.begins_with_option(words) if words[0].startswith("-") else mistyped.command(words[0])


def _refusal(options: argparse.Namespace, words: Sequence[str]) -> str:
    from agent.cli.answers.rights import refusal

    return refusal(options, words)


def _report_failure(command: str, text: str) -> int:
    """Of a plugin, 2 means critical; one that may not look knows nothing."""
    code = fail(text)
    return 3 if command == "check" else code
