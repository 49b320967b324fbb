"""The certificate check: real certificates in real files, and real TLS servers that serve them, or others."""

from __future__ import annotations

import _strptime  # noqa: F401 - datetime imports it late: who has given up root's rights may not read it any more
import binascii
import datetime
import os
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from agent.api import CheckError, Context, DurationBelow, Result, Status
from agent.plugin.results import gather
from agent.testing import ran
from checks._network.addresses import Address
from checks.certificate import Certificate
from checks.certificate.files import certificates
from tests.checks.looks import found
from tests.host import needs
from tests.host.closed import closed
from tests.stand_ins.http_servers import Visit, serving

AUTHORITY = trustme.CA()


def days(number: float) -> datetime.datetime:
    """From now, and a little more: tests may run long after they were loaded."""
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=number, minutes=5)


def issued(left: float = 90, name: str = "www.example.com") -> trustme.LeafCert:
    return AUTHORITY.issue_cert("127.0.0.1", name, common_name=name, not_after=days(left))


def pem(certificate: trustme.LeafCert) -> bytes:
    return certificate.cert_chain_pems[0].bytes()


def made(name: str, begins: float, left: float, *, issuer: str = "CA") -> x509.Certificate:
    """Sign a certificate with any dates, which trustme does not give."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]) for text in (name, issuer)]
    builder = x509.CertificateBuilder(names[1], names[0], key.public_key(), 1, days(begins), days(left))
    return builder.sign(key, hashes.SHA256())


def as_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def looked(**settings: Any) -> dict[str, Result]:
    results = gather(found(Certificate(**settings).run(Context(timeout=3))))
    return {result.subject: result for result in results}


def look(path: Path, **settings: Any) -> Result:
    return looked(file=str(path), **settings)[""]


@pytest.mark.parametrize(("left", "status"), [(90, Status.OK), (13, Status.WARNING), (2, Status.CRITICAL)])
def test_a_file_is_judged_by_how_long_its_certificate_lasts(left: int, status: Status, tmp_path: Path) -> None:
    (tmp_path / "www.pem").write_bytes(pem(issued(left)))
    result = look(tmp_path / "www.pem")
    assert result.status is status
    assert result.summary.startswith(f"certificate 'www.example.com' expires in {left}d")
    assert result.summary.endswith(f"in {tmp_path}/www.pem")
    assert result.metrics[0].value == pytest.approx(left * 86400, abs=600)
    assert look(tmp_path / "www.pem", warning=None, critical=None).status is Status.OK


def test_an_expired_and_a_future_certificate_are_critical(tmp_path: Path) -> None:
    (tmp_path / "old.pem").write_bytes(as_pem(made("old", -90, -2)))
    (tmp_path / "new.pem").write_bytes(as_pem(made("new", 2, 90)))
    assert look(tmp_path / "old.pem").summary.startswith("certificate 'old' expired 1d 23h ago (critical below 3d)")
    assert "is not valid yet" in look(tmp_path / "new.pem").summary
    assert look(tmp_path / "new.pem").status is Status.CRITICAL


def test_the_first_to_expire_counts_but_no_root(tmp_path: Path) -> None:
    leaf, between, root = made("leaf", -1, 80), made("between", -1, 10), made("root", -1, 5, issuer="root")
    (tmp_path / "chain.pem").write_bytes(b"words before\n" + b"\n".join(map(as_pem, (leaf, between, root))))
    assert look(tmp_path / "chain.pem").summary.startswith("certificate 'between' expires in 10d")
    (tmp_path / "root.pem").write_bytes(as_pem(root))
    assert look(tmp_path / "root.pem").summary.startswith("certificate 'root' expires in 5d")


def test_der_files_far_dates_and_names_of_all_kinds_are_read(tmp_path: Path) -> None:
    far = made("Größe ☃", -20000, 365 * 60)
    (tmp_path / "far.der").write_bytes(far.public_bytes(serialization.Encoding.DER))
    assert look(tmp_path / "far.der").summary.startswith("certificate 'Größe ☃' expires in 219")


@pytest.mark.parametrize(
    ("written", "year"),
    [
        (b"491231235959Z", 2049),
        (b"500101000000Z", 1950),
        (b"561231235959Z", 1956),  # what makers of devices write who mean 2056
        (b"690101000000Z", 1969),
        (b"4001010000+0Z", None),
        (b"4001 1000000Z", None),
        (b"400101000000z", None),
    ],
)
def test_a_year_of_two_digits_is_read_as_every_client_does(written: bytes, year: int | None) -> None:
    plain = made("x", -1, (datetime.datetime(2040, 1, 1, tzinfo=datetime.UTC) - days(0)).days)
    der = plain.public_bytes(serialization.Encoding.DER)
    ends = plain.not_valid_after_utc.strftime("%y%m%d%H%M%SZ").encode()
    assert der.count(ends) == 1
    years = [time.gmtime(one.expires).tm_year for one in certificates(der.replace(ends, written)).good]
    assert years == ([] if year is None else [year])


def test_what_we_read_of_this_hosts_certificates_is_what_openssl_reads() -> None:
    bundle = needs.file("/etc/ssl/certs/ca-certificates.crt", "ca-certificates")
    ours = certificates(bundle.read_bytes()).good
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(bundle)
    theirs: list[dict[str, Any]] = context.get_ca_certs()
    assert {one.expires for one in ours} == {ssl.cert_time_to_seconds(one["notAfter"]) for one in theirs}
    assert {one.begins for one in ours} == {ssl.cert_time_to_seconds(one["notBefore"]) for one in theirs}
    names = {value for one in theirs for part in one["subject"] for key, value in part if key == "commonName"}
    assert {one.name for one in ours} - {""} == names


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no certificate"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "holds no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "holds no certificate that can be read"),
        (b"\x30\x82\x01", "holds no certificate that can be read"),
    ],
)
def test_a_file_without_a_certificate_is_nodata(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_bytes(content)
    result = look(tmp_path / "x.pem")
    assert (result.status, result.summary) == (Status.NODATA, f"{tmp_path}/x.pem: {said}")


def test_what_cannot_be_read_is_nodata_and_does_not_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert look(tmp_path / "none.pem").summary == f"{tmp_path}/none.pem: no such file or directory"
    assert look(tmp_path / "pipe").summary == f"{tmp_path}/pipe: is not a regular file"
    assert look(tmp_path).status is Status.NODATA
    with pytest.raises(CheckError, match="no file matches"):
        looked(file=f"{tmp_path}/*.pem")


def test_of_too_many_files_those_that_are_looked_at_are_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checks.certificate.files.FILES_LIMIT", 3)
    for number in range(5):
        (tmp_path / f"{number}.pem").write_bytes(pem(issued(30 if number else 1)))
    found = looked(file=f"{tmp_path}/*.pem")
    assert {result.status for result in found.values()} == {Status.CRITICAL, Status.OK, Status.NODATA}
    assert found[f"{tmp_path}/*.pem"].summary.endswith("5 files match, 3 of them are watched: write several checks")
    assert len(found) == 4


def test_a_folder_that_may_not_be_read_is_no_folder_without_certificates(open_folder: Path) -> None:
    (open_folder / "live").mkdir()
    (open_folder / "a").mkdir()
    with closed(open_folder / "live"), pytest.raises(CheckError, match="live: permission denied"):
        looked(file=f"{open_folder}/live/*.pem")
    (open_folder / "a" / "x.pem").write_bytes(pem(issued(1)))
    with closed(open_folder / "live"):
        found = looked(file=f"{open_folder}/*/x.pem")
    assert sorted(result.status for result in found.values()) == [Status.CRITICAL, Status.NODATA]


def test_a_pattern_that_nothing_matches_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(pem(issued(1)))
    found = looked(file=(f"{tmp_path}/none*.pem", f"{tmp_path}/*.pem"))
    assert [result.status for result in found.values()] == [Status.NODATA, Status.CRITICAL]


def test_files_of_any_name_are_watched(tmp_path: Path) -> None:
    names = ["a b.pem", "n\nl.pem", os.fsdecode(b"\xff.pem"), "[z].pem"]
    for name in names:
        (tmp_path / name).write_bytes(pem(issued(30)))
    check = Certificate(file=str(tmp_path / "*.pem"))
    first = ran(check)
    again = ran(check, memory=first.memory)
    assert [result.status for result in (*first.results, *again.results)] == [Status.OK] * 8
    ran(Certificate(file=str(tmp_path / "[z].pem"))).is_ok()


def test_with_a_wildcard_each_file_is_a_subject(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(pem(issued(90)))
    (tmp_path / "b.pem").write_bytes(pem(issued(5)))
    (tmp_path / "c.pem").write_bytes(b"?")
    statuses = {Path(path).name: result.status for path, result in looked(file=f"{tmp_path}/*.pem").items()}
    assert statuses == {"a.pem": Status.OK, "b.pem": Status.WARNING, "c.pem": Status.NODATA}


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(noise: bytes) -> None:
    for content in (noise, b"\x30" + noise, DER[: len(noise)] + noise, noise.join([DER[:40], DER[40:]])):
        certificates(content)
    begin, end = b"-----BEGIN CERTIFICATE-----\n", b"\n-----END CERTIFICATE-----\n"
    bundle = certificates(begin + noise.replace(b"-", b"") + end + begin + binascii.b2a_base64(DER) + end)
    assert bundle.good[-1].der == DER


DER = made("leaf", -1, 80).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("bad", [b"", b"AAAA", b"MIIB", b"%&", b"MIIB\n-----BEGIN CERTIFICATE-----\nMIIB"])
def test_a_broken_block_is_told_and_the_good_ones_are_watched(bad: bytes, tmp_path: Path) -> None:
    block = b"-----BEGIN CERTIFICATE-----\n" + bad + b"\n-----END CERTIFICATE-----\n"
    (tmp_path / "x.pem").write_bytes(as_pem(made("first", -1, 80)) + block + as_pem(made("last", -1, 2)))
    result = look(tmp_path / "x.pem")
    assert "certificate 'last' expires in 2d" in result.summary
    assert f"{tmp_path}/x.pem: certificate 2" in result.summary
    (tmp_path / "cut.pem").write_bytes(as_pem(made("first", -1, 80))[:-30] + b"\n")
    assert look(tmp_path / "cut.pem").status is Status.NODATA


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


def test_settings_that_cannot_be_meant_are_problems() -> None:
    def problems(**settings: Any) -> list[str]:
        return [setting for setting, _ in Certificate(**settings).problems()]

    assert problems() == ["file"]
    assert problems(file="www.pem") == ["file"]
    assert problems(file="/etc/*.pem", address=Address("www")) == ["address"]
    assert problems(file=("/etc/a.pem", "/etc/b.pem"), address=Address("www")) == ["address"]
    assert problems(file="/etc/x.pem", starttls="smtp", source="192.0.2.7") == ["starttls", "source"]
    assert problems(address=Address("www"), source="eth0") == ["source"]
    assert problems(address=Address("www"), client_key="/x.pem") == ["client_key"]
    assert problems(address=Address("www"), crl_file="/x.pem", verify=False) == ["crl_file"]
    assert problems(address=Address("www")) == problems(file=("/etc/a.pem",), address=Address("www")) == []
    assert problems(file="/etc/x.pem", address=Address("www"), warning=DurationBelow.parse("30d")) == []


def test_a_file_that_a_wildcard_found_is_forgotten_when_it_is_gone_and_a_named_one_is_missed(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.pem").write_bytes(pem(issued(90)))
    found = looked(file=(f"{tmp_path}/*.pem", f"{tmp_path}/b.pem"))
    assert {Path(path).name: one.discovered for path, one in found.items()} == {"a.pem": True, "b.pem": False}
    for name in "ab":
        (tmp_path / f"{name}.pem").unlink()
    (tmp_path / "c.pem").write_bytes(pem(issued(90)))
    found = looked(file=(f"{tmp_path}/*.pem", f"{tmp_path}/b.pem"))
    assert {Path(path).name: one.status for path, one in found.items()} == {"b.pem": Status.NODATA, "c.pem": Status.OK}
