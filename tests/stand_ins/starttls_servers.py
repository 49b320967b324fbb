"""Servers on loopback that begin in plain text and change to TLS. `openssl s_client` takes them for real ones."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from tests.stand_ins.http_servers import Talk, Visit

Plain = Callable[[Visit], None]


def line(visit: Visit) -> bytes:
    got = b""
    while not got.endswith(b"\n") and (byte := visit.connection.recv(1)):
        got += byte
    if not got:
        raise ConnectionError("the other side hung up: another test of this host looks who listens")
    return got


def smtp(visit: Visit) -> None:
    visit.send(b"220-mail.example.com\r\n220 ready\r\n")
    assert line(visit).upper().startswith(b"EHLO ")
    visit.send(b"250-mail.example.com\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 HELP\r\n")
    assert line(visit).upper() == b"STARTTLS\r\n"
    visit.send(b"220 go ahead\r\n")


def imap(visit: Visit) -> None:
    visit.send(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
    while command := line(visit).split():
        if command[1].upper() == b"STARTTLS":
            visit.send(b"* NO soon\r\n" + command[0] + b" OK begin\r\n")
            return
        visit.send(b"* CAPABILITY IMAP4rev1 STARTTLS\r\n" + command[0] + b" OK done\r\n")


def pop3(visit: Visit) -> None:
    visit.send(b"+OK ready\r\n")
    assert line(visit).upper() == b"STLS\r\n"
    visit.send(b"+OK begin\r\n")


def ftp(visit: Visit) -> None:
    visit.send(b"220-Welcome\r\n 220 times\r\n220 ready\r\n")
    while not (command := line(visit).upper()).startswith(b"AUTH TLS"):
        visit.send(b"211-Features\r\n AUTH TLS\r\n211 End\r\n" if command.startswith(b"FEAT") else b"500 ?\r\n")
    visit.send(b"234 begin\r\n")


def ldap(visit: Visit) -> None:
    assert b"1.3.6.1.4.1.1466.20037" in visit.connection.recv(100)
    visit.send(bytes.fromhex("300c 020101 7807 0a0100 0400 0400"))


def postgres(visit: Visit) -> None:
    assert visit.connection.recv(8) == bytes.fromhex("00000008 04d2162f")
    visit.send(b"S")


def mysql(visit: Visit, capabilities: bytes = b"\xff\xff") -> None:
    greeting = b"\x0a8.0.36\0" + bytes(4) + b"12345678\0" + capabilities + b"\x21\x02\0\xff\xdf\x15" + bytes(10)
    greeting += b"123456789012\0caching_sha2_password\0"
    visit.send(len(greeting).to_bytes(3, "little") + b"\0" + greeting)
    assert len(visit.connection.recv(36)) in (0, 36)


PROTOCOLS: dict[str, Plain] = {
    "ftp": ftp,
    "imap": imap,
    "ldap": ldap,
    "mysql": mysql,
    "pop3": pop3,
    "postgres": postgres,
    "smtp": smtp,
}


def with_tls(plain: Plain, context: ssl.SSLContext, secret: bytes = b"") -> Talk:
    """Speak plainly, change to TLS, say the secret, and stay until the other side leaves."""

    def talk(visit: Visit) -> None:
        plain(visit)
        with context.wrap_socket(visit.connection, server_side=True) as secure:
            secure.sendall(secret)
            secure.recv(1)

    return talk


class Wire:
    """A socket whose other side says these bytes, in pieces, and closes."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = [piece for piece in pieces if piece]

    def settimeout(self, seconds: float) -> None: ...

    def send(self, data: memoryview) -> int:
        return len(data)

    def recv(self, size: int) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def getsockname(self) -> tuple[str, int]:
        return "fe80::1%eth0", 7
