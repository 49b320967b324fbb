"""How protocols that begin in plain text ask for TLS: what to say, and what to hear. Pure but for `ask_for_tls`.

Each protocol is a generator: it yields what to send and how to tell that the reply is whole, gets the reply, and ends
where TLS may begin. NoAnswer where the server does not want it.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Generator, Iterator
from typing import Literal

from checks._network.connection import receive, send
from checks._network.der import element
from checks._network.payload import excerpt
from checks._network.progress import NoAnswer, Progress

Protocol = Literal["ftp", "imap", "ldap", "mysql", "pop3", "postgres", "smtp"]
PORTS = {"ftp": 21, "imap": 143, "ldap": 389, "mysql": 3306, "pop3": 110, "postgres": 5432, "smtp": 25}
REPLY_LIMIT = 64 * 1024
LDAP_STARTTLS = b"1.3.6.1.4.1.1466.20037"
"""RFC 4511, 4.14."""
LDAP_ANSWER = 0x78
"""The tag of an ExtendedResponse."""
ENUMERATED = 0x0A
"""The tag of its result code."""
MYSQL_CLIENT_SSL = 0x0800
MYSQL_CLIENT = 0x0200 | 0x8000 | MYSQL_CLIENT_SSL
"""Protocol 4.1, its way of passwords, and TLS."""
Whole = Callable[[bytes], int]
"""Returns how many of these bytes are the reply, 0 while it is not whole."""
Talk = Generator[tuple[bytes, Whole | None], bytes, None]


async def ask_for_tls(protocol: str, connection: socket.socket, progress: Progress) -> None:
    """Bring the connection to where the TLS handshake begins."""
    progress.enter("starttls", f"asking for TLS ({protocol})")
    talk = TALKS[protocol](_own_name(connection))
    buffer = b""
    question, whole = next(talk)
    while True:
        await send(connection, question, progress)
        reply, buffer = await _receive_reply(buffer, whole, connection, progress) if whole else (b"", buffer)
        try:
            question, whole = talk.send(reply)
        except StopIteration:
            break
    if buffer:  # it would count as if it had come by TLS (CVE-2011-0411)
        raise NoAnswer(f"said {excerpt(buffer)} in plain text after it agreed to TLS")


async def _receive_reply(
    buffer: bytes, whole: Whole, connection: socket.socket, progress: Progress
) -> tuple[bytes, bytes]:
    """Receive until the reply is whole: (the reply, what came after it)."""
    while not (length := whole(buffer)):
        if len(buffer) > REPLY_LIMIT:
            raise NoAnswer(f"said {excerpt(buffer)} and more")
        try:
            piece = await receive(connection, progress)
        except ConnectionResetError:
            if not buffer:
                raise
            piece = b""
        if not piece:
            raise NoAnswer(f"said {excerpt(buffer)} and closed" if buffer else "the server closed the connection")
        buffer += piece
    return buffer[:length], buffer[length:]


def _own_name(connection: socket.socket) -> bytes:
    """Say who we are to SMTP: our address, for we may have no name (RFC 5321, 4.1.3)."""
    own = connection.getsockname()
    host = own[0].partition("%")[0] if isinstance(own, tuple) else "127.0.0.1"
    return f"[IPv6:{host}]".encode() if ":" in host else f"[{host}]".encode()


def _smtp(own_name: bytes) -> Talk:
    _must(b"220", (yield b"", _end_of_numbered_reply))
    extensions = yield b"EHLO " + own_name + b"\r\n", _end_of_numbered_reply
    _must(b"250", extensions)
    if not re.search(rb"(?im)^250[ -]STARTTLS(?:\s|$)", extensions):
        raise NoAnswer("does not offer STARTTLS")
    _must(b"220", (yield b"STARTTLS\r\n", _end_of_numbered_reply))


def _ftp(own_name: bytes) -> Talk:
    greeting = yield b"", _end_of_numbered_reply
    while greeting[:3] == b"120":  # not ready yet; another greeting follows (RFC 959, 5.4)
        greeting = yield b"", _end_of_numbered_reply
    _must(b"220", greeting)
    reply = yield b"AUTH TLS\r\n", _end_of_numbered_reply
    _must(b"334" if reply[:3] == b"334" else b"234", reply)  # 334 asks for what TLS brings by itself; curl takes it


def _imap(own_name: bytes) -> Talk:
    _must(b"* OK", (yield b"", _end_of_line))
    reply = yield b"a1 STARTTLS\r\n", _end_of_tagged_line
    _must(b"a1 OK", reply.splitlines()[-1])


def _pop3(own_name: bytes) -> Talk:
    _must(b"+OK", (yield b"", _end_of_line))
    _must(b"+OK", (yield b"STLS\r\n", _end_of_line))


def _ldap(own_name: bytes) -> Talk:
    # Tags of RFC 4511: 0x80 the name of the request, 0x77 an ExtendedRequest, 0x30 the message around it.
    name = bytes([0x80, len(LDAP_STARTTLS)]) + LDAP_STARTTLS
    request = b"\x02\x01\x01" + bytes([0x77, len(name)]) + name
    reply = yield bytes([0x30, len(request)]) + request, _end_of_element
    try:
        _, start, _ = element(reply, 0)
        _, _, after = element(reply, start)  # the message's number
        tag, start, _ = element(reply, after)
        code_tag, start, end = element(reply, start)
        code = int.from_bytes(reply[start:end], "big")
        if tag != LDAP_ANSWER or code_tag != ENUMERATED or end - start > 2:
            raise ValueError
    except (IndexError, ValueError):
        raise NoAnswer(f"said {excerpt(reply)}, which is no answer of LDAP") from None
    if code:
        raise NoAnswer(f"does not want TLS (LDAP result {code})")


def _postgres(own_name: bytes) -> Talk:
    # SSLRequest: its length, and 80877103 in the place of a version of the protocol.
    reply = yield b"\0\0\0\x08\x04\xd2\x16\x2f", lambda data: min(len(data), 1)
    if reply != b"S":
        raise NoAnswer("does not offer TLS" if reply == b"N" else f"said {excerpt(reply)}, which is no answer to it")


def _mysql(own_name: bytes) -> Talk:
    greeting = (yield b"", _end_of_packet)[4:]
    if greeting[:1] == b"\xff":
        raise NoAnswer(f"refuses us: {greeting[3:200].decode(errors='replace')}")
    version, nul, rest = greeting[1:].partition(b"\0")
    if greeting[:1] != b"\x0a" or not nul or len(rest) < 15:
        raise NoAnswer(f"said {excerpt(greeting)}, which is no greeting of MySQL")
    if not int.from_bytes(rest[13:15], "little") & MYSQL_CLIENT_SSL:
        raise NoAnswer(f"does not offer TLS (version {version.decode(errors='replace')})")
    # SSLRequest: what we can, packets of 16 MiB at most, utf8_general_ci, and 23 bytes that are not used.
    request = MYSQL_CLIENT.to_bytes(4, "little") + (1 << 24).to_bytes(4, "little") + b"\x21" + bytes(23)
    yield b"\x20\0\0\x01" + request, None


TALKS: dict[str, Callable[[bytes], Talk]] = {
    "ftp": _ftp,
    "imap": _imap,
    "ldap": _ldap,
    "mysql": _mysql,
    "pop3": _pop3,
    "postgres": _postgres,
    "smtp": _smtp,
}


def _must(begin: bytes, reply: bytes) -> None:
    if not reply.upper().startswith(begin.upper()):
        raise NoAnswer(f"said {excerpt(reply)} instead of {begin.decode()}")


def _lines(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield each line that is whole, and where it ends."""
    start = 0
    while end := data.find(b"\n", start) + 1:
        yield data[start:end], end
        start = end


def _end_of_line(data: bytes) -> int:
    return data.find(b"\n") + 1


def _end_of_numbered_reply(data: bytes) -> int:
    """`220-` goes on, until a line begins with `220 ` (RFC 959, 4.2)."""
    for line, end in _lines(data):
        if not re.match(rb"\d{3}-", data) or line.rstrip() == data[:3] or line.startswith(data[:3] + b" "):
            return end
    return 0


def _end_of_tagged_line(data: bytes) -> int:
    return next((end for line, end in _lines(data) if line.startswith(b"a1 ")), 0)


def _end_of_element(data: bytes) -> int:
    if data and data[0] != 0x30:
        return len(data)
    try:
        return element(data, 0)[2]
    except (IndexError, ValueError):
        return 0


def _end_of_packet(data: bytes) -> int:
    length = 4 + int.from_bytes(data[:3], "little")
    return length if len(data) >= max(length, 5) else 0
