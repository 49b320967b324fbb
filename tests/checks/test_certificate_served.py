"""The certificate that a server serves: its age, its revocation, and the file it was not reloaded with."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from agent.api import CheckError, DurationBelow, Status
from checks._network.addresses import Address
from tests.checks.certificates import AUTHORITY, as_pem, days, issued, look, looked, made, pem
from tests.stand_ins.http_servers import Visit, serving


def wait(visit: Visit) -> None:
    visit.connection.recv(1)


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


def serves(certificate: trustme.LeafCert) -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return serving(wait, tls=context, greedy=False)


def test_a_server_is_judged_by_what_it_serves(ca_file: str) -> None:
    for left, status in ((90, Status.OK), (10, Status.WARNING), (1, Status.CRITICAL)):
        with serves(issued(left)) as server:
            result = looked(address=Address("127.0.0.1", server.port), ca_file=ca_file)[""]
        assert result.status is status
        assert result.summary.startswith(f"certificate 'www.example.com' expires in {left}d")
        assert result.summary.endswith(f"at 127.0.0.1:{server.port}")


def test_a_level_of_0s_or_null_is_never_passed_whatever_the_age(tmp_path: Path) -> None:
    (tmp_path / "old.pem").write_bytes(as_pem(made("old", -90, -2)))
    (tmp_path / "new.pem").write_bytes(as_pem(made("new", 2, 90)))
    for off in (None, DurationBelow.parse("0s")):
        assert look(tmp_path / "old.pem", warning=off, critical=off).status is Status.OK
        assert look(tmp_path / "old.pem", critical=off).status is Status.WARNING
        assert look(tmp_path / "new.pem", critical=off).status is Status.WARNING
        assert look(tmp_path / "new.pem", warning=off, critical=off).status is Status.OK


def test_a_server_with_a_certificate_of_the_future_is_critical_unverified_as_well() -> None:
    future = AUTHORITY.issue_cert("127.0.0.1", not_before=days(2), not_after=days(90))
    with serves(future) as server:
        result = looked(address=Address("127.0.0.1", server.port), verify=False)[""]
        warned = looked(address=Address("127.0.0.1", server.port), verify=False, critical=None)[""]
        off = looked(address=Address("127.0.0.1", server.port), verify=False, warning=None, critical=None)[""]
    assert (result.status, "that is not valid yet" in result.summary) == (Status.CRITICAL, True)
    assert (warned.status, off.status) == (Status.WARNING, Status.OK)


def revoked(certificate: trustme.LeafCert, until: float = 9) -> bytes:
    """Sign a list with which the CA takes the certificate back; it holds for so many days."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key: Any = load_pem_private_key(AUTHORITY.private_key_pem.bytes(), None)
    ours = x509.load_pem_x509_certificate(AUTHORITY.cert_pem.bytes())
    number = x509.load_pem_x509_certificate(pem(certificate)).serial_number
    one = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(days(0)).build()
    made = (
        x509.CertificateRevocationListBuilder().issuer_name(ours.subject).last_update(days(-9)).next_update(days(until))
    )
    return made.add_revoked_certificate(one).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_a_certificate_that_its_ca_has_revoked_is_critical(ca_file: str, tmp_path: Path) -> None:
    good, bad = issued(), issued()
    (tmp_path / "crl.pem").write_bytes(revoked(bad))
    settings = {"ca_file": ca_file, "crl_file": str(tmp_path / "crl.pem")}
    with serves(good) as server:
        assert looked(address=Address("127.0.0.1", server.port), **settings)[""].status is Status.OK
    with serves(bad) as server:
        address = Address("127.0.0.1", server.port)
        assert looked(address=address, ca_file=ca_file)[""].status is Status.OK
        result = looked(address=address, **settings)[""]
    assert (result.status, result.summary[:41]) == (Status.CRITICAL, "certificate refused: certificate revoked:")


def test_a_crl_that_cannot_be_used_is_our_fault(ca_file: str, tmp_path: Path) -> None:
    certificate, foreign = issued(), trustme.CA()
    contents = {
        "is too old": (revoked(certificate, -1), "CRL has expired"),
        "is no CRL": (AUTHORITY.cert_pem.bytes(), "must hold CRLs"),
        "brings a CA along": (foreign.cert_pem.bytes() + revoked(certificate), "must hold CRLs"),
        "is cut": (revoked(certificate)[:-40], "cannot be used"),
    }
    with serves(certificate) as server:
        for name, (content, why) in contents.items():
            (tmp_path / name).write_bytes(content)
            with pytest.raises(CheckError, match=why):
                looked(address=Address("127.0.0.1", server.port), ca_file=ca_file, crl_file=str(tmp_path / name))


def test_a_server_that_wants_our_certificate_gets_it(ca_file: str, tmp_path: Path) -> None:
    issued().private_key_and_cert_chain_pem.write_to_path(tmp_path / "me.pem")
    strict = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    strict.maximum_version = ssl.TLSVersion.TLSv1_2  # by 1.3, the refusal would come after the handshake
    strict.verify_mode = ssl.CERT_REQUIRED
    AUTHORITY.configure_trust(strict)
    issued().configure_cert(strict)
    with serving(wait, tls=strict, greedy=False) as server:
        settings = {"address": Address("127.0.0.1", server.port), "ca_file": ca_file}
        assert looked(**settings)[""].status is Status.CRITICAL
        assert looked(**settings, client_cert=str(tmp_path / "me.pem"))[""].status is Status.OK


def test_a_server_that_is_refused_or_not_there_is_critical(ca_file: str) -> None:
    with serves(issued()) as server:
        address = Address("127.0.0.1", server.port)
        assert "certificate refused" in looked(address=address)[""].summary
        assert "certificate refused" in looked(address=address, ca_file=ca_file, server_name="x.example")[""].summary
        assert looked(address=address, verify=False)[""].status is Status.OK
    result = looked(address=address)[""]
    assert (result.status, result.summary[:18]) == (Status.CRITICAL, "connection refused")


def test_a_server_that_was_not_reloaded_after_a_renewal_is_a_warning(ca_file: str, tmp_path: Path) -> None:
    old, new = issued(40), issued(90)
    with serves(old) as server:
        settings = {"file": str(tmp_path / "www.pem"), "address": Address("127.0.0.1", server.port), "ca_file": ca_file}
        (tmp_path / "www.pem").write_bytes(pem(old))
        assert looked(**settings)[""].status is Status.OK
        (tmp_path / "www.pem").write_bytes(pem(new))
        result = looked(**settings)[""]
        assert result.status is Status.WARNING
        assert result.summary.startswith(f"127.0.0.1:{server.port} serves another certificate than {tmp_path}/www.pem")
        (tmp_path / "www.pem").write_bytes(AUTHORITY.cert_pem.bytes() + pem(new) + pem(old))
        assert looked(**settings)[""].status is Status.OK, "the file has it, wherever in it"
        (tmp_path / "www.pem").unlink()
        assert looked(**settings)[""].status is Status.NODATA
        assert {metric.name for metric in looked(**settings)[""].metrics} == {"served"}
