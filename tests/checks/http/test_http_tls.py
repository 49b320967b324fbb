"""Which certificate is trusted, how long it and its issuers are valid, and what is said of those that are not."""

from __future__ import annotations

import datetime
import ssl
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent.api import DurationBelow, Status
from checks._network import certificates, tls
from checks._network.addresses import Address
from checks._network.certificates import _issuers as issuers
from tests.checks.http.tls_servers import days, look_at, tls_serving
from tests.stand_ins.http_servers import http, look, metric, serving


def test_a_trusted_certificate_is_ok_and_its_time_left_is_measured(authority: trustme.CA, ca_file: str) -> None:
    with tls_serving(authority, not_after=days(40)) as server:
        result = look_at(server, ca_file)
    assert result.status is Status.OK
    left = metric(result, "certificate")
    assert left.value == pytest.approx(40 * 86400, abs=600)
    assert (left.unit, left.warning, left.critical) == ("s", "1209600:", "259200:")
    assert "tls " in result.details
    assert "; TLSv1.3" in result.details


@pytest.mark.parametrize(("left", "status"), [(13, Status.WARNING), (2, Status.CRITICAL)])
def test_a_certificate_that_soon_expires_is_said_before_it_does(
    left: int, status: Status, authority: trustme.CA, ca_file: str
) -> None:
    with tls_serving(authority, "127.0.0.1", common_name="shop", not_after=days(left)) as server:
        result = look_at(server, ca_file)
        assert look_at(server, ca_file, certificate_warning=None, certificate_critical=None).status is Status.OK
    assert result.status is status
    assert result.summary.startswith(f"certificate 'shop' expires in {left}d ({status} below ")


def short_lived(authority: trustme.CA, until: datetime.datetime) -> trustme.CA:
    """The same authority with a certificate that expires then."""
    own = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    pem = authority.private_key_pem.bytes()
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    names = (own.issuer, own.subject, own.public_key(), own.serial_number, own.not_valid_before_utc)
    made = x509.CertificateBuilder(*names, until, list(own.extensions)).sign(key, hashes.SHA256())
    return trustme.CA.from_pem(made.public_bytes(serialization.Encoding.PEM), pem)


def test_an_issuer_that_expires_before_the_certificate_is_named(tmp_path: Path) -> None:
    root = short_lived(trustme.CA(organization_name="Our CA"), days(5))
    root.cert_pem.write_to_path(tmp_path / "root.pem")
    with tls_serving(root.create_child_ca(), not_after=days(50)) as server:
        result = look_at(server, str(tmp_path / "root.pem"))
    assert result.status is Status.WARNING
    assert result.summary.startswith("certificate 'Our CA' expires in 5d (warning below 14d), 200 in ")


REFUSED: dict[str, dict[str, Any]] = {
    "Hostname mismatch": {"names": ("shop.example.com",)},
    "IP address mismatch": {"names": ("10.0.0.1",)},
    "certificate has expired": {"not_before": days(-9), "not_after": days(-2)},
    "certificate is not yet valid": {"not_before": days(2), "not_after": days(9)},
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_certificate_that_must_not_be_trusted_is_refused_with_the_reason(
    reason: str, authority: trustme.CA, ca_file: str
) -> None:
    given = dict(REFUSED[reason])
    with tls_serving(authority, *given.pop("names", ()), **given) as server:
        url = f"https://{'127.0.0.1' if reason.startswith('IP') else 'localhost'}:{server.port}/"
        result = look(http(url, ca_file=ca_file, ip_version=4))
        assert look(http(url, verify=False, certificate_critical=None, certificate_warning=None)).status is Status.OK
    assert result.status is Status.CRITICAL
    assert result.summary.startswith(f"certificate refused: {reason}")
    assert "TLS handshake with " in result.summary


def test_an_unknown_issuer_is_refused_and_the_way_out_named(authority: trustme.CA, ca_file: str) -> None:
    with tls_serving(trustme.CA()) as server:
        assert look_at(server, ca_file).summary.startswith("certificate refused: ")
        assert look(http(f"https://127.0.0.1:{server.port}/")).summary.startswith("certificate refused: ")
    with tls_serving(authority.create_child_ca()) as server:
        assert look_at(server, ca_file).status is Status.OK


def test_a_self_signed_certificate_is_trusted_where_it_is_the_ca_file(tmp_path: Path) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "leaf.pem")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(made)
    with serving(tls=made) as server:
        assert look_at(server, str(tmp_path / "leaf.pem")).status is Status.OK


def test_without_verification_the_certificate_is_still_watched() -> None:
    with tls_serving(trustme.CA(), not_after=days(1)) as server:
        result = look_at(server, "", verify=False)
    assert result.status is Status.CRITICAL
    assert "expires in 1d" in result.summary


def test_a_name_with_an_underscore_under_a_wildcard_says_why_it_is_refused(authority: trustme.CA, ca_file: str) -> None:
    with tls_serving(authority, "*.example.com") as server:
        here = Address.parse(f"127.0.0.1:{server.port}")
        for name, said in (
            ("my_app.example.com", "no wildcard covers a name with an underscore"),
            ("x.example.org", ""),
        ):
            result = look(http(f"https://{name}/", ca_file=ca_file, connect_to=here))
            assert result.status is Status.CRITICAL
            assert said in result.summary
            assert ("underscore" in result.summary) == bool(said)


def test_connect_to_and_server_name_keep_the_name_that_is_asked_for(authority: trustme.CA, ca_file: str) -> None:
    with tls_serving(authority, "shop.example.com") as server:
        here = Address.parse(f"127.0.0.1:{server.port}")
        assert look(http("https://shop.example.com/", ca_file=ca_file, connect_to=here)).status is Status.OK
        assert look_at(server, ca_file, server_name="shop.example.com").status is Status.OK
    assert server.server_names == ["shop.example.com"] * 2
    assert b"Host: shop.example.com\r\n" in server.requests[0]
    assert f"Host: 127.0.0.1:{server.port}\r\n".encode() in server.requests[1]


def test_certificates_of_the_environment_are_not_trusted(
    authority: trustme.CA, ca_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, ca_file)
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    tls._contexts.clear()
    with tls_serving(authority) as server:
        result = look(http(f"https://127.0.0.1:{server.port}/"))
    assert result.summary.startswith("certificate refused: ")
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("left", [-400, -1, 1, 13, 40])
@pytest.mark.parametrize("never", [None, DurationBelow.parse("0s"), DurationBelow.parse("0d")])
def test_a_watch_that_is_switched_off_is_off_for_certificates_of_every_age(
    left: int, never: DurationBelow | None
) -> None:
    with tls_serving(trustme.CA(), not_before=days(-500), not_after=days(left)) as server:
        levels = {"certificate_warning": never, "certificate_critical": never}
        result = look_at(server, "", verify=False, **levels)
        assert result.status is Status.OK, result.summary
        assert look_at(server, "", verify=False, certificate_warning=never).status is (
            Status.CRITICAL if left < 3 else Status.OK
        )


def test_a_certificate_that_is_not_valid_yet_is_told_also_where_it_is_not_verified() -> None:
    with tls_serving(trustme.CA(), "127.0.0.1", common_name="shop", not_before=days(2), not_after=days(99)) as server:
        result = look_at(server, "", verify=False)
        mild = look_at(server, "", verify=False, certificate_critical=None)
        off = look_at(server, "", verify=False, certificate_warning=None, certificate_critical=None)
    assert (result.status, mild.status) == (Status.CRITICAL, Status.WARNING)
    assert result.summary.startswith("certificate 'shop' is not valid yet: look at the clocks, 200 in ")
    assert off.status is Status.OK


def test_without_verification_the_issuers_that_the_server_sends_are_watched_too() -> None:
    root = trustme.CA()
    middle = short_lived(root.create_child_ca(), days(5))
    middle_pem = middle.cert_pem.bytes()
    issued = middle.issue_cert("127.0.0.1", not_after=days(50))
    for sent, status in (([middle_pem], Status.WARNING), ([], Status.OK), ([root.cert_pem.bytes()], Status.OK)):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        chain = issued.private_key_pem.bytes() + issued.cert_chain_pems[0].bytes() + b"".join(sent)
        with trustme.Blob(chain).tempfile() as path:
            made.load_cert_chain(path)
        with serving(tls=made) as server:
            assert look_at(server, "", verify=False).status is status


def info(subject: str, issuer: str, expires: str = "2040", begins: str = "2020") -> dict[str, Any]:
    """What Python's ssl says of a certificate."""
    names = {key: ((("commonName", name),),) for key, name in (("subject", subject), ("issuer", issuer))}
    return {**names, "notAfter": f"Jan  1 00:00:00 {expires} GMT", "notBefore": f"Jan  1 00:00:00 {begins} GMT"}


LEAF, MIDDLE, ROOT = info("shop", "middle"), info("middle", "root"), info("root", "root", "2021")


@pytest.mark.parametrize(
    ("sent", "watched"),
    [
        ([LEAF, MIDDLE, ROOT], [LEAF, MIDDLE]),
        ([LEAF, info("middle", "root", "2021"), MIDDLE], [LEAF, MIDDLE]),
        ([LEAF, ROOT, info("other", "root"), MIDDLE], [LEAF, MIDDLE]),
        ([LEAF, MIDDLE, info("root", "old root", "2021"), ROOT], [LEAF, MIDDLE]),
        ([LEAF, MIDDLE, info("root", "old root", "2021")], [LEAF, MIDDLE, info("root", "old root", "2021")]),
        ([LEAF, info("middle", "shop"), LEAF], [LEAF, info("middle", "shop"), LEAF]),
        ([info("shop", "shop"), info("shop", "shop")], [info("shop", "shop")]),
    ],
)
def test_unverified_the_issuers_that_a_client_needs_are_watched_in_any_order(
    sent: list[dict[str, Any]], watched: list[dict[str, Any]]
) -> None:
    """Of two that issued the same an old one is no alarm."""
    assert issuers(sent) == watched


def test_the_certificate_that_is_not_valid_yet_is_named() -> None:
    class Handle:
        def __init__(self, *words: str) -> None:
            self.get_info = partial(info, *words)

    handles = [Handle("shop", "m", "2030"), Handle("m", "r", "2040", "2035")]
    connection = SimpleNamespace(
        context=SimpleNamespace(verify_mode=ssl.CERT_NONE),
        _sslobj=SimpleNamespace(get_unverified_chain=lambda: handles),
    )
    seen = certificates.certificate(connection)  # type: ignore[arg-type]
    assert seen is not None
    assert (seen.name, seen.last_to_begin) == ("shop", "m")
