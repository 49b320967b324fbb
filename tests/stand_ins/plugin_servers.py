"""Small servers on loopback that Nagios plugins talk to: as much of each protocol as its plugin speaks.

with servers() as ports:
    ...             # ports["smtp"] is where the mail server listens
"""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import trustme

SINCE_1900 = 2208988800
"""Seconds from 1900, where NTP and the time protocol begin, to 1970."""

Talk = Callable[[socket.socket], None]
Answer = Callable[[bytes], bytes]


def dialogue(greeting: bytes = b"", answers: Mapping[bytes, bytes] | None = None, once: bool = False) -> Talk:
    """Greet, then answer whatever begins like a key; what has no answer ends the connection, with `once` any does."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(greeting)
        while heard := connection.recv(65536):
            for begin, answer in (answers or {}).items():
                if heard.startswith(begin):
                    connection.sendall(answer)
                    break
            else:
                return
            if once:
                return

    return talk


def mute(connection: socket.socket) -> None:
    """Take the connection, say nothing."""
    connection.recv(65536)
    connection.recv(65536)


def rtsp(described: bytes) -> Talk:
    """Have a stream that is described with this status; check_real sends its requests in pieces."""

    def talk(connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            for line in lines:
                if line.startswith((b"OPTIONS", b"DESCRIBE")):
                    status = described if line.startswith(b"DESCRIBE") else b"200 OK"
                    connection.sendall(b"RTSP/1.0 " + status + b"\r\n\r\n")

    return talk


def page(status: str, body: str = "<p>all is well | a=1 | here</p>", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n{body}".encode()


def clock(shift: int) -> Talk:
    """Speak the time protocol (RFC 868), wrong by so many seconds."""
    return lambda connection: connection.sendall(struct.pack("!I", int(time.time()) + SINCE_1900 + shift & 0xFFFFFFFF))


def ups(status: str, load: int) -> Talk:
    """Speak what upsd speaks of a UPS called `here`."""
    values = {"ups.status": status, "battery.charge": "100", "ups.load": str(load), "input.voltage": "230.5"}
    answers = {f"GET VAR here {name}": f'VAR here {name} "{value}"\n' for name, value in values.items()}
    lines = {begin.encode(): line.encode() for begin, line in answers.items()}
    return dialogue(b"", {**lines, b"GET VAR here": b"ERR VAR-NOT-SUPPORTED\n", b"GET VAR": b"ERR UNKNOWN-UPS\n"})


def ldap(found: int, code: int = 0) -> Talk:
    """Take any bind (`code` is the answer's), give so many entries to any search."""

    def talk(connection: socket.socket) -> None:
        while heard := connection.recv(65536):
            # 30 length 02 01 number operation: all of it is short here.
            number, operation = heard[4:5], heard[5]
            if operation == 0x60:
                connection.sendall(_message(number, 0x61, _done(code)))
            elif operation == 0x63:
                entry = b"\x04\x04cn=x\x30\x00"
                connection.sendall(_message(number, 0x64, entry) * found + _message(number, 0x65, _done(0)))
            else:
                return

    return talk


def _done(code: int) -> bytes:
    return b"\x0a\x01" + bytes([code]) + b"\x04\x00\x04\x00"


def _message(number: bytes, operation: int, content: bytes) -> bytes:
    inner = b"\x02\x01" + number + bytes([operation, len(content)]) + content
    return bytes([0x30, len(inner)]) + inner


def postgres(connection: socket.socket) -> None:
    """Let anybody in; every query's answer is one row, `42`."""
    ready = b"Z\0\0\0\x05I"
    setting = b"server_version\x0015.0\0"
    while heard := connection.recv(65536):
        if heard[4:8] == struct.pack("!I", 80877103):  # asks for TLS
            connection.sendall(b"N")
        elif heard[4:8] == struct.pack("!I", 196608):
            status = b"S" + struct.pack("!I", len(setting) + 4) + setting
            connection.sendall(b"R\0\0\0\x08\0\0\0\0" + status + ready)
        elif heard[:1] == b"Q":
            column = b"n\0" + struct.pack("!IhIhIh", 0, 0, 23, 4, 0xFFFFFFFF, 0)
            told = b"T" + struct.pack("!Ih", len(column) + 6, 1) + column
            row = b"D" + struct.pack("!IhI", 12, 1, 2) + b"42"
            connection.sendall(told + row + b"C" + struct.pack("!I", 13) + b"SELECT 1\0" + ready)
        else:
            return


def ntp(shift: float, stratum: int = 2) -> Answer:
    """Tell the time, wrong by so many seconds, and of one peer with that offset in milliseconds."""

    def answer(asked: bytes) -> bytes:
        if asked[0] & 7 == 6:
            return _ntp_control(asked, shift, stratum)
        now = time.time() + SINCE_1900 + shift
        stamp = struct.pack("!II", int(now), int(now % 1 * 2**32))
        return struct.pack("!BBbbII4s", 0x24, stratum, 6, -20, 0, 0, b"\x7f\0\0\1") + stamp + asked[40:48] + stamp * 2

    return answer


def _ntp_control(asked: bytes, shift: float, stratum: int) -> bytes:
    operation, sequence, association = asked[1] & 31, asked[2:4], struct.unpack("!H", asked[6:8])[0]
    if operation == 1:
        # One peer; it is the system's unless that has lost its time.
        text, association = struct.pack("!HH", 7, 0x9600 if stratum < 16 else 0x9000), 0
    else:
        text = f"stratum={stratum}, offset={shift * 1000:.3f}, jitter=1.5, dispersion=2.0\r\n".encode()
    head = struct.pack("!BB2sHHHH", 0x26, 0x80 | operation, sequence, 0x0600, association, 0, len(text))
    return head + text + bytes(-len(text) % 4)


def dns(asked: bytes) -> bytes:
    """Know `here.test`, which is 192.0.2.7, and nothing else."""
    name, rest = asked[12:].split(b"\0", 1)
    question = name + b"\0" + rest[:4]
    known = name == b"\x04here\x04test" and rest[:2] == b"\0\x01"
    code = 0 if name == b"\x04here\x04test" else 3
    head = asked[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, known, 0, 0)
    record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes([192, 0, 2, 7])
    return head + question + record * known


FTP = {b"QUIT": b"221 bye\r\n"}
SMTP = {b"HELO": b"250 here\r\n", b"EHLO": b"250 here\r\n", b"MAIL": b"250 yes\r\n", b"QUIT": b"221 bye\r\n"}
STREAM = b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
HTTP = {
    b"GET /missing": page("404 Not Found"),
    b"GET /broken": page("500 Internal Server Error"),
    b"GET /moved": page("302 Found", more="Location: /\r\n"),
    b"GET /nonsense": b"no http at all\r\n\r\n",
    b"GET ": page("200 OK"),
}
# The command that NSClient is asked, and its answer.
NSCLIENT = {b"None&1": b"NSClient++ 0.5", b"None&2": b"40&", b"None&4": b"400000000&1000000000", b"None&": b"ERROR: no"}
NETWARE = {b"UTIL": b"40\r\n", b"UPTIME": b"5 days\r\n", b"CONNECT": b"40\r\n"}
OVERCR = {b"NETSTAT": b"40\r\n"}

TCP: dict[str, Talk] = {
    "mute": mute,
    "smtp": dialogue(b"220 here ESMTP\r\n", SMTP),
    "smtp_refusing": dialogue(b"554 go away\r\n"),
    "ftp": dialogue(b"220 ready\r\n", FTP),
    "pop": dialogue(b"+OK ready\r\n", {b"QUIT": b"+OK bye\r\n"}),
    "imap": dialogue(b"* OK ready\r\n", {b"a1 LOGOUT": b"* BYE\r\na1 OK\r\n"}),
    "nntp": dialogue(b"200 ready\r\n", {b"QUIT": b"205 bye\r\n"}),
    "stranger": dialogue(b"I am | something=else\r\n", {b"": b""}),
    "ssh_banner": dialogue(b"SSH-2.0-OpenSSH_9.2\r\n", {b"SSH-": b""}),
    "jabber": dialogue(b"", {b"<stream": STREAM, b"</stream": b"</stream:stream>"}),
    "clamd": dialogue(b"", {b"PING": b"PONG\n", b"VERSION": b"ClamAV 1.0.7\n"}),
    "ircd": dialogue(b"", {b"NICK": b":here 255 me :I have 60 clients and 1 servers\r\n"}),
    "rtsp": rtsp(b"200 OK"),
    "rtsp_lost": rtsp(b"404 Not Found"),
    "rtsp_broken": rtsp(b"500 Oops"),
    "http": dialogue(b"", HTTP, once=True),
    "nsclient": dialogue(b"", NSCLIENT),
    "netware": dialogue(b"", NETWARE, once=True),
    "overcr": dialogue(b"", OVERCR, once=True),
    "shut": lambda connection: None,
    "time": clock(0),
    "time_wrong": clock(500),
    "ups": ups("OL", 20),
    "ups_battery": ups("OB", 20),
    "ups_low": ups("OB LB", 20),
    "ldap": ldap(found=3),
    "ldap_refusing": ldap(found=0, code=49),
    "postgres": postgres,
}
TLS: dict[str, Talk] = {
    "https": dialogue(b"", HTTP, once=True),
    "smtps": dialogue(b"220 here ESMTP\r\n", SMTP),
    "pops": dialogue(b"+OK ready\r\n", {b"QUIT": b"+OK bye\r\n"}),
    "imaps": dialogue(b"* OK ready\r\n", {b"a1 LOGOUT": b"* BYE\r\na1 OK\r\n"}),
    "nntps": dialogue(b"200 ready\r\n", {b"QUIT": b"205 bye\r\n"}),
    "ldaps": ldap(found=3),
    "strangers": dialogue(b"I am | something=else\r\n", {b"": b""}),
}
UDP: dict[str, Answer] = {
    "echo": lambda heard: b"answer to " + heard,
    "ntp": ntp(0.0),
    "ntp_wrong": ntp(40.0),
    "ntp_lost": ntp(0.0, stratum=16),
    "dns": dns,
}
CERTIFICATE_DAYS = 20


@contextlib.contextmanager
def servers() -> Iterator[dict[str, int]]:
    """Start them all; give their ports by name, and `closed` and `udp_closed`, where nobody answers."""
    with contextlib.ExitStack() as stack:
        ports = {}
        for name, kind in (("closed", socket.SOCK_STREAM), ("udp_closed", socket.SOCK_DGRAM)):
            # Bound, so that nobody else gets it; connected elsewhere or not listening, so that callers are refused.
            unanswering = stack.enter_context(socket.socket(socket.AF_INET, kind))
            unanswering.bind(("127.0.0.1", 0))
            ports[name] = unanswering.getsockname()[1]
            if kind is socket.SOCK_DGRAM:
                unanswering.connect(("127.0.0.1", 1))
        context = _tls()
        for name, talk in TCP.items():
            ports[name] = stack.enter_context(_tcp(talk))
        for name, talk in TLS.items():
            ports[name] = stack.enter_context(_tcp(talk, context))
        for name, answer in UDP.items():
            ports[name] = stack.enter_context(udp(answer))
        yield ports


def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=CERTIFICATE_DAYS, hours=1)
    trustme.CA().issue_cert("localhost", "127.0.0.1", not_after=ends).configure_cert(context)
    return context


@contextlib.contextmanager
def _tcp(talk: Talk, context: ssl.SSLContext | None = None) -> Iterator[int]:
    def serve(connection: socket.socket) -> None:
        # A plugin that leaves in the middle is no news.
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            with context.wrap_socket(connection, server_side=True) if context else connection as spoken:
                talk(spoken)

    with socket.create_server(("127.0.0.1", 0)) as listener, _thread(_accept, listener, serve):
        yield listener.getsockname()[1]


def _accept(listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    talks = []
    with contextlib.suppress(OSError):
        while True:
            talk = threading.Thread(target=serve, args=(listener.accept()[0],))
            talk.start()
            talks.append(talk)
    for talk in talks:
        talk.join()


@contextlib.contextmanager
def udp(answer: Answer, address: tuple[str, int] = ("127.0.0.1", 0)) -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        with _thread(_reply, listener, answer):
            yield listener.getsockname()[1]


def _reply(listener: socket.socket, answer: Answer) -> None:
    with contextlib.suppress(OSError):
        while True:
            heard, asker = listener.recvfrom(65536)
            if not heard:
                return
            listener.sendto(answer(heard), asker)


@contextlib.contextmanager
def _thread(work: Callable[..., None], listener: socket.socket, *more: Any) -> Iterator[None]:
    thread = threading.Thread(target=work, args=(listener, *more))
    thread.start()
    try:
        yield
    finally:
        # Wakes who waits for a connection or a datagram; a datagram socket says so with an error.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join()
