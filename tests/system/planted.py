"""What the agent's user may plant where root's commands look."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.store import Store

USER = 5  # games: without files and processes


class Place:
    """A state directory of USER, root's own things beside it, and root's commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.roots = folder / "root"
        self.config = folder / "conf.d"
        self.marker = folder / "the command ran"
        for one in (self.roots, self.config, folder / "template"):
            one.mkdir()
        self.roots.chmod(0o700)
        (self.config / "a.yaml").write_text("checks:\n  a: {type: load}\n  b: {type: pushed, ttl: 1h}\n")
        Store.open(folder / "template").close()
        (folder / "template" / "spool").mkdir()
        self.commands = subprocess.Popen(
            [sys.executable, "-m", "tests.processes.root_commands"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.victim = subprocess.Popen(["sleep", "600"])

    def fresh(self) -> None:
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.copytree(self.folder / "template", self.state)
        for path in (self.state, *self.state.rglob("*")):
            os.chown(path, USER, USER)
        self.state.chmod(0o710)
        (self.state / "spool").chmod(0o770)
        (self.roots / "secret").write_text("root's own")
        (self.roots / "secret").chmod(0o600)
        self.marker.unlink(missing_ok=True)

    def run(self, words: list[str]) -> tuple[int, str, float]:
        at = [words[0], "--state", str(self.state), "--config", str(self.config), *words[1:]]
        more = ["touch", str(self.marker)] if words[0] == "wrap" else []
        assert self.commands.stdin
        assert self.commands.stdout
        print(
            json.dumps({"words": at + more, "output": str(self.folder / "output")}),
            file=self.commands.stdin,
            flush=True,
        )
        code, output, seconds = json.loads(self.commands.stdout.readline())
        return code, output, seconds

    def outside(self) -> dict[str, Any]:
        """Return all that a command could do outside of the state directory."""
        found: dict[str, Any] = {"alive": self.victim.poll() is None}
        for path in (self.roots, self.config, *self.roots.rglob("*"), *self.config.rglob("*")):
            info = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            found[str(path)] = (info.st_uid, info.st_gid, info.st_mode, info.st_mtime_ns, content)
        return found

    def close(self) -> None:
        for process in (self.commands, self.victim):
            process.kill()
            process.communicate()


def link(to: str) -> Callable[[Place, Path], None]:
    return lambda place, path: path.symlink_to(to.replace("@", str(place.roots) if place else ""))


def folder_with_something(place: Place, path: Path) -> None:
    path.mkdir()
    (path / "x").touch()


def huge(place: Place, path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(200 * 1024**3)


def foreign_pid(place: Place, path: Path) -> None:
    path.write_text(json.dumps({"pid": place.victim.pid, "since": 1}))


def silent_socket(place: Place, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        # It stays open in a process that never accepts.
        os.set_inheritable(server.fileno(), True)
        subprocess.Popen(["sleep", "8"], close_fds=False).returncode = 0


def pipe(place: Place, path: Path) -> None:
    os.mkfifo(path)


KINDS: dict[str, Callable[[Place, Path], None]] = {
    "a link to root's file": link("@/secret"),
    "a link to what is not there": link("@/new"),
    "a link to a folder of root": link("@"),
    "a link to a device": link("/dev/zero"),
    "a pipe": pipe,
    "a folder": folder_with_something,
    "a huge file": huge,
    "a foreign pid": foreign_pid,
    "a socket that never answers": silent_socket,
}
