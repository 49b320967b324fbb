"""Which TLS servers are reachable: those that curl reaches by the list of OpenSSL; older ones by `old_tls`."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from agent.api import Context, Result, Status
from agent.plugin.results import gather
from checks._network.addresses import Address
from checks.certificate import Certificate
from checks.tcp import Tcp
from tests.checks.looks import found
from tests.host import needs
from tests.stand_ins.http_servers import Visit, http, look, serving


def default_list() -> list[str]:
    """Return OpenSSL's own ciphers of TLS 1.2 for servers with a certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.set_ciphers("DEFAULT")
    return [
        one["name"]
        for one in made.get_ciphers()
        if one["protocol"] != "TLSv1.3" and not re.search("PSK|SRP", str(one["name"]))
    ]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with certificates for 127.0.0.1 by an RSA and an ECDSA key."""
    folder, authority = tmp_path_factory.mktemp("keys"), trustme.CA()
    for kind in (trustme.KeyType.RSA, trustme.KeyType.ECDSA):
        issued = authority.issue_cert("127.0.0.1", key_type=kind)
        issued.private_key_and_cert_chain_pem.write_to_path(folder / f"{kind.name}.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return folder


@contextlib.contextmanager
def openssl_serving(pem: Path, *options: str) -> Iterator[str]:
    """Serve a page by OpenSSL's own server; yield its URL."""
    command = [needs.command("openssl"), "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", str(pem), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            said = b""
            while not (found := re.search(rb"ACCEPT 127\.0\.0\.1:(\d+)\n", said)):
                piece = os.read(process.stdout.fileno(), 4096)
                assert piece, process.communicate()
                said += piece
            yield f"https://127.0.0.1:{found[1].decode()}/"
        finally:
            process.kill()


def curl_reaches(url: str, ca_file: Path) -> bool:
    command = [needs.command("curl"), "-s", "-o", "/dev/null", "--noproxy", "*", "--max-time", "5"]
    return subprocess.run([*command, "--cacert", str(ca_file), url]).returncode == 0


def seen(url: str, keys: Path, **settings: bool) -> Result:
    return look(http(url, ca_file=str(keys / "ca.pem"), **settings))


@pytest.mark.parametrize("cipher", default_list())
def test_a_server_with_one_cipher_of_openssls_list_is_reached_as_by_curl(cipher: str, keys: Path) -> None:
    pem = keys / ("ECDSA.pem" if "ECDSA" in cipher else "RSA.pem")
    with openssl_serving(pem, "-tls1_2", "-cipher", cipher) as url:
        assert curl_reaches(url, keys / "ca.pem")
        result = seen(url, keys)
    assert result.status is Status.OK, result.summary


def test_the_list_is_longer_than_pythons_own() -> None:
    assert {"AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "ECDHE-RSA-AES128-SHA"} <= set(default_list())


OLD = {
    "TLS 1.0": (("-tls1", "-cipher", "DEFAULT@SECLEVEL=0"), "no version in common with the server"),
    "TLS 1.1": (("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"), "no version in common with the server"),
    "a short key of Diffie-Hellman": (
        ("-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256@SECLEVEL=0", "-dhparam"),
        "the server's keys are too small",
    ),
}


@pytest.mark.parametrize("what", OLD)
def test_what_openssl_refuses_stays_refused_and_is_reached_with_old_tls(what: str, keys: Path, tmp_path: Path) -> None:
    options, said = OLD[what]
    if options[-1] == "-dhparam":
        command = [needs.command("openssl"), "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt"]
        made = subprocess.run([*command, "dh_rfc5114:1"], check=True, capture_output=True).stdout
        (tmp_path / "dh.pem").write_bytes(made)
        options = (*options, str(tmp_path / "dh.pem"))
    with openssl_serving(keys / "RSA.pem", *options) as url:
        assert not curl_reaches(url, keys / "ca.pem")
        result = seen(url, keys)
        assert result.status is Status.CRITICAL
        assert said in result.summary
        assert "for an old device set old_tls: true" in result.summary
        assert "sslv3" not in result.summary
        assert seen(url, keys, old_tls=True).status is Status.OK


def test_no_cipher_in_common_is_said_without_names_that_mislead(keys: Path) -> None:
    with openssl_serving(keys / "RSA.pem", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256") as url:
        result = seen(url, keys)
    assert result.summary.startswith("TLS error handshake failure (no cipher in common, or the server wants a client ")
    assert "sslv3" not in result.summary


def test_a_server_without_safe_renegotiation_is_refused_and_taken_with_old_tls() -> None:
    def hello(visit: Visit) -> None:
        visit.connection.recv(65536)
        body = b"\x03\x03" + bytes(32) + b"\0" + b"\x00\x9c" + b"\0"  # TLS 1.2, AES128-GCM-SHA256, no extension
        message = b"\x02" + len(body).to_bytes(3, "big") + body
        visit.send(b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message)
        visit.connection.shutdown(socket.SHUT_WR)
        visit.connection.recv(65536)

    with serving(hello, greedy=False) as server:
        url = f"https://127.0.0.1:{server.port}/"
        result, old = look(http(url, verify=False)), look(http(url, verify=False, old_tls=True))
    assert "the server knows no safe renegotiation; for an old device set old_tls: true" in result.summary
    assert old.summary.startswith("the server closed the connection: TLS handshake")


def test_tcp_and_certificate_reach_the_same_servers(keys: Path) -> None:
    for options, old in (
        (("-tls1_2", "-cipher", "AES128-SHA"), False),
        (("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"), True),
    ):
        with openssl_serving(keys / "RSA.pem", *options) as url:
            address = Address.parse(url.removeprefix("https://").removesuffix("/"))
            ca_file = str(keys / "ca.pem")
            for check in (
                Tcp(address=address, tls=True, ca_file=ca_file, old_tls=old),
                Certificate(address=address, ca_file=ca_file, old_tls=old),
            ):
                (result,) = gather(found(check.run(Context(timeout=5))))
                assert result.status is Status.OK, result.summary
