"""hostvigil wrap CHECK -- command: runs a command, and hands in what became of it.

The command comes first: whatever is wrong with the agent, it runs, its output passes through, and its exit status is
ours.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from agent.cli.output import fail
from agent.model import Status
from agent.plugin.text import lines
from agent.plugin.units import duration_text
from agent.push.client import PushError, push
from agent.push.message import Message

LAST_BYTES = 4000
NOT_FOUND, NOT_EXECUTABLE = 127, 126
_OF_THE_TERMINAL = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH, signal.SIGCONT}
_OF_OURSELVES = {signal.SIGCHLD, signal.SIGPIPE, signal.SIGURG, signal.SIGXFSZ}
_OF_OUR_BUGS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSYS}
_NOT_TO_BE_HAD = {signal.SIGKILL, signal.SIGSTOP}
PASSED_ON = signal.valid_signals() - _OF_THE_TERMINAL - _OF_OURSELVES - _OF_OUR_BUGS - _NOT_TO_BE_HAD
"""What somebody sends to end or to wake a command; each would end us, and with us the news of what became of it."""


def main(options: argparse.Namespace) -> int:
    """Exits with the command's own status, 128 + N when signal N ended it; 126 or 127 when it could not be started."""
    command = _command(options)
    if not command:
        return fail("which command? write hostvigil wrap NAME -- command arguments")
    run_number, reporter = os.getpid(), _Reporter()
    reporter.hand_in(
        lambda: Message(check=options.name, kind="started", subject=options.subject, run=run_number), options
    )
    started_at = time.monotonic()
    code, output = run(command)
    seconds = time.monotonic() - started_at
    reporter.hand_in(
        lambda: verdict(options.name, options.subject, command[0], code, seconds, output, run_number), options
    )
    return code if code >= 0 else 128 - code


def _command(options: argparse.Namespace) -> list[str]:
    """Return the command; our own options may stand behind the check's name too, before the `--`."""
    words: list[str] = options.command_line
    if words[:1] == ["--"]:
        return words[1:]
    if not words or not words[0].startswith("-"):
        return words
    end = words.index("--") if "--" in words else len(words)
    more = argparse.ArgumentParser(prog="hostvigil wrap NAME", add_help=False, allow_abbrev=False)
    for name, kind in (("--state", Path), ("--config", Path), ("--subject", str)):
        more.add_argument(name, type=kind, default=getattr(options, name[2:]))
    more.parse_args(words[:end], options)
    return words[end + 1 :]


def run(command: list[str]) -> tuple[int, str]:
    """Run the command, its output passing through; returns its status and the last of what it said."""
    try:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError) or _is_nowhere(command[0])
        why = "there is no such command" if missing and not _exists(command[0]) else str(error.strerror or error)
        print(f"hostvigil: {command[0]}: {why}", file=sys.stderr)
        return NOT_FOUND if missing else NOT_EXECUTABLE, f"it could not be started: {why}"
    except ValueError as error:  # a NUL byte in its words
        print(f"hostvigil: {error}", file=sys.stderr)
        return NOT_EXECUTABLE, f"it could not be started: {error}"
    for number in PASSED_ON:
        signal.signal(number, lambda number, _: _pass_on(child, number))
    last = Tail()
    assert child.stdout is not None  # noqa: S101 - asked for above
    assert child.stderr is not None  # noqa: S101
    readers = [
        threading.Thread(target=_pass_through, args=(source, target, last), daemon=True)
        for source, target in ((child.stdout, sys.stdout.buffer), (child.stderr, sys.stderr.buffer))
    ]
    for reader in readers:
        reader.start()
    code = child.wait()
    for reader in readers:
        # A daemon that the command left behind may hold the pipe for ever; what it says is not the command's.
        reader.join(1.0)
    return code, last.read().decode(errors="replace")


class Tail:
    """The last of what a command says, however small the parts are that it comes in; two threads add to it."""

    def __init__(self) -> None:
        self._bytes = b""
        self._lock = threading.Lock()  # between output and errors

    def append(self, part: bytes) -> None:
        with self._lock:
            self._bytes = (self._bytes + part)[-LAST_BYTES:]

    def read(self) -> bytes:
        with self._lock:
            return self._bytes


def _exists(program: str) -> bool:
    """Tell whether there is such a file: then what is missing is the interpreter that its first line names."""
    return "/" in program and Path(program).exists()


def _is_nowhere(program: str) -> bool:
    """Tell whether no folder of PATH has it: one that we may not look into makes the system say `Permission denied`."""
    import shutil

    return "/" not in program and shutil.which(program, os.F_OK) is None


def _pass_through(source: BinaryIO, target: BinaryIO, last: Tail) -> None:
    while part := os.read(source.fileno(), LAST_BYTES):
        last.append(part)
        with suppress(OSError, ValueError):
            target.write(part)
            target.flush()


def _pass_on(child: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        child.send_signal(number)


def verdict(
    check: str, subject: str, program: str, code: int, seconds: float, output: str, run_number: int = 0
) -> Message:
    """Return the result: ok for exit 0, else critical; the last line that was said is the summary's end."""
    # Without what only a terminal sees: the last line of many a program sets its colour back, and says nothing.
    output_lines = [line.strip() for line in lines(output, LAST_BYTES) if line.strip()]
    ending = f"killed by {_signal_name(-code)}" if code < 0 else f"exit {code}"
    how = f"{program.rpartition('/')[2]}: {'done' if code == 0 else ending} in {duration_text(seconds)}"
    return Message(
        check=check,
        subject=subject,
        status=Status.CRITICAL if code else Status.OK,
        summary=f"{how}: {output_lines[-1][:300]}" if code and output_lines else how,
        details="\n".join(output_lines[-20:]),
        metrics={"duration": seconds, "exit": float(code)},
        run=run_number,
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


class _Reporter:
    """Hands messages in. A failure is printed once, and never keeps the command from running."""

    def __init__(self) -> None:
        self._last_complaint = ""

    def hand_in(self, message: Callable[[], Message], options: argparse.Namespace) -> None:
        try:
            push(message(), options.state)
            return
        except PushError as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - the command comes first, also when this is a bug of ours
            why = f"the result could not be handed in: {type(error).__name__}: {error}"
        if why != self._last_complaint:
            self._last_complaint = why
            print(f"hostvigil: {why}", file=sys.stderr)
