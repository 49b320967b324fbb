"""How a script's program is started: by the C library, as Python would, and without holding up anybody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checks.script import spawn as spawning
from checks.script.spawn import spawn

LOOK = """
env | sort
cat
grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status
readlink /proc/self/fd/0
ls /proc/self/fd
test "$(cut -d' ' -f6 /proc/$$/stat)" = $$ && echo a session of its own
echo complaint >&2
"""
ENV = {"PATH": "/usr/bin:/bin", "PWD": "/", "ODD": "a=b\n\udcff", "EMPTY": ""}


def said_by(way: Callable[..., int], given: tuple[tuple[int, int], ...] = ()) -> tuple[int, bytes, bytes]:
    """Start a shell that looks around; returns its exit code and what it printed."""
    pipes = [os.pipe(), os.pipe()]
    try:
        descriptors = [*given, (pipes[0][1], 1), (pipes[1][1], 2)]
        pid = way(["/bin/sh", "-c", LOOK, "\udcff"], ENV, descriptors)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return code, os.read(pipes[0][0], 65536), os.read(pipes[1][0], 65536)
    finally:
        for end in (*pipes[0], *pipes[1]):
            os.close(end)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Python's own is used")
def test_a_program_sees_what_it_would_see_if_python_had_started_it() -> None:
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        seen = said_by(spawn)
        assert seen == said_by(spawning._by_python)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        signal.signal(signal.SIGUSR1, before)
    assert (seen[0], seen[2]) == (0, b"complaint\n")
    assert b"a session of its own" in seen[1]
    assert b"ODD=a=b\n" in seen[1]
    assert b"\n\xff\n" in seen[1], "sorted behind the others"


def test_what_is_given_as_its_input_is_read(tmp_path: Path) -> None:
    (tmp_path / "input").write_text("what it reads\n")
    with (tmp_path / "input").open() as file:
        assert b"what it reads\n" in said_by(spawn, ((file.fileno(), 0),))[1]


@pytest.mark.parametrize("way", [spawn, spawning._by_python])
def test_what_cannot_be_started_is_told(way: Callable[..., int], tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    with pytest.raises(FileNotFoundError):
        way([str(tmp_path / "missing")], {}, [])
    with pytest.raises(PermissionError):
        way([str(plain)], {}, [])
    with pytest.raises(ValueError, match="null"):
        way(["/bin/true", "a\0b"], {}, [])


HANGS = """
import os, sys, threading
from checks.script.spawn import spawn
os.mkfifo(sys.argv[1])
os.devnull = sys.argv[1]  # opened for the program before it begins: until somebody writes there, it hangs
starting = threading.Thread(target=lambda: os.waitpid(spawn(["/bin/true"], {}, []), 0))
starting.start()
with open(sys.argv[1], "w"):
    starting.join()
print("went on")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Python's own is used, which keeps its lock")
def test_the_agent_goes_on_while_a_program_that_is_started_hangs(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HANGS, str(tmp_path / "fifo")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "went on\n", done.stderr
