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
from collections import deque
from contextlib import suppress
from typing import BinaryIO

import msgspec

from agent.cli.output import fail
from agent.model import Status
from agent.plugin.units import duration_text
from agent.push.client import NotPushed, push
from agent.push.message import Message

LAST_BYTES = 4000
NOT_FOUND, NOT_EXECUTABLE = 127, 126


def main(options: argparse.Namespace) -> int:
    """Exits with the command's own status, 128 + N when signal N ended it; 126 or 127 when it could not be started."""
    command = options.command_line[1:] if options.command_line[:1] == ["--"] else options.command_line
    if not command:
        return fail("which command? write hostvigil wrap NAME -- command arguments")
    run_number = os.getpid()
    _hand_in(Message(check=options.name, kind="started", subject=options.subject, run=run_number), options)
    begun = time.monotonic()
    code, said = run(command)
    seconds = time.monotonic() - begun
    ended = verdict(options.name, options.subject, command[0], code, seconds, said)
    _hand_in(msgspec.structs.replace(ended, run=run_number), options)
    return code if code >= 0 else 128 - code


def run(command: list[str]) -> tuple[int, str]:
    """Run the command, its output passing through; returns its status and the last of what it said."""
    try:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        print(f"hostvigil: {command[0]}: {error.strerror}", file=sys.stderr)
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE, str(error)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: _pass_on(child, number))
    last: deque[bytes] = deque(maxlen=64)
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
    return code, b"".join(last)[-LAST_BYTES:].decode(errors="replace")


def _pass_through(source: BinaryIO, target: BinaryIO, last: deque[bytes]) -> None:
    while part := os.read(source.fileno(), LAST_BYTES):
        last.append(part)
        with suppress(OSError, ValueError):
            target.write(part)
            target.flush()


def _pass_on(child: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        child.send_signal(number)


def verdict(check: str, subject: str, program: str, code: int, seconds: float, said: str) -> Message:
    """Return the result: ok for exit 0, else critical; the last line that was said is the summary's end."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    ended = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
    how = f"{program.rpartition('/')[2]}: {'done' if code == 0 else ended} in {duration_text(seconds)}"
    return Message(
        check=check,
        subject=subject,
        status=Status.CRITICAL if code else Status.OK,
        summary=f"{how}: {lines[-1][:300]}" if code and lines else how,
        details="\n".join(lines[-20:]),
        metrics={"duration": seconds, "exit": float(code)},
    )


def _hand_in(message: Message, options: argparse.Namespace) -> None:
    try:
        push(message, options.state)
    except NotPushed as error:
        print(f"hostvigil: {error}", file=sys.stderr)
