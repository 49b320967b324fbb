"""TLS with a destination: whom it reaches and whom it trusts, as curl and the http check do."""

from __future__ import annotations

import io
import math
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from agent.config.settings import EventsSettings
from agent.delivery.answer import Answer, Verdict
from agent.delivery.sinks.connections import TlsConnection
from agent.delivery.sinks.reasons import reason
from agent.delivery.sinks.truewatch.api import Api
from agent.plugin.units import Duration
from tests.host import needs
from tests.host.kernel import MS_BIND, mount, own_mounts
from tests.stand_ins.api import answer
from tests.stand_ins.http_servers import Server, Visit, serving

AUTHORITY = trustme.CA()
RSA = AUTHORITY.issue_cert("127.0.0.1", key_type=trustme.KeyType.RSA)


def talk(visit: Visit) -> None:
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer(200)) + answer(200))


def speaking(issued: trustme.LeafCert, ciphers: str = "DEFAULT") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    context.set_ciphers(ciphers)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def post(server: Server, *trusted: trustme.Blob, folder: Path) -> Answer:
    (folder / "ca.pem").write_bytes(b"".join(one.bytes() for one in trusted))
    url = server.url.replace("http:", "https:")
    settings = EventsSettings(url, "key-123456", ca_file=str(folder / "ca.pem"), timeout=Duration(5))
    return Api(settings).post(b"{}")


@pytest.mark.parametrize("cipher", ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "ECDHE-RSA-AES128-SHA"])
def test_a_server_with_one_of_openssls_own_ciphers_is_reached(cipher: str, tmp_path: Path) -> None:
    with serving(talk, tls=speaking(RSA, cipher)) as server:
        assert post(server, AUTHORITY.cert_pem, folder=tmp_path).verdict is Verdict.DELIVERED


def test_a_request_is_sent_in_one_piece_for_who_answers_early_closes(tmp_path: Path) -> None:
    """What is sent on a closed connection breaks TLS, and the answer is lost: what was taken would be told again."""
    pieces = []

    def talk_early(visit: Visit) -> None:
        pieces.append(visit.connection.recv(65536))
        talk(visit)

    with serving(talk_early, tls=speaking(RSA), greedy=False) as server:
        assert post(server, AUTHORITY.cert_pem, folder=tmp_path).verdict is Verdict.DELIVERED
    assert pieces[0].endswith(b"\r\n\r\n{}")


class Closed:
    """A connection whose other side has answered and gone."""

    def sendall(self, data: bytes) -> None:
        raise ssl.SSLEOFError(8, "EOF occurred in violation of protocol")

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(b"HTTP/1.1 401 No\r\n\r\n"))

    def settimeout(self, seconds: float | None) -> None: ...

    def close(self) -> None: ...


def test_an_answer_is_read_that_came_before_all_was_sent() -> None:
    connection = TlsConnection("api.example", end=math.inf)
    connection.sock = Closed()
    connection.request("POST", "/", b"{}")
    assert connection.getresponse().status == 401


def test_a_ca_file_may_hold_the_servers_own_certificate(tmp_path: Path) -> None:
    with serving(talk, tls=speaking(RSA)) as server:
        assert post(server, RSA.cert_chain_pems[0], folder=tmp_path).verdict is Verdict.DELIVERED


def test_another_host_and_an_unknown_ca_are_refused(tmp_path: Path) -> None:
    with serving(talk, tls=speaking(AUTHORITY.issue_cert("shop.example"))) as server:
        assert "not trusted: IP address mismatch" in post(server, AUTHORITY.cert_pem, folder=tmp_path).text
    with serving(talk, tls=speaking(RSA)) as server:
        assert "not trusted: unable to get local issuer" in post(server, trustme.CA().cert_pem, folder=tmp_path).text
    assert server.requests == []


@pytest.fixture
def company_host(tmp_path: Path) -> Iterator[None]:
    """A host in whose store an administrator put the authority, and nothing else."""
    needs.root()
    store, pem = tmp_path / "certs", tmp_path / "authority.pem"
    store.mkdir()
    AUTHORITY.cert_pem.write_to_path(pem)
    openssl = [needs.command("openssl"), "x509", "-hash", "-noout", "-in", str(pem)]
    name = subprocess.run(openssl, capture_output=True, text=True, check=True).stdout.strip()
    AUTHORITY.cert_pem.write_to_path(store / f"{name}.0")
    with own_mounts():
        mount(str(store), Path(ssl.get_default_verify_paths().openssl_capath), flags=MS_BIND, fresh=False)
        yield


def test_an_authority_in_the_hosts_store_is_trusted_unless_ca_file_names_others(
    company_host: None, tmp_path: Path
) -> None:
    with serving(talk, tls=speaking(RSA)) as server:
        url = server.url.replace("http:", "https:")
        assert Api(EventsSettings(url, "key-123456", timeout=Duration(5))).post(b"{}").verdict is Verdict.DELIVERED
        text = post(server, trustme.CA().cert_pem, folder=tmp_path).text
    assert text.endswith("; its CA belongs into this host's store or into ca_file")


def test_a_proxy_that_speaks_tls_may_have_a_certificate_of_an_authority_in_the_hosts_store(company_host: None) -> None:
    def refuse(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with serving(refuse, tls=speaking(RSA)) as proxy:
        by = proxy.url.replace("http:", "https:")
        answer = Api(EventsSettings("https://api.example", "key-123456", proxy=by, timeout=Duration(5))).post(b"{}")
    assert "407" in answer.text


def test_a_file_that_holds_something_else_is_told_by_its_setting(tmp_path: Path) -> None:
    other = AUTHORITY.issue_cert("other")
    contents = {
        "text": b"no certificate\n",
        "certificate": other.cert_chain_pems[0].bytes(),
        "key": RSA.private_key_pem.bytes(),
        "ca": AUTHORITY.cert_pem.bytes(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    with serving(talk, tls=speaking(RSA)) as server:
        url = server.url.replace("http:", "https:")
        for files, says in (
            ({"ca_file": "text"}, "ca_file holds no certificate in PEM"),
            ({"client_cert": "text"}, "client_cert holds no certificate with its key in PEM"),
            ({"client_cert": "certificate"}, "client_cert holds no certificate with its key in PEM"),
            ({"client_cert": "certificate", "client_key": "key"}, "the key is not that of client_cert"),
        ):
            paths: dict[str, Any] = {name: str(tmp_path / file) for name, file in ({"ca_file": "ca"} | files).items()}
            said = Api(EventsSettings(url, "key-123456", timeout=Duration(5), **paths)).post(b"{}").text
            assert said.startswith(says)


def test_an_error_of_tls_is_told_without_the_version_that_is_on_no_wire(tmp_path: Path) -> None:
    context = speaking(RSA, "DHE-RSA-AES128-GCM-SHA256")  # for which the server has no parameters
    with serving(talk, tls=context) as server:
        assert post(server, AUTHORITY.cert_pem, folder=tmp_path).text == "TLS error handshake failure"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("[SSL] tlsv1 alert no application protocol (_ssl.c:1006)", "the server speaks no HTTP/1.1 over TLS"),
        ("[SSL] record layer failure (_ssl.c:2580)", "TLS error record layer failure"),
        ("nothing known", "nothing known"),
    ],
)
def test_an_error_that_python_has_no_name_for_is_told_in_words(error: str, says: str) -> None:
    made = ssl.SSLError(1, error)
    made.reason = ""
    assert reason(made) == says
