"""Certificates of any days, and what the check says of them."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent.api import Context, Result
from agent.plugin.results import gather
from checks.certificate import Certificate
from tests.checks.looks import found

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
