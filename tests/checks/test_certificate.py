"""Files of certificates: how long each lasts, and which cannot be read."""

from __future__ import annotations

import binascii
import datetime
import os
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from agent.api import CheckError, DurationBelow, Status
from agent.testing import ran
from checks._network.addresses import Address
from checks.certificate import Certificate
from checks.certificate.files import certificates
from tests.checks.certificates import as_pem, days, issued, look, looked, made, pem
from tests.host import needs
from tests.host.closed import closed


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
