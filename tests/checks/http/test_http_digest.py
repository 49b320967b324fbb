"""Digest authentication: the same answer as curl's, the RFC's own examples, and no password on the wire."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Status
from checks.http.addresses import HttpUrl
from checks.http.digest import answer, challenges
from checks.http.head import Headers
from checks.http.request import Request
from tests.examples import examples
from tests.host import needs
from tests.stand_ins.http_servers import OK, Visit, http, look, serving

WHO = ("Mufasa", "Circle of Life")
RFC_REALM = 'realm="http-auth@example.org", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"'
RFC_CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
CHALLENGES = {
    "MD5": 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5, opaque="o"',
    "no algorithm": 'Digest realm="r", nonce="n", qop="auth"',
    "no qop, as before 1999": 'Digest realm="r", nonce="n"',
    "SHA-256": 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256',
    "MD5-sess": 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5-sess',
    "two kinds of protection": 'Digest realm="r", nonce="n", qop="auth-int,auth"',
    "names in other cases": 'DIGEST REALM="r", NONCE="n", QOP="AUTH", algorithm=md5',
    "quotes in the realm": r'Digest realm="a \"b\" \\c", nonce="n", qop="auth"',
    "a realm beyond ASCII": 'Digest realm="Büro", nonce="n", qop="auth"',
    "an empty realm and opaque": 'Digest realm="", nonce="n", opaque="", qop="auth"',
    "no blanks": 'Digest realm="r",nonce="n",qop="auth",algorithm=MD5,stale=FALSE',
    "a nonce with equals signs and commas": 'Digest realm="r", nonce="a,b==", qop="auth"',
    "a domain before": 'Digest domain="/ /x", realm="r", nonce="n", qop="auth"',
}


def refusing(challenge: str, *more: str) -> Callable[[Visit], None]:
    """A server that keeps what it was asked, and lets in who answers."""

    def visited(visit: Visit) -> None:
        if re.search(rb"(?im)^authorization: digest", visit.request):
            visit.send(OK)
        else:
            lines = "".join(f"WWW-Authenticate: {one}\r\n" for one in (challenge, *more))
            visit.send(f"HTTP/1.1 401 No\r\n{lines}Connection: close\r\nContent-Length: 0\r\n\r\n".encode())

    return visited


def parts(said: str) -> dict[str, str]:
    found = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[^\s,]+)', said.partition(" ")[2])
    return dict(found)


def told(requests: list[bytes]) -> str:
    (line,) = [line for one in requests for line in one.split(b"\r\n") if line.lower().startswith(b"authorization:")]
    return line.decode().partition(": ")[2]


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_answer_is_the_one_of_rfc_7616(algorithm: str, response: str) -> None:
    line = f'Digest {RFC_REALM}, qop="auth, auth-int", algorithm={algorithm}'
    (challenge,) = challenges(Headers((("www-authenticate", line),)))
    request = Request(HttpUrl.parse("http://www.example.org/dir/index.html"), "GET")
    assert f'response="{response}"' in answer(challenge, WHO, request, RFC_CNONCE)


@pytest.mark.parametrize("name", CHALLENGES)
@pytest.mark.parametrize("body", ["", "a=b"])
def test_the_answer_is_the_one_of_curl(name: str, body: str) -> None:
    with serving(refusing(CHALLENGES[name])) as server:
        url = f"{server.url}a%20b?c=d;e"
        command = [needs.command("curl"), "-sS", "--digest", "-u", ":".join(WHO), "--noproxy", "*", "-m", "5", url]
        subprocess.run([*command, "-X", "POST", "-d", body] if body else command, check=True, timeout=30)
        theirs = told(server.requests)
    line = CHALLENGES[name].encode().decode("latin-1")
    (challenge,) = challenges(Headers((("www-authenticate", line),)))
    request = Request(HttpUrl.parse(url), "POST" if body else "GET", body.encode())
    cnonce = parts(theirs).get("cnonce", '""')[1:-1]
    ours = parts(answer(challenge, WHO, request, cnonce))
    same = {key: value.lower() for key, value in parts(theirs).items() if key != "algorithm"}
    assert {key: value.lower() for key, value in ours.items() if key != "algorithm"} == same


def test_a_server_is_told_who_asks_and_never_sees_the_password() -> None:
    with serving(
        refusing('Basic realm="x"', CHALLENGES["MD5"], 'Digest realm="r", nonce="n", algorithm=SHA-256')
    ) as it:
        assert look(http(it.url, user="Mufasa", password="Circle of Life", auth="digest")).status is Status.OK
        assert len(it.requests) == 2
        assert "algorithm=SHA-256" in told(it.requests)  # the best that both know
        assert b"Basic" not in b"".join(it.requests)
        assert b"Circle" not in b"".join(it.requests)


def test_a_body_and_a_method_go_along_with_the_answer() -> None:
    with serving(refusing(CHALLENGES["MD5"])) as it:
        check = http(it.url, user="u", password="p", auth="digest", method="POST", body="b=1")
        assert look(check).status is Status.OK
        assert all(one.startswith(b"POST ") and one.endswith(b"\r\n\r\nb=1") for one in it.requests)


def test_a_wrong_password_is_asked_twice_only() -> None:
    refusal = f"HTTP/1.1 401 No\r\nWWW-Authenticate: {CHALLENGES['MD5']}\r\nContent-Length: 0\r\n\r\n"
    with serving(refusal.encode()) as it:
        result = look(http(it.url, user="u", password="p", auth="digest"))
        assert len(it.requests) == 2
    assert result.summary.startswith("401 in ")
    assert result.summary.endswith("expected 200-299")


def test_another_server_is_not_answered() -> None:
    with serving(refusing(CHALLENGES["MD5"])) as other:
        go = f"HTTP/1.1 302 Go\r\nLocation: http://localhost:{other.port}/\r\nContent-Length: 0\r\n\r\n"
        with serving(go.encode()) as it:
            result = look(http(it.url, user="u", password="p", auth="digest", ip_version=4))
        assert len(other.requests) == 1
    assert result.status is Status.CRITICAL


@pytest.mark.parametrize(
    "line",
    [
        *('Digest realm="r"', 'Digest realm="r", nonce="n", algorithm=TURTLE', 'Digest nonce="n", qop="other"'),
        *('Digest nonce="a\rb"', "Digest", "Negotiate", "", "digest", 'Basic realm="Digest nonce=1"'),
    ],
)
def test_a_challenge_that_cannot_be_answered_is_none(line: str) -> None:
    assert challenges(Headers((("www-authenticate", line),))) == []


@pytest.mark.parametrize("line", ['Basic realm="a, b", {}', "{}, Basic realm=x", "Negotiate, NTLM TlRMTVNT=, {}"])
def test_other_ways_may_stand_around_a_challenge(line: str) -> None:
    (found,) = challenges(Headers((("www-authenticate", line.format('Digest realm="r", nonce="n"')),)))
    assert (found.realm, found.nonce) == ("r", "n")


@examples(60)
@given(
    st.text(st.characters(max_codepoint=255, exclude_characters="\n")),
    st.text(st.characters(exclude_categories=["Cc", "Cs"])),  # the settings take no other user
    st.text(),
)
def test_any_challenge_leaves_a_request_that_is_one_request(line: str, user: str, password: str) -> None:
    for said in (line, f'Digest nonce="{line}", realm="{line}"'):
        for challenge in challenges(Headers((("www-authenticate", said),))):
            header = answer(challenge, (user, password), Request(HttpUrl.parse("http://x/"), "GET"), "c")
            assert not set("\r\n\0") & set(header)
