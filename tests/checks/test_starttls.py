"""STARTTLS in tcp and certificate: every protocol whole, refused, torn and forged, and openssl as a witness."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Context, Regex, Result, Status
from agent.plugin.results import gather
from checks._network import starttls
from checks._network.addresses import Address
from checks._network.progress import NoAnswer, Progress
from checks.certificate import Certificate
from checks.tcp import Tcp
from tests.checks.looks import found
from tests.examples import examples
from tests.host import needs
from tests.stand_ins.http_servers import Visit, serving
from tests.stand_ins.starttls_servers import PROTOCOLS, Wire, line, mysql, with_tls

AUTHORITY = trustme.CA()


@pytest.fixture(scope="module")
def tls() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1", "::1", "localhost", common_name="mail").configure_cert(made)
    return made


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(path)
    return str(path)


def look(check: Tcp | Certificate, timeout: float = 5.0) -> Result:
    (result,) = gather(found(check.run(Context(timeout=timeout))))
    return result


def tcp(port: int, protocol: Any, **others: Any) -> Tcp:
    return Tcp(address=Address("127.0.0.1", port), starttls=protocol, **others)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_each_protocol_changes_to_tls(protocol: Any, tls: ssl.SSLContext, ca_file: str) -> None:
    with serving(with_tls(PROTOCOLS[protocol], tls, b"secret"), greedy=False) as server:
        result = look(tcp(server.port, protocol, ca_file=ca_file, expect=Regex("^secret$")))
        assert result.status is Status.OK, result.summary
        assert "starttls" in {metric.name for metric in result.metrics}
        assert look(tcp(server.port, protocol)).summary.startswith("certificate refused: ")
        watched = look(Certificate(address=Address("127.0.0.1", server.port), starttls=protocol, ca_file=ca_file))
    assert watched.summary.startswith("certificate 'mail' expires in ")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_openssl_takes_our_stand_ins_for_such_servers(protocol: str, tls: ssl.SSLContext, ca_file: str) -> None:
    openssl = needs.command("openssl", "openssl")
    with serving(with_tls(PROTOCOLS[protocol], tls), greedy=False) as server:
        run = subprocess.run(
            [openssl, "s_client", "-starttls", protocol, "-connect", f"127.0.0.1:{server.port}", "-CAfile", ca_file],
            input=b"",
            capture_output=True,
            timeout=30,
        )
    assert b"Verify return code: 0 (ok)" in run.stdout, run.stderr


def test_a_real_smtp_server_changes_to_tls(tls: ssl.SSLContext, ca_file: str) -> None:
    from aiosmtpd.controller import Controller

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    controller = Controller(object(), hostname="127.0.0.1", port=port, tls_context=tls)
    controller.start()
    try:
        hello = {"send": "EHLO monitor.example.com\r\n", "expect": Regex("^250-127|^250-")}
        assert look(tcp(port, "smtp", ca_file=ca_file, **hello)).status is Status.OK
        assert (
            look(Certificate(address=Address("127.0.0.1", port), starttls="smtp", ca_file=ca_file)).status is Status.OK
        )
        assert look(tcp(port, "pop3")).summary.startswith("said '220 ")
    finally:
        controller.stop()


REFUSALS: dict[str, list[tuple[bytes, str]]] = {
    "ftp": [(b"220 hi\r\n500 what\r\n", "said '500 what\\r\\n' instead of 234"), (b"421 busy\r\n", "said '421 ")],
    "imap": [
        (b"* OK hi\r\n* x\r\na1 BAD no\r\n", "said 'a1 BAD no"),
        (b"* BYE\r\n", "said '* BYE\\r\\n' instead of * OK"),
    ],
    "ldap": [
        (bytes.fromhex("300c 020101 7807 0a0102 0400 0400"), "does not want TLS (LDAP result 2)"),
        (bytes.fromhex("3010 020101 780b 0a05 0102030405 0400 0400"), "which is no answer of LDAP"),
        (bytes.fromhex("300c 020101 6507 0a0100 0400 0400"), "which is no answer of LDAP"),
        (b"HTTP/1.1 400\r\n", "said 'HTTP/1.1 400\\r\\n', which is no answer of LDAP"),
    ],
    "mysql": [
        (b"\x0c\0\0\0\xff\x6a\x04Host x is", "refuses us: Host x is"),
        (b"\x05\0\0\0\x09old\0", "which is no greeting of MySQL"),
    ],
    "pop3": [(b"+OK\r\n-ERR no\r\n", "said '-ERR no\\r\\n' instead of +OK")],
    "postgres": [(b"N", "does not offer TLS"), (b"E", "said 'E', which is no answer to it")],
    "smtp": [
        (b"220 hi\r\n250-x\r\n250 HELP\r\n", "does not offer STARTTLS"),
        (b"220 hi\r\n250 STARTTLS\r\n454 no\r\n", "said '454 no\\r\\n' instead of 220"),
        (b"554 no\r\n", "said '554 no\\r\\n' instead of 220"),
    ],
}


@pytest.mark.parametrize(("protocol", "said", "why"), [(name, *case) for name in REFUSALS for case in REFUSALS[name]])
def test_a_server_that_wants_no_tls_is_critical_with_its_words(protocol: str, said: bytes, why: str) -> None:
    def talk(visit: Visit) -> None:
        visit.send(said)
        visit.hang()

    with serving(talk, greedy=False) as server:
        result = look(tcp(server.port, protocol), timeout=2)
    assert result.status is Status.CRITICAL
    assert why in result.summary
    assert f"asking for TLS ({protocol})" in result.summary


OTHER_WORDS: dict[str, list[list[bytes]]] = {
    "smtp": [
        [b"220 hi\r\n", b"250-x\r\n250-STARTTLS REQUIRED\r\n250 HELP\r\n", b"220-so\r\n220 go\r\n"],
        [b"220\r\n", b"250-x\r\n250 starttls\r\n", b"220\r\n"],
    ],
    "ftp": [[b"120 soon\r\n220-hi\r\n free\r\n220 now\r\n", b"234-a\r\n234 go\r\n"], [b"220 hi\r\n", b"334 go\r\n"]],
    "pop3": [[b"+ok <1.2@host>\r\n", b"+ok\r\n"]],
}
"""What a server says, a line of ours between each two: rarer words, which the RFCs or curl take as well."""


@pytest.mark.parametrize(
    ("protocol", "says"), [(name, says) for name in OTHER_WORDS for says in OTHER_WORDS[name]], ids=str
)
def test_a_server_may_agree_in_other_words(protocol: str, says: list[bytes], tls: ssl.SSLContext, ca_file: str) -> None:
    def plain(visit: Visit) -> None:
        for number, said in enumerate(says):
            assert number == 0 or line(visit)
            visit.send(said)

    with serving(with_tls(plain, tls), greedy=False) as server:
        result = look(tcp(server.port, protocol, ca_file=ca_file))
    assert result.status is Status.OK, result.summary


def test_a_mysql_without_tls_says_so() -> None:
    with serving(lambda visit: mysql(visit, b"\xff\xf7"), greedy=False) as server:
        assert "does not offer TLS (version 8.0.36)" in look(tcp(server.port, "mysql")).summary


@pytest.mark.parametrize("protocol", sorted(set(PROTOCOLS) - {"mysql"}))
def test_plain_text_after_the_agreement_is_refused(protocol: str) -> None:
    """Whoever stands between could have put it there, and it would count as if it had come by TLS."""

    class Forging(Visit):
        def send(self, data: bytes) -> None:
            agreed = data.startswith((b"220 go", b"+OK begin", b"234", b"0\x0c", b"S")) or data.endswith(
                b" OK begin\r\n"
            )
            super().send(data + b"forged\r\n" if agreed else data)

    def talk(visit: Visit) -> None:
        PROTOCOLS[protocol](Forging(visit.connection, visit.over))
        visit.hang()

    with serving(talk, greedy=False) as server:
        result = look(tcp(server.port, protocol), timeout=2)
    assert "said 'forged\\r\\n' in plain text after it agreed to TLS" in result.summary


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_silent_or_closing_server_is_critical_in_time(protocol: str) -> None:
    began = time.monotonic()
    with serving(lambda visit: visit.hang(), greedy=False) as server:
        assert look(tcp(server.port, protocol), timeout=0.3).summary.startswith(
            "no answer within 300ms: asking for TLS"
        )
    with serving(lambda visit: None, greedy=False) as server:
        assert look(tcp(server.port, protocol), timeout=2).status is Status.CRITICAL
    with serving(lambda visit: visit.for_ever(b"0\x84\x7f" + b"x" * 999), greedy=False) as server:
        assert look(tcp(server.port, protocol), timeout=2).status is Status.CRITICAL
    assert time.monotonic() - began < 4


SAID = {
    "ftp": b"220 a\r\n234 b\r\n",
    "imap": b"* OK a\r\na1 OK b\r\n",
    "ldap": bytes.fromhex("300c 020101 7807 0a0100 0400 0400"),
    "pop3": b"+OK a\r\n+OK b\r\n",
    "postgres": b"S",
    "smtp": b"220-x\r\n220 a\r\n250-x\r\n250 starttls\r\n220 b\r\n",
}


def pieces(said: bytes, cuts: list[int]) -> Iterator[bytes]:
    places = [0, *sorted(cut % (len(said) + 1) for cut in cuts), len(said)]
    return (said[start:end] for start, end in itertools.pairwise(places))


@given(st.sampled_from(sorted(SAID)), st.lists(st.integers(0, 999), max_size=9))
def test_it_does_not_matter_how_an_answer_is_cut_into_packets(protocol: Any, cuts: list[int]) -> None:
    wire: Any = Wire(list(pieces(SAID[protocol], cuts)))
    asyncio.run(starttls.ask_for_tls(protocol, wire, Progress(time.monotonic() + 60)))


@given(st.sampled_from(sorted(PROTOCOLS)), st.lists(st.binary(max_size=60), max_size=5))
@examples(50)
def test_no_bytes_make_anything_but_an_error_with_words(protocol: Any, said: list[bytes]) -> None:
    wire: Any = Wire(said)
    try:
        asyncio.run(starttls.ask_for_tls(protocol, wire, Progress(time.monotonic() + 60)))
    except NoAnswer as error:
        assert str(error).strip().isprintable()


@pytest.mark.filterwarnings("ignore:.*TLSv1.*deprecated:DeprecationWarning")
def test_an_old_device_is_reached_with_old_tls_alone(ca_file: str) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(old)
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with serving(with_tls(PROTOCOLS["pop3"], old), greedy=False) as server:
        settings: dict[str, Any] = {
            "address": Address("127.0.0.1", server.port),
            "starttls": "pop3",
            "ca_file": ca_file,
        }
        for made in (Tcp, Certificate):
            assert look(made(**settings, old_tls=True)).status is Status.OK
            result = look(made(**settings))
            assert (result.status, "old_tls: true" in result.summary) == (Status.CRITICAL, True), result.summary


def test_certificate_knows_the_ports_of_protocols() -> None:
    check = Certificate(address=Address("127.0.0.1"), starttls="ldap")
    assert list(check.problems()) == []
    assert check.port == 389
    assert Certificate(address=Address("127.0.0.1")).port == 443
    assert [name for name, _ in Certificate(file="/etc/x.pem", starttls="ldap").problems()] == ["starttls"]
