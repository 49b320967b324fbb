"""Starts `hostvigil` for tests: a fork of a Python that has imported it already, which saves 0.2 s of processor time.

All else is as with a Python of its own: arguments, environment, directory, mounts, descriptors, signals, exit status.
What Python or its libraries read when they start (PYTHON..., LD_...) cannot be had this way.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import IO

from tests.host import kernel

COMMANDS = ("run", "status", "reload", "validate", "report", "silence", "explain", "events", "check")
PREPARED = {
    "agent.cli.main": (
        *(f"agent.cli.{command}" for command in COMMANDS),
        *("agent.delivery.named_files", "agent.delivery.sinks", "agent.view.history", "requests", "http.cookies"),
        *("checks.load", "checks.pushed", "checks.file", "checks.http", "checks.script", "checks.process"),
        *("ctypes", "encodings.idna", "encodings.utf_8_sig", "encodings.cp1252", "urllib3.contrib.socks"),
    ),
    "tests.fleet.relay_process": (
        *("agent.cli.relay", "agent.fleet.relay", "agent.fleet.commands", "agent.fleet.making", "agent.fleet.asking"),
        *("agent.delivery.sinks.truewatch.api", "requests", "nats.js", "nats.js.kv"),
    ),
}
"""What is forked, a module with a `main` of arguments; and what it imports later or sooner, here once for all.

Of a package of ours each module: they are imported when they are first of use.
"""


Done = subprocess.CompletedProcess[str]


class Forked:
    """A process, with what tests use of `subprocess.Popen`. One thread at a time."""

    def __init__(
        self,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        files: tuple[int, int, int],
        program: str = "agent.cli.main",
    ) -> None:
        self._said, told = os.pipe()
        mounts = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY)
        request = [list(arguments), dict(environ), str(Path.cwd())]
        try:
            socket.send_fds(_server(program), [json.dumps(request).encode()], [*files, told, mounts])
        finally:
            os.close(told)
            os.close(mounts)
        self.returncode: int | None = None
        self.pid = self._number(60)

    def __del__(self) -> None:
        os.close(self._said)

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        if self._ended(timeout) is None:
            raise subprocess.TimeoutExpired("hostvigil", timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._said], [], [], timeout)[0]:
            self.returncode = self._number(None)
        return self.returncode

    def _number(self, timeout: float | None) -> int:
        """Read a number that the server says: of the process first, and then of its end."""
        assert select.select([self._said], [], [], timeout)[0], "nothing was started"
        said = os.read(self._said, 8)
        assert said, "the server that forks is no more"
        return int(said)


def call(arguments: Sequence[str], environ: Mapping[str, str], seconds: float = 90, **more: str) -> Done:
    """Run a command to its end."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = Forked(arguments, environ, (0, out.fileno(), err.fileno()), **more).wait(seconds)
        return Done(arguments, code, read(out), read(err))


def read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n")


@functools.cache
def _server(program: str) -> socket.socket:
    """Return the way to this process's server of a program; it ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    command = [sys.executable, "-m", "tests.processes.forked", str(theirs.fileno()), program]
    subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL).returncode = 0
    theirs.close()
    return ours


# --- the server -------------------------------------------------------------------------------------------------------


def main(descriptor: int, program: str) -> int:
    """Fork for each request; tell who asked the process's number, and later how it ended."""
    work = import_module(program).main
    for name in PREPARED[program]:
        _import(name)
    gc.collect()
    gc.freeze()  # a fork copies what is touched, and the collector touches all
    asked = socket.socket(fileno=descriptor)
    alive: dict[int, tuple[int, int]] = {}
    while True:
        for ready in select.select([descriptor, *alive], [], [])[0]:
            if ready != descriptor:
                _buried(ready, *alive.pop(ready))
                continue
            request, files, *_ = socket.recv_fds(asked, 1 << 20, 5)
            if not request:
                return 0
            child = os.fork()
            if not child:
                arguments, environ, folder = json.loads(request)
                _enter(files[4])
                _begin(files[:3], environ, folder)
                return int(work(arguments) or 0)
            for file in (*files[:3], files[4]):
                os.close(file)
            os.write(files[3], b"%8d" % child)
            alive[os.pidfd_open(child)] = (child, files[3])


def _import(name: str) -> None:
    module = import_module(name)
    if name.startswith(("agent.", "checks.")) and hasattr(module, "__path__"):
        for part in iter_modules(module.__path__, f"{name}."):
            _import(part.name)


def _buried(watch: int, child: int, told: int) -> None:
    _, status = os.waitpid(child, 0)
    with suppress(BrokenPipeError):  # nobody wants to know any more
        os.write(told, b"%8d" % os.waitstatus_to_exitcode(status))
    os.close(told)
    os.close(watch)


def _enter(mounts: int) -> None:
    """See the mounts that who asks sees."""
    if os.fstat(mounts).st_ino != os.stat("/proc/self/ns/mnt").st_ino:  # noqa: PTH116 - a link into the kernel
        kernel.enter(mounts)


def _begin(files: Sequence[int], environ: Mapping[str, str], folder: str) -> None:
    """Become what was asked for."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, 4096)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    os.chdir(folder)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
