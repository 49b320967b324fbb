"""Everything a program is started with, made ready: its file, arguments, environment, input, rights and limits."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Self

from agent.api import CheckError
from checks.script import limits, program
from checks.script.home import home_of_the_agent

if TYPE_CHECKING:
    from checks.script.account import Account
    from checks.script.check import Script

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# posix_spawn has no way to change the folder, so a shell does it and becomes the program.
_CD = 'cd -- "$1" || exit 126; shift; exec "$@"'


class Launch:
    """A program ready to start. Leaving the `with` closes what was opened for it, unless it `stays`."""

    stays = False

    def __init__(self, script: Script) -> None:
        self.argv: list[str] = []
        self.env: dict[str, str] = {}
        self.stdin = -1
        """What it reads; -1: nothing."""
        self.capabilities = script.capabilities
        self.descriptors: list[int] = []
        """Descriptors it gets under the same numbers."""
        self._script = script
        self._words: tuple[str, ...] = ()
        self._complaints = -1
        self._open_descriptors: list[int] = []

    def __enter__(self) -> Self:
        """CheckError where it cannot, or must not, be started."""
        try:
            self._prepare(self._script)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if not self.stays:
            self.close()

    def close(self) -> None:
        while self._open_descriptors:
            os.close(self._open_descriptors.pop())

    @property
    def file(self) -> str:
        """The file that says what is done: a program, or the script that an interpreter is given."""
        cwd = self._script.cwd
        return os.path.join(cwd, self._words[program.script_in(self._words, cwd)])  # noqa: PTH118 - each run

    def complain(self) -> None:
        """CheckError when the stage before the program gave up; to be asked when the child has ended."""
        with contextlib.suppress(BlockingIOError):
            if self._complaints >= 0 and (complaint := os.read(self._complaints, 256).decode()):
                number, _, setting = complaint.partition(" ")
                raise CheckError(self._why_given_up(int(number), setting))

    def _why_given_up(self, number: int, setting: str) -> str:
        if setting == "start":
            return program.why_not_started(self._words[0], OSError(number, os.strerror(number)))
        hint = ": only an agent that runs as root may" if number == errno.EPERM else ""
        return f"cannot start {self._words[0]} with `{setting}`: {os.strerror(number)}{hint}"

    def _prepare(self, script: Script) -> None:
        account = self._account(script)
        home = account.home if account else home_of_the_agent()
        self.env = {"PATH": _PATH, "HOME": home, "LANG": "C.UTF-8", **script.env}
        words = program.command_line(script.command, script.cwd, self.env)
        if os.geteuid() == 0:
            uid = account.uid if account else 0
            program.refuse_weak(words, script.cwd, self.env, script.env, uid, script.stdin)
        if os.geteuid() != 0 or script.cwd:
            program.touch(words[0])  # root has just read its first line
        self._words = tuple(words)
        if script.sha256:
            self._pin(words, script)
        if script.stdin:
            self.stdin = self._in_memory("stdin", script.stdin.encode())
        if limits.needs_stage(script):
            self.argv = self._stage(words, script, account)
        else:
            self.argv = ["/bin/sh", "-c", _CD, "sh", script.cwd, *words] if script.cwd else words

    def _account(self, script: Script) -> Account | None:
        if not script.user and not script.group:
            return None
        from checks.script.account import account_of

        return account_of(script.user, script.group)

    def _pin(self, words: list[str], script: Script) -> None:
        """Have a copy run that nobody can change any more, when it is what was pinned."""
        from checks.script.pin import open_pinned

        at = program.script_in(words, script.cwd)
        self.descriptors.append(self._keep(open_pinned(self.file, script.sha256)))
        words[at] = f"/proc/self/fd/{self.descriptors[-1]}"

    def _stage(self, words: list[str], script: Script, account: Account | None) -> list[str]:
        self._complaints, writer = os.pipe()
        self._open_descriptors += (self._complaints, writer)
        os.set_blocking(self._complaints, False)
        env = self._in_memory("env", limits.as_content(self.env))
        self.descriptors += (writer, env)
        self.env = limits.STAGE_ENV
        return limits.stage(words, script, account, writer, env)

    def _in_memory(self, name: str, content: bytes) -> int:
        from checks.script.memory_file import memory_file

        return self._keep(memory_file(name, content))

    def _keep(self, fd: int) -> int:
        self._open_descriptors.append(fd)
        return fd
