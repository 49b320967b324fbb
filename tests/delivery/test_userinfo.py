"""What must not show of an address with a user or a password in it."""

from __future__ import annotations

import base64

import pytest

from agent.config.settings import EventsSettings
from agent.delivery.answer import Verdict, userinfo
from agent.delivery.sinks.credentials import authorization
from agent.delivery.sinks.truewatch.api import Api
from tests.stand_ins.api import answer
from tests.stand_ins.http_servers import serving


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("https://example.com/a@b", []),
        ("https://ann:s3cret@example.com/", ["ann:s3cret", "s3cret"]),
        ("https://ann:s3cret@example.com/?to=https://x:y@z/", ["ann:s3cret", "s3cret"]),
        ("https://ann:a:b@example.com", ["ann:a:b", "a:b"]),
        ("https://ann@home:s3cret@example.com/", ["ann@home:s3cret", "s3cret"]),
        ("https://t0ken@example.com/", ["t0ken"]),
        ("https://ann:%73%33cret@example.com/", ["ann:%73%33cret", "%73%33cret", "ann:s3cret", "s3cret"]),
        ("ann:s3cret@proxy:3128", ["ann:s3cret", "s3cret"]),
        ("proxy:3128", []),
        ("", []),
    ],
)
def test_user_and_password_are_secret_as_they_are_written_and_as_they_are_sent(url: str, secrets: list[str]) -> None:
    assert sorted(userinfo(url)) == sorted(secrets)


@pytest.mark.parametrize(
    ("named", "sent"),
    [
        ("ann:s3cret@", b"ann:s3cret"),
        ("t0ken@", b"t0ken:"),
        (":s3cret@", b":s3cret"),
        ("a%40b:c%3Ad%25@", b"a@b:c:d%"),
        ("%C3%BC:é@", "ü:é".encode()),
        ("登:录@", "登:录".encode()),
        ("%FF:x@", b"\xff:x"),
        ("ann@home:x@", b"ann@home:x"),
    ],
)
def test_user_and_password_are_sent_as_curl_does_to_a_service_and_to_a_proxy(named: str, sent: bytes) -> None:
    basic = b"uthorization: Basic " + base64.b64encode(sent) + b"\r\n"
    with serving(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer(200)) + answer(200)) as server:
        address = f"{named}127.0.0.1:{server.port}"
        for endpoint, proxy in ((f"http://{address}", ""), ("http://api.example", address)):
            found = Api(EventsSettings(endpoint, "key-123456", proxy=proxy)).post(b"{}")
            assert found.verdict is Verdict.DELIVERED
        direct, by_proxy = server.requests
    assert b"\r\nA" + basic in direct
    assert b"\r\nProxy-A" + basic in by_proxy


def test_an_address_that_names_nobody_says_nobody() -> None:
    assert authorization("https://example.com/a@b?c@d") == ""
