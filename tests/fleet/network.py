"""Machines with cables: each a network namespace on one switch, whose cable can be pulled. Needs root."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import subprocess
import threading
from pathlib import Path
from types import TracebackType

from tests.host import needs

CLONE_NEWNET = 0x40000000


def ip(*words: str) -> None:
    subprocess.run([needs.command("ip", "iproute2"), *words], check=True, capture_output=True, timeout=20)


class Network:
    """Machines by their names, at 10.77.0.11 and following; this process is the machine `here`, at 10.77.0.10."""

    def __init__(self, *machines: str) -> None:
        self._tag = f"hv{os.getpid() % 100_000}"
        self._switch = f"{self._tag}-sw"
        self._names = ["here", *machines]
        self._listening: list[asyncio.Server] = []

    def __enter__(self) -> Network:
        needs.root()
        try:
            ip("netns", "add", self._switch)
        except subprocess.CalledProcessError:
            needs.missing("network namespaces")
        ip("-n", self._switch, "link", "add", "br0", "type", "bridge")
        ip("-n", self._switch, "link", "set", "br0", "up")
        for number, name in enumerate(self._names):
            self._plug(name, number)
        return self

    def _plug(self, name: str, number: int) -> None:
        near, far = self._cable(name), f"{self._cable(name)}s"
        ip("link", "add", near, "type", "veth", "peer", "name", far)
        ip("link", "set", far, "netns", self._switch)
        ip("-n", self._switch, "link", "set", far, "master", "br0", "up")
        inside: list[str] = []
        if name != "here":
            ip("netns", "add", self._space(name))
            ip("link", "set", near, "netns", self._space(name))
            inside = ["-n", self._space(name)]
            ip(*inside, "link", "set", "lo", "up")
        ip(*inside, "addr", "add", f"{self.address(name)}/24", "dev", near)
        ip(*inside, "link", "set", near, "up")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            ip("link", "del", self._cable("here"))
        for name in [self._switch, *map(self._space, self._names[1:])]:
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "del", name)

    def address(self, name: str) -> str:
        return f"10.77.0.{10 + self._names.index(name)}"

    def on(self, name: str) -> tuple[str, ...]:
        """Return what is put before a command that is to run on a machine."""
        return needs.command("ip", "iproute2"), "netns", "exec", self._space(name)

    def pull(self, name: str) -> None:
        """Pull a machine's cable: what it sends and what is sent to it is lost, and nobody is told."""
        ip("-n", self._switch, "link", "set", f"{self._cable(name)}s", "down")

    def plug_in(self, name: str) -> None:
        ip("-n", self._switch, "link", "set", f"{self._cable(name)}s", "up")

    async def pull_for(self, name: str, seconds: float) -> None:
        await asyncio.to_thread(self.pull, name)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self.plug_in, name)

    async def forward(self, name: str, port: int) -> None:
        """What connects to a port of a machine's own loopback reaches the same port of this one, whatever its cable."""

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

        listening = await asyncio.to_thread(_listening_in, f"/run/netns/{self._space(name)}", port)
        self._listening.append(await asyncio.start_server(carry, sock=listening))

    def hang_up(self) -> None:
        for server in self._listening:
            server.close()

    def _space(self, name: str) -> str:
        return f"{self._tag}-{name}"

    def _cable(self, name: str) -> str:
        return f"{self._tag}c{self._names.index(name)}"


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def _listening_in(space: str, port: int) -> socket.socket:
    """Make a socket in another namespace: a thread goes there and ends there."""
    found: list[socket.socket] = []

    def make() -> None:
        with Path(space).open() as file:
            assert ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) == 0, os.strerror(
                ctypes.get_errno()
            )
        found.append(socket.create_server(("127.0.0.1", port)))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return found[0]
