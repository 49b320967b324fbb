"""`type: certificate`."""

from __future__ import annotations

import binascii
import datetime
import glob
import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from agent.api import (
    Check,
    CheckError,
    Context,
    DurationBelow,
    Host,
    Metric,
    Result,
    Suggestion,
    critical,
    nodata,
    warning,
)
from checks._network import tls
from checks._network.addresses import Address
from checks._network.connection import FAMILIES, Network, connected, secured
from checks._network.progress import NoAnswer, Progress

FILE_LIMIT = 1024 * 1024
"""Bytes of one file that are read."""
FILES_LIMIT = 500
BLOCK = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----([^-]+)-----END")

LETSENCRYPT = "/etc/letsencrypt/live/*/fullchain.pem"
CONFIGURED = (
    *("/etc/nginx/*.conf", "/etc/nginx/conf.d/*", "/etc/nginx/sites-enabled/*", "/etc/nginx/snippets/*"),
    *("/etc/apache2/sites-enabled/*", "/etc/httpd/conf/*.conf", "/etc/httpd/conf.d/*.conf"),
    *("/etc/postfix/main.cf", "/etc/dovecot/conf.d/*.conf"),
)
"""Where servers name their certificates."""
NAMED = re.compile(
    r"^\s*(?:ssl_certificate\s|SSLCertificateFile\s|smtpd_tls_(?:cert|chain_files?)\w*\s*=|ssl_(?:server_)?cert\w*\s*=\s*<?)"
    r"\s*[\"']?(/[^\s;\"'$,]+)",
    re.MULTILINE,
)


class Certificate(Check, frozen=True, kw_only=True):
    """Watches how long certificates last, in files, at a server, or both: then also that the server serves the file's.

    Warning below 14 days, critical below 3, for the one of the chain that expires first (roots in a file aside). A
    server that does not answer, or whose certificate is refused, is critical; one that serves another certificate
    than the file has, as after a renewal without reload, is a warning. A file that cannot be read, or holds no
    certificate (PEM or DER), is nodata.

    ```yaml
    checks:
      web-certificate:
        type: certificate
        file: /etc/letsencrypt/live/www.example.com/fullchain.pem
        address: www.example.com:443
      certificates: {type: certificate, file: "/etc/letsencrypt/live/*/fullchain.pem", warning: 21d, critical: 7d}
      ldap: {type: certificate, address: "ldap.example.com:636", ca_file: /etc/ssl/our-ca.pem}
    ```
    """

    fail_after: ClassVar[int] = 2

    file: Annotated[
        str | tuple[str, ...], Meta(description="Path, or a list of paths; with wildcards, each file is a subject.")
    ] = ()
    address: Annotated[Address | None, Meta(description="Server that speaks TLS, host[:port]. Default port: 443.")] = (
        None
    )
    warning: Annotated[DurationBelow | None, Meta(description="Warn when it lasts less; default 14d, null: never.")] = (
        DurationBelow.parse("14d")
    )
    critical: Annotated[
        DurationBelow | None, Meta(description="Critical when it lasts less; default 3d, null: never.")
    ] = DurationBelow.parse("3d")
    verify: Annotated[bool, Meta(description="false: accept any certificate of the server.")] = True
    ca_file: Annotated[str, Meta(description="PEM file of the CAs to trust instead of the host's.")] = ""
    server_name: Annotated[str, Meta(description="TLS name to ask for and to verify, when not the address's.")] = ""
    ip_version: Annotated[Literal[4, 6] | None, Meta(description="Use only IPv4 or IPv6; else what is first.")] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        if not self.file and not self.address:
            yield "file", "says nothing to look at: write file, address or both"
        for path in _texts(self.file):
            if not path.startswith("/") or "\0" in path:
                yield "file", f"{path!r} is not a whole path, write for example /etc/ssl/certs/www.pem"
        if self.address and self._many:
            yield "address", "can be compared with one file only: write a check for each"

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        if found := host.glob(LETSENCRYPT):
            names = ", ".join(Path(path).parent.name for path in found)
            settings = {"file": LETSENCRYPT, "interval": "6h"}
            yield Suggestion(name="letsencrypt", settings=settings, why=f"Found {names}.", about=("file",))
        for path, named_in in _named(host).items():
            name = f"certificate-{Path(path).stem}"
            settings = {"file": path, "interval": "1h"}
            yield Suggestion(name=name, settings=settings, why=f"{named_in} names it.", about=("file",))

    @property
    def _many(self) -> bool:
        return len(_texts(self.file)) > 1 or any(glob.has_magic(path) for path in _texts(self.file))

    def run(self, ctx: Context) -> Iterator[Result | Metric]:
        now = time.time()
        files = ctx.call(f"certificate {' '.join(_texts(self.file))}", lambda: _in_files(_texts(self.file)))
        for path, chain in files.items():
            yield from self._judged_file(path, chain, path if self._many else "", now)
        if self.address:
            chain = next(iter(files.values()), ())
            yield from self._judged_server(self.address, ctx, chain if isinstance(chain, tuple) else (), now)

    def _judged_file(self, path: str, chain: tuple[InFile, ...] | str, subject: str, now: float) -> Iterator[Result]:
        if isinstance(chain, str):
            yield nodata(f"{path}: {chain}", subject)
            return
        own = [one for one in chain if not one.root] or list(chain)
        first = min(own, key=lambda one: one.expires)
        said = tls.Certificate(first.name or Path(path).name, first.expires)
        result = tls.lasting(said, now, self.warning, self.critical)
        yield msgspec.structs.replace(result, subject=subject, summary=f"{result.summary} in {path}")
        if chain[0].begins > now:
            yield critical(f"{path} is not valid yet: look at this host's clock", subject)

    def _judged_server(self, address: Address, ctx: Context, chain: tuple[InFile, ...], now: float) -> Iterator[Result]:
        progress = Progress(ctx.deadline)
        try:
            found, der = self._served(address, Network(ctx, progress))
        except (OSError, NoAnswer) as error:
            yield critical(progress.failed(error))
            return
        if found is None:
            yield nodata(f"{address} serves a certificate that cannot be read")
            return
        result = tls.lasting(found, now, self.warning, self.critical)
        metrics = tuple(msgspec.structs.replace(metric, name="served") for metric in result.metrics)
        yield msgspec.structs.replace(result, summary=f"{result.summary} at {address}", metrics=metrics)
        if chain and chain[0].der != der:
            yield warning(f"{address} serves another certificate than {self.file}: reload the server")

    def _served(self, address: Address, network: Network) -> tuple[tls.Certificate | None, bytes | None]:
        trust = tls.context(tls.TlsSettings(self.verify, self.ca_file))
        stop = Address(address.host, address.port or 443)
        with (
            connected(stop, FAMILIES[self.ip_version], network) as plain,
            secured(plain, trust, self.server_name or address.host.rstrip("."), network.progress) as connection,
        ):
            return tls.certificate(connection), connection.getpeercert(True)


class InFile(msgspec.Struct, frozen=True):
    """One certificate; times in Unix seconds."""

    name: str
    begins: float
    expires: float
    root: bool
    """It is signed by itself."""
    der: bytes


def _named(host: Host) -> dict[str, str]:
    """Return the certificates that servers' configurations name, and which does; without Debian's self-made one."""
    found: dict[str, str] = {}
    for pattern in CONFIGURED:
        for file in host.glob(pattern):
            for path in NAMED.findall(host.read(file)):
                if not path.startswith("/etc/letsencrypt/live/") and "snakeoil" not in path:
                    found.setdefault(path, file)
    return found


def _in_files(patterns: tuple[str, ...]) -> dict[str, tuple[InFile, ...] | str]:
    """Read the certificates of each file, or say why there are none."""
    found: dict[str, tuple[InFile, ...] | str] = {}
    for pattern in patterns:
        # A path without a wildcard stands for itself, also when it is not there.
        paths = sorted(glob.glob(pattern)) if glob.has_magic(pattern) else [pattern]  # noqa: PTH207 - of whole paths
        if not paths:
            raise CheckError(f"no file matches {pattern}")
        for path in paths:
            found[path] = _in_file(path)
        if len(found) > FILES_LIMIT:
            raise CheckError(f"more than {FILES_LIMIT} files match {pattern}")
    return found


def _in_file(path: str) -> tuple[InFile, ...] | str:
    try:
        # Without O_NONBLOCK, opening a pipe would wait for a writer.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - a descriptor
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return "is not a regular file"
            return certificates(file.read(FILE_LIMIT)) or "holds no certificate"
    except OSError as error:
        return (error.strerror or str(error)).lower()
    except ValueError:
        return "holds no certificate that can be read"


def certificates(content: bytes) -> tuple[InFile, ...]:
    """Read all certificates of a PEM file, or the one of a DER file; ValueError where one is broken."""
    blocks = [binascii.a2b_base64(block) for block in BLOCK.findall(content)]
    if not blocks and content[:1] == b"\x30":
        blocks = [content]
    try:
        return tuple(_certificate(block) for block in blocks)
    except (IndexError, OverflowError):
        raise ValueError("a certificate that ends too early") from None


def _certificate(der: bytes) -> InFile:
    """Read what we need of RFC 5280's Certificate: issuer, validity and subject, in this order."""
    _, at, _ = _element(der, 0)
    _, at, _ = _element(der, at)
    tag, _, after = _element(der, at)
    if tag == 0xA0:  # the version, which may be left out
        at = after
    for _ in range(2):  # serial number, signature algorithm
        _, _, at = _element(der, at)
    issuer = at
    _, _, validity = _element(der, at)
    _, begins, subject = _element(der, validity)
    _, _, expires = _element(der, begins)
    _, _, end = _element(der, subject)
    root = der[issuer:validity] == der[subject:end]
    return InFile(_common_name(der[subject:end]), _seconds(der, begins), _seconds(der, expires), root, der)


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Return an element's tag, and where its content begins and ends."""
    length, start = der[at + 1], at + 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[at + 2 : start], "big")
    if start + length > len(der):
        raise ValueError("an element that ends after the file")
    return der[at], start, start + length


def _seconds(der: bytes, at: int) -> float:
    tag, start, end = _element(der, at)
    written = "%y%m%d%H%M%SZ" if tag == 0x17 else "%Y%m%d%H%M%SZ"
    return datetime.datetime.strptime(der[start:end].decode("ascii"), written).replace(tzinfo=datetime.UTC).timestamp()


def _common_name(subject: bytes) -> str:
    at = subject.find(b"\x06\x03\x55\x04\x03")
    if at < 0:
        return ""
    tag, start, end = _element(subject, at + 5)
    return subject[start:end].decode("utf-16-be" if tag == 0x1E else "utf-8", "replace")


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
