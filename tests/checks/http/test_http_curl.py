"""curl as the oracle: where curl gets an answer from a server, so does the http check, or it says exactly why not."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import zlib
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote

import pytest

from agent.api import Context
from checks._network.network import Network
from checks._network.progress import NoAnswer, Progress
from checks.http.body import BrokenBody, Unreadable, unpack
from checks.http.exchange import exchange
from tests.host import needs
from tests.stand_ins.http_servers import Visit, http, serving

LIMIT = 1 << 20
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKS = b"6\r\nhealth\r\n1\r\ny\r\n0\r\n\r\n"
SIZED = b"Content-Length: 7\r\n\r\nhealthy"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS
MANY = b"".join(b"X-%d: %d\r\n" % (number, number) for number in range(400))

Pages = dict[str, bytes | Callable[[bytes], bytes]]
"""What a server answers, by path; a function gets the request."""


def sized(body: bytes, *headers: bytes) -> bytes:
    return HEAD + b"".join(header + b"\r\n" for header in headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def raw_deflate(body: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-15)
    return packing.compress(body) + packing.flush()


def gzip_with_everything(body: bytes) -> bytes:
    """A member with extra field, name, comment and checksum of its header (RFC 1952)."""
    head = b"\x1f\x8b\x08\x1e\0\0\0\0\0\x03" + b"\x04\0abcd" + b"name\0" + b"comment\0"
    head += (zlib.crc32(head) & 0xFFFF).to_bytes(2, "little")
    ends = zlib.crc32(body).to_bytes(4, "little") + len(body).to_bytes(4, "little")
    return head + raw_deflate(body) + ends


def go(location: bytes, status: bytes = b"302 Go", *headers: bytes) -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 " + status + b"\r\nLocation: " + location + b"\r\n" + lines + b"Content-Length: 0\r\n\r\n"


def wants(cookie: bytes, *setting: bytes, to: bytes = b"/") -> Pages:
    """A site that lets in who brings the cookie, and sends everybody else to fetch it."""
    given = go(to, b"302 Go", *(b"Set-Cookie: " + one for one in setting))

    def page(request: bytes) -> bytes:
        line = next((line for line in request.split(b"\r\n") if line.lower().startswith(b"cookie:")), b"")
        return HEAD + SIZED if cookie in line else given

    return {"/": page, "/a/b": page, "/a": page, "/x": page}


HEADERS: dict[str, bytes] = {
    "plain": HEAD + SIZED,
    "a reason of none": b"HTTP/1.1 200\r\n" + SIZED,
    "a long reason": b"HTTP/1.1 200 " + b"very " * 500 + b"good\r\n" + SIZED,
    "a reason in UTF-8": "HTTP/1.1 200 Schön\r\n".encode() + SIZED,
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n" + SIZED,
    "HTTP in small letters": b"http/1.1 200 OK\r\n" + SIZED,
    "HTTP/2 in plain text": b"HTTP/2 200\r\n" + SIZED,
    "two blanks before the status": b"HTTP/1.1  200 OK\r\n" + SIZED,
    "lines that end with LF": (HEAD + SIZED).replace(b"\r\n", b"\n"),
    "lines that end with two CR": (HEAD + SIZED).replace(b"\r\n", b"\r\r\n"),
    "lines that end both ways": HEAD + b"A: b\nC: d\r\n" + SIZED,
    "a name with a blank, before chunks": HEAD + b"My Param: None\r\n" + CHUNKED,
    "a name with a blank, before a length": HEAD + b"My Param: None\r\n" + SIZED,
    "no colon": HEAD + b"nonsense\r\n" + SIZED,
    "no colon, before chunks": HEAD + b"nonsense\r\n" + CHUNKED,
    "no name": HEAD + b": value\r\n" + SIZED,
    "no value": HEAD + b"X:\r\n" + SIZED,
    "an empty name and value": HEAD + b":\r\n" + SIZED,
    "a name in UTF-8": HEAD + "Größe: 5\r\n".encode() + SIZED,
    "a name in Latin-1": HEAD + b"Gr\xf6\xdfe: 5\r\n" + SIZED,
    "a value with control characters": HEAD + b"X: a\x01\x02\x7f\r\n" + SIZED,
    "a name with brackets and quotes": HEAD + b'X(1)"2": a\r\n' + SIZED,
    "a name with a slash": HEAD + b"a/b: c\r\n" + SIZED,
    "no blank after the colon": HEAD + b"Content-Length:7\r\n\r\nhealthy",
    "tabs after the colon": HEAD + b"Content-Length:\t\t7\t\r\n\r\nhealthy",
    "names in capitals": HEAD + b"CONTENT-LENGTH: 7\r\n\r\nhealthy",
    "a folded value": HEAD + b"X: a\r\n b\r\n\tc\r\n" + SIZED,
    "a folded line after one without a colon": HEAD + b"nonsense\r\n  more\r\n" + SIZED,
    "a folded line that looks like a length": HEAD + b"X: a\r\n Content-Length: 3\r\n" + SIZED,
    "400 headers": HEAD + MANY + SIZED,
    "a header of 60 KB": HEAD + b"X: " + b"y" * 60_000 + b"\r\n" + SIZED,
    "a header of 90 KB": HEAD + b"X: " + b"y" * 90_000 + b"\r\n" + SIZED,
    "headers of 200 KB": HEAD + (b"X: " + b"y" * 9_990 + b"\r\n") * 20 + SIZED,
    "informational answers before it": b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nLink: x\r\n\r\n" + HEAD + SIZED,
    "an odd header in an informational answer": b"HTTP/1.1 103 E\r\nno colon\r\n\r\n" + HEAD + SIZED,
    "a status above 599": b"HTTP/1.1 799 Odd\r\n" + SIZED,
    "a version above": b"HTTP/1.9 200 OK\r\n" + SIZED,
}
FRAMING: dict[str, bytes] = {
    "chunks": HEAD + CHUNKED,
    "chunks with extensions": HEAD + CHUNKED.replace(b"6\r\n", b"6;a=b;c\r\n"),
    "chunks with blanks after the size": HEAD + CHUNKED.replace(b"6\r\n", b"6  \r\n"),
    "chunks with leading zeros": HEAD + CHUNKED.replace(b"6\r\n", b"00000006\r\n"),
    "chunks with trailers": HEAD + CHUNKED[:-2] + b"X-Sum: 5\r\nodd\r\n\r\n",
    "chunks with LF": HEAD + CHUNKED.replace(b"\r\n", b"\n"),
    "chunks in capitals": HEAD + CHUNKED.replace(b"chunked", b"CHUNKED"),
    "chunks and a length": HEAD + b"Content-Length: 3\r\n" + CHUNKED,
    "chunks after a length that is none": HEAD + b"Content-Length: x\r\n" + CHUNKED,
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\n" + CHUNKED,
    "identity and a length": HEAD + b"Transfer-Encoding: identity\r\n" + SIZED,
    "gzip in chunks": HEAD
    + b"Transfer-Encoding: gzip, chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    % (len(gzip.compress(b"healthy", mtime=0)), gzip.compress(b"healthy", mtime=0)),
    "one length twice": HEAD + b"Content-Length: 7\r\n" + SIZED,
    "one length twice in a list": HEAD + b"Content-Length: 7, 7\r\n\r\nhealthy",
    "a length with zeros before it": HEAD + b"Content-Length: 007\r\n\r\nhealthy",
    "two lengths that differ": HEAD + b"Content-Length: 3\r\n" + SIZED,
    "a length that is none": HEAD + b"Content-Length: abc\r\n\r\nhealthy",
    "a negative length": HEAD + b"Content-Length: -7\r\n\r\nhealthy",
    "more than the length": HEAD + SIZED + b" and more",
    "a length of nothing": HEAD + b"Content-Length: 0\r\n\r\n",
    "204 with chunks announced": b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
    "204 with a length": b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n",
    "304 with chunks announced": b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
    "304 with an unknown coding": b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: odd\r\n\r\n",
    "304 with a length": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    "205 with a length of nothing": b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
    "nothing after the status line": HEAD + b"Content-Length: 0\r\n\r\n",
}
UNTIL_CLOSED: dict[str, bytes] = {
    "neither length nor chunks": HEAD + b"\r\nhealthy",
    "no header at all": b"HTTP/1.0 200 OK\r\n\r\nhealthy",
    "an unknown transfer coding": HEAD + b"Transfer-Encoding: identity\r\n\r\nhealthy",
    "an empty body": HEAD + b"\r\n",
    "an empty length": HEAD + b"Content-Length:\r\n\r\nhealthy",
}
CUT: dict[str, bytes] = {
    "a body shorter than its length": HEAD + b"Content-Length: 9\r\n\r\nhealthy",
    "chunks without the last one": HEAD + CHUNKED[:-5],
    "a chunk shorter than its size": HEAD + CHUNKED[:-14],
    "a chunk longer than its size": HEAD + CHUNKED.replace(b"6\r\n", b"5\r\n"),
    "a chunk without a size": HEAD + CHUNKED.replace(b"6\r\n", b"x\r\n"),
    "headers without their end": HEAD + b"X: y\r\n",
    "nothing": b"",
    "no HTTP": b"SSH-2.0-x\r\n",
    "a body alone": b"healthy\n",
    "a status that is none": b"HTTP/1.1 abc\r\n\r\n",
}
CODINGS: dict[str, bytes] = {
    "gzip": sized(gzip.compress(b"healthy"), b"Content-Encoding: gzip"),
    "x-gzip in capitals": sized(gzip.compress(b"healthy"), b"Content-Encoding: X-GZIP"),
    "gzip with all parts of its header": sized(gzip_with_everything(b"healthy"), b"Content-Encoding: gzip"),
    "gzip of nothing": sized(gzip.compress(b""), b"Content-Encoding: gzip"),
    "an empty body called gzip": sized(b"", b"Content-Encoding: gzip"),
    "deflate": sized(zlib.compress(b"healthy"), b"Content-Encoding: deflate"),
    "raw deflate": sized(raw_deflate(b"healthy" * 99), b"Content-Encoding: deflate"),
    "gzip twice": sized(gzip.compress(gzip.compress(b"healthy")), b"Content-Encoding: gzip, gzip"),
    "gzip in two lines": sized(
        gzip.compress(zlib.compress(b"healthy")), b"Content-Encoding: deflate", b"Content-Encoding: gzip"
    ),
    "identity": sized(b"healthy", b"Content-Encoding: identity"),
    "gzip until closed": HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"healthy"),
    "gzip that is none": sized(b"healthy", b"Content-Encoding: gzip"),
    "gzip with a broken checksum": sized(gzip.compress(b"healthy")[:-8] + bytes(8), b"Content-Encoding: gzip"),
    "none": sized(b"healthy", b"Content-Encoding: none"),
    "a charset as coding": sized(b"healthy", b"Content-Encoding: UTF-8"),
    "a coding with a parameter": sized(gzip.compress(b"healthy"), b"Content-Encoding: gzip;q=1.0"),
    "gzip after chunks until closed": HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + gzip.compress(CHUNKS),
    "brotli": sized(b"\x0b\x03\x80healthy\x03", b"Content-Encoding: br"),
}
SITES: dict[str, Pages] = {
    "a redirect by path": {"/": go(b"/there"), "/there": HEAD + SIZED},
    "a redirect by a relative path": {"/": go(b"a/b/../there"), "/a/there": HEAD + SIZED},
    "a redirect by a query": {"/": go(b"?a=b"), "/?a=b": HEAD + SIZED},
    "a redirect with blanks": {"/": go(b"/a b"), "/a b": HEAD + SIZED},
    "a redirect beyond ASCII": {"/": go("/ä".encode()), "/ä": HEAD + SIZED},
    "a redirect with a fragment": {"/": go(b"/there#part"), "/there": HEAD + SIZED},
    "a redirect with two places": {
        "/": go(b"/there", b"302 Go", b"Location: /elsewhere"),
        "/there": HEAD + SIZED,
        "/elsewhere": HEAD + SIZED + b" or not",
    },
    "a redirect with blanks around": {"/": go(b"  /there\t"), "/there": HEAD + SIZED},
    "a redirect beyond UTF-8": {"/": go(b"/\xff"), "/\ufffd": HEAD + SIZED},
    "a redirect above the root": {"/": go(b"../../there"), "/there": HEAD + SIZED},
    "a redirect with a query and blanks in it": {"/": go(b"/there?a=b;c"), "/there?a=b;c": HEAD + SIZED},
    "a redirect behind an odd header": {
        "/": HEAD.replace(b"200 OK", b"302 Go") + b"My Param: x\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n",
        "/there": HEAD + SIZED,
    },
    "a redirect without a body's end": {"/": b"HTTP/1.1 301 M\r\nLocation: /there\r\n\r\n", "/there": HEAD + SIZED},
    "a redirect with more slashes": {"/": go(b"http:///127.0.0.1:PORT/there"), "/there": HEAD + SIZED},
    "a redirect with a user": {
        "/": go(b"http://u:p@127.0.0.1:PORT/there"),
        "/there": lambda request: HEAD + SIZED if b"Basic dTpw\r\n" in request else b"HTTP/1.1 401 No\r\n" + SIZED,
    },
    "a redirect with a password alone": {
        "/": go(b"http://:p@127.0.0.1:PORT/there"),
        "/there": lambda request: HEAD + SIZED if b"Basic OnA=\r\n" in request else b"HTTP/1.1 401 No\r\n" + SIZED,
    },
    "a redirect to an encoded host": {"/": go(b"http://%6c%6Fcalhost:PORT/there"), "/there": HEAD + SIZED},
    "a redirect to an encoded port": {"/": go(b"http://127.0.0.1%3aPORT/there"), "/there": HEAD + SIZED},
    "a redirect whose first place is empty": {"/": go(b"", b"302 Go", b"Location: /there"), "/there": HEAD + SIZED},
    "a redirect without a place": {"/": b"HTTP/1.1 302 Go\r\n" + SIZED},
    "307": {"/": go(b"/there", b"307 T"), "/there": HEAD + SIZED},
    "308": {"/": go(b"/there", b"308 P"), "/there": HEAD + SIZED},
    "a redirect to itself": {"/": go(b"/")},
    "a redirect to another scheme": {"/": go(b"gopher2://x/")},
    "a cookie and back": wants(b"a=1", b"a=1"),
    "a cookie for a path": wants(b"a=1", b"a=1; Path=/a", to=b"/a/b"),
    "a cookie for another path": wants(b"a=1", b"a=1; Path=/b", to=b"/a/b"),
    "a cookie for the beginning of a name": wants(b"a=1", b"a=1; Path=/a", to=b"/ab"),
    "a cookie without a path": wants(b"a=1", b"a=1", to=b"/x"),
    "a cookie with everything": wants(b"a=1", b'a=1; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Version="1"'),
    "a cookie with an equals sign": wants(b"a=b=c", b"a=b=c"),
    "a cookie in quotes": wants(b'a="b c"', b'a="b c"'),
    "a cookie without a value": wants(b"a=", b"a="),
    "two cookies": wants(b"b=2", b"a=1", b"b=2"),
    "a cookie that is replaced": wants(b"a=2", b"a=1", b"a=2"),
    "a cookie that has expired": wants(b"a=1", b"a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
    "a cookie that expires late": wants(b"a=1", b"a=1; Expires=Thu, 01-Jan-2037 00:00:00 GMT"),
    "a cookie with an age of 0": wants(b"a=1", b"a=1; Max-Age=0"),
    "a cookie for another host": wants(b"a=1", b"a=1; Domain=example.com"),
    "a cookie for this host": wants(b"a=1", b"a=1; Domain=127.0.0.1"),
    "a secure cookie of this host": wants(b"a=1", b"a=1; Secure"),
    "a cookie that is deleted": {
        "/": go(b"/out", b"302 Go", b"Set-Cookie: a=1"),
        "/out": go(b"/in", b"302 Go", b"Set-Cookie: a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        "/in": lambda request: HEAD + SIZED if b"a=1" not in request else b"HTTP/1.1 403 No\r\n" + SIZED,
    },
}
WHY_NOT = {
    "two lengths that differ": "several values of Content-Length contradict each other",
    "a length that is none": "its Content-Length is 'abc'",
    "a negative length": "its Content-Length is '-7'",
    "brotli": "the body is encoded as 'br', which cannot be read here",
    "gzip after chunks until closed": "packed after it was cut into chunks",
    "headers without their end": "the server closed the connection",
}
"""Where curl has an answer and we have none: our words. RFC 9112, 6.3 lets nobody guess at a length."""

BEYOND_CURL = {
    "no colon",
    "no colon, before chunks",
    "a folded line after one without a colon",
    "an odd header in an informational answer",
    "a version above",
    "chunks with trailers",  # one of them has no colon
    "chunks after a length that is none",
    "an empty length",
    "identity and a length",
    "a charset as coding",
    "a coding with a parameter",
}
"""What curl 7.88 refuses, and browsers and we do not."""


class Seen(NamedTuple):
    status: int
    body: bytes


def by_curl(url: str, seconds: float = 1.5) -> Seen | None:
    command = [needs.command("curl"), "-sS", "-L", "--max-redirs", "5", "-c", "/dev/null", "--noproxy", "*"]
    command += ["--tr-encoding", "--compressed", "--max-time", str(seconds), "-w", "%{http_code}", url]
    done = subprocess.run(command, capture_output=True, timeout=30)
    return Seen(int(done.stdout[-3:]), done.stdout[:-3]) if done.returncode == 0 else None


def by_us(url: str, seconds: float = 1.5) -> Seen | str:
    context = Context("c", seconds)
    check = http(url, contains="x")
    try:
        answer = asyncio.run(exchange(check, Network(context, Progress(context.deadline))))
        return Seen(answer.status, unpack(answer.body, answer.headers, LIMIT, answer.cut)[0])
    except TimeoutError:
        return "no answer in time"
    except (OSError, NoAnswer, Unreadable, BrokenBody) as error:
        return str(error)


def site(pages: Pages, hold: bool) -> Callable[[Visit], None]:
    def answer(visit: Visit) -> None:
        path = unquote(visit.request.split(b" ")[1].decode())
        page = pages.get(path, b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
        said = page(visit.request) if callable(page) else page
        visit.send(said.replace(b"PORT", b"%d" % visit.connection.getsockname()[1]))
        if hold:
            visit.hang()

    return answer


ENDING = {**HEADERS, **FRAMING, **{name: page for name, page in CODINGS.items() if "until closed" not in name}}
CLOSING = {**ENDING, **UNTIL_CLOSED, **CUT, **CODINGS}


def assert_read_as_by_curl(name: str, pages: Pages, hold: bool) -> None:
    with serving(site(pages, hold)) as server:
        theirs, ours = by_curl(server.url), by_us(server.url)
    if WHY_NOT.get(name):
        assert isinstance(ours, str)
        assert WHY_NOT[name] in ours
    elif theirs is not None:
        assert ours == theirs
    else:
        assert isinstance(ours, str) or name in BEYOND_CURL, f"curl has no answer, we say {ours}"


@pytest.mark.parametrize("name", CLOSING)
def test_a_server_that_closes_is_read_as_by_curl(name: str) -> None:
    assert_read_as_by_curl(name, {"/": CLOSING[name]}, hold=False)


@pytest.mark.parametrize("name", ENDING)
def test_a_server_that_keeps_the_connection_open_is_read_as_by_curl(name: str) -> None:
    assert_read_as_by_curl(name, {"/": ENDING[name]}, hold=True)


@pytest.mark.parametrize("name", SITES)
def test_redirects_and_cookies_lead_where_they_lead_curl(name: str) -> None:
    assert_read_as_by_curl(name, SITES[name], hold=False)


def test_there_is_something_to_compare() -> None:
    assert len(CLOSING) + len(SITES) >= 100
