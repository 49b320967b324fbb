"""One connection under one deadline: look up, connect, shake hands, send, receive; all in the loop that runs us."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.api import CheckError
from checks._network.addresses import Address, host_name, is_ip, is_this_host, without_zone
from checks._network.crowd import CROWD
from checks._network.lookup import addresses_of, source_family, with_zone
from checks._network.network import Network
from checks._network.progress import Progress
from checks._network.waiting import retry, writable

CRL_UNUSABLE = (3, 5, 8, 11, 12)
"""X509_V_ERR_ of OpenSSL: no CRL of the certificate's CA, a forged one, one of the future, an old one."""
FULL_QUEUE_SECONDS = 0.02
"""Between tries to connect to a unix socket whose queue is full."""
PIECES_AT_ONCE = 16
"""Reads of one run before the others in its loop have their turn."""
UNIX_PATH_LIMIT = 107
"""Bytes that the kernel takes, unix(7)."""


async def connect(stop: Address, family: int, network: Network) -> socket.socket:
    """Connect to the first address of a name, and only to that: trying others would hide that one of them is dead.

    Nobody who writes `localhost` means that it must answer by IPv4 and by IPv6: there each address is tried.
    """
    progress = network.progress
    progress.enter("dns", f"looking up {stop.host}")
    answers = await addresses_of(stop.host, source_family(network.source, family), network)
    addresses = [(kind, (where[0], stop.port, *where[2:])) for kind, _, _, _, where in answers]
    tries = addresses if is_this_host(stop.host) else addresses[:1]
    failure = OSError(f"{stop.host} has no address")
    target = stop
    for kind, where in tries:
        place = Address(with_zone(where), where[1])
        progress.address = place.host
        progress.enter("connect", f"connecting to {place}")
        try:
            return await _connect(kind, where, network)
        except OSError as error:
            if target is stop or kind == socket.AF_INET:  # IPv6 may be switched off, which says nothing
                failure, target = error, place
            if isinstance(error, TimeoutError):
                break
    progress.address, progress.doing = target.host, f"connecting to {target}"
    progress.hint = _hint_at_untried([one[1][0] for one in addresses[len(tries) :]], ":" in target.host)
    raise failure


def new_socket(family: int, kind: int, protocol: int = 0) -> socket.socket:
    """Make a socket that does not block; CheckError where we may have no more, which is no fault of a server."""
    try:
        new = socket.socket(family, kind, protocol)
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        raise CheckError(
            f"the agent cannot connect: {(error.strerror or '').lower()} (LimitNOFILE, ulimit -n)"
        ) from None
    new.setblocking(False)
    return new


async def turn(address: str, progress: Progress) -> None:
    """Wait while many connect to this address; the time is not the server's."""
    wait = CROWD.wait(address, time.monotonic(), progress.timeout)
    if wait:
        before = time.monotonic()
        await asyncio.sleep(wait)
        progress.leave_out(time.monotonic() - before)


async def _connect(family: int, where: Any, network: Network) -> socket.socket:
    await turn(f"{where[0]} {where[1]}", network.progress)
    connection = new_socket(family, socket.SOCK_STREAM)
    try:
        network.progress.remaining_seconds()
        bind(connection, network.source)
        error = connection.connect_ex(where)
        if error == errno.EINPROGRESS:
            # To this host it mostly is connected by now, and a second call says so; to others that is worth a wait.
            error = connection.connect_ex(where)
        if error == errno.EALREADY:
            await writable(connection, network.progress.deadline)
            error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error not in (0, errno.EISCONN):
            raise OSError(error, os.strerror(error))
    except BaseException:
        connection.close()
        raise
    return connection


async def connect_unix(path: str, progress: Progress) -> socket.socket:
    """Connect to a unix socket; CheckError where we may not."""
    progress.address = path
    progress.enter("connect", f"connecting to {path}")
    await turn(path, progress)
    connection = new_socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        await retry_unix_connect(connection, path, progress.deadline)
    except PermissionError:
        connection.close()
        raise CheckError(f"{path}: the agent may not connect to it") from None
    except ConnectionRefusedError:
        connection.close()
        progress.hint = "nobody listens on it" if Path(path).is_socket() else "it is no socket"
        raise
    except BaseException:
        connection.close()
        raise
    return connection


async def retry_unix_connect(connection: socket.socket, path: str, deadline: float) -> None:
    """Connect; of a server whose queue is full the kernel says so, and cannot tell when it has room again.

    `deadline` is monotonic seconds; TimeoutError then.
    """
    while time.monotonic() < deadline:
        try:
            return connection.connect(path)
        except BlockingIOError:
            await asyncio.sleep(FULL_QUEUE_SECONDS)
    raise TimeoutError


def socket_path_problem(path: str) -> str:
    """Say what is wrong with the path of a unix socket, or nothing."""
    if len(path.encode()) > UNIX_PATH_LIMIT:
        return f"has more than the {UNIX_PATH_LIMIT} bytes that the kernel takes"
    if not path.startswith("/") or "\0" in path:
        plain = re.sub(r"^unix:(//)?(?=/)", "", path)
        return f"{path!r} is not a whole path, write {plain if plain != path else 'for example /run/docker.sock'}"
    return ""


def way_problems(host: str, ip_version: int | None, source: str) -> Iterator[tuple[str, str]]:
    """Yield (setting, what is wrong) where a host cannot be reached in this version of IP, or from this address."""
    family = (6 if ":" in host else 4) if is_ip(host) else 0
    if ip_version and family not in (0, ip_version):
        yield "ip_version", f"is for names: {host} is an address of IPv{family}, leave it out"
    if source and not is_ip(source):
        yield "source", f"{source!r} is not an IP address, write for example 192.0.2.7"
    elif source and ip_version and (ip_version == 6) != (":" in source):
        yield "source", f"{source} is not of IPv{ip_version}, leave ip_version out"
    elif source and family and (family == 6) != (":" in source):
        yield "source", f"{source} is not of IPv{family}, as {host} is: write an address of this host that is"


def _hint_at_untried(others: list[str], tried_6: bool) -> str:
    """Say which other addresses of the name could have answered, and what to set."""
    if not others:
        return ""
    if other := next((one for one in others if (":" in one) != tried_6), ""):
        return f"{other} was not tried: set ip_version: {4 if tried_6 else 6}"
    return f"the name has {len(others) + 1} addresses, only the first was tried"


def bind(connection: socket.socket, source: str) -> None:
    """Come from this address; CheckError where that cannot be, which is no fault of the server."""
    if not source:
        return
    try:
        connection.bind((source, 0))
    except OSError as error:
        raise CheckError(f"source {source} cannot be used: {(error.strerror or str(error)).lower()}") from None


async def start_tls(
    plain: socket.socket, context: ssl.SSLContext, server_name: str, progress: Progress
) -> ssl.SSLSocket:
    """Return the connection once TLS is agreed on; else it is closed: OSError, CheckError where we are at fault."""
    progress.enter("tls", f"TLS handshake with {server_name}")
    try:
        # In ASCII: Python would write other names by IDNA 2003.
        name = without_zone(host_name(server_name.rstrip(".")))
    except ValueError as error:
        raise CheckError(f"server_name: {error}") from None
    connection = context.wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
    try:
        await retry(connection, connection.do_handshake, progress.deadline)
    except ssl.SSLCertVerificationError as error:
        connection.close()
        if error.verify_code in CRL_UNUSABLE:  # says nothing about the server
            raise CheckError(f"crl_file cannot be used: {error.verify_message}") from None
        raise
    except BaseException:
        connection.close()
        raise
    return connection


async def send(connection: socket.socket, request: bytes, progress: Progress) -> None:
    """Send all of it by the deadline; OSError where that does not work."""
    rest = memoryview(request)
    while rest:
        progress.remaining_seconds()
        count = await retry(connection, lambda rest=rest: connection.send(rest), progress.deadline, sends=True)  # type: ignore[misc]
        rest = rest[count:]


async def receive(connection: socket.socket, progress: Progress) -> bytes:
    """Return what comes next, empty at the end; TimeoutError at the deadline."""
    progress.remaining_seconds()
    progress.pieces += 1
    if progress.pieces % PIECES_AT_ONCE == 0:
        await asyncio.sleep(0)  # a server that sends faster than we read holds up nobody else
    return await retry(connection, lambda: connection.recv(65536), progress.deadline)
