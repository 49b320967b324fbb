"""Certificates in files: found, opened, and read as far as it matters here."""

from __future__ import annotations

import binascii
import datetime
import os
import re

import msgspec

from agent.api import CheckError
from checks._network.der import element
from checks._opening import open_regular
from checks._walking import ClosedFolder, TooManyError, walk
from checks._wildcards import has_wildcard

FILE_LIMIT = 1024 * 1024
"""Bytes of one file that are read."""
FILES_LIMIT = 500
UTC_TIME = 0x17
BLOCK = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----([^-]*)(-----END)?")


class InFile(msgspec.Struct, frozen=True):
    """One certificate; times in Unix seconds."""

    name: str
    begins: float
    expires: float
    root: bool
    """It is signed by itself."""
    der: bytes


class Bundle(msgspec.Struct, frozen=True):
    """What a file holds."""

    good: tuple[InFile, ...] = ()
    broken: tuple[int, ...] = ()
    """Which blocks cannot be read, counted from 1."""


def in_files(patterns: tuple[str, ...]) -> dict[str, Bundle | str]:
    """Read the certificates of each file, or say why there are none."""
    bundles: dict[str, Bundle | str] = {}
    for pattern in patterns:
        paths, fault = _paths(pattern)
        if not paths and len(patterns) == 1:
            raise CheckError(fault)
        room = max(0, FILES_LIMIT - len(bundles))
        for path in paths[:room]:
            bundles[path] = _in_file(path)
        if len(paths) > room:
            fault = f"{len(paths)} files match, {room} of them are watched: write several checks"
        if fault:  # what is known of the others is told all the same
            bundles[pattern] = fault
    return bundles


def _paths(pattern: str) -> tuple[list[str], str]:
    """Return the files that a path means, and why there may be more, or are none."""
    if not has_wildcard(pattern):
        return [pattern], ""  # it stands for itself, also when it is not there
    closed = ClosedFolder()
    try:
        paths = sorted(map(os.fspath, walk(pattern, closed)))
    except TooManyError:
        return [], f"{pattern} leads over too many names: name a smaller folder"
    if not paths and os.path.lexists(pattern):
        return [pattern], ""  # `[1].pem` may be a name
    return paths, closed.first or ("" if paths else f"no file matches {pattern}")


def _in_file(path: str) -> Bundle | str:
    try:
        with open(open_regular(path), "rb") as file:  # noqa: PTH123 - a descriptor
            bundle = certificates(file.read(FILE_LIMIT))
            return bundle if bundle.good else f"holds no certificate{' that can be read' * bool(bundle.broken)}"
    except OSError as error:
        return (error.strerror or str(error)).lower()


def certificates(content: bytes) -> Bundle:
    """Read all certificates of a PEM file, or the one of a DER file."""
    blocks: list[tuple[bytes, bytes]] = BLOCK.findall(content)
    if not blocks and content[:1] == b"\x30":
        return _bundle([content])
    return _bundle([_decode(block) if end else b"" for block, end in blocks])


def _bundle(blocks: list[bytes]) -> Bundle:
    good, broken = [], []
    for number, block in enumerate(blocks, 1):
        try:
            good.append(certificate(block))
        except ValueError:
            broken.append(number)
    return Bundle(tuple(good), tuple(broken))


def _decode(block: bytes) -> bytes:
    try:
        return binascii.a2b_base64(block)
    except ValueError:
        return b""


def certificate(der: bytes) -> InFile:
    """Read one certificate; ValueError where it is none."""
    try:
        return _certificate(der)
    except (IndexError, OverflowError):
        raise ValueError("a certificate that ends too early") from None


def _certificate(der: bytes) -> InFile:
    """Read what we need of RFC 5280's Certificate: issuer, validity and subject, in this order."""
    _, at, whole = element(der, 0)
    _, at, _ = element(der, at)
    tag, _, after = element(der, at)
    if tag == 0xA0:  # the version, which may be left out
        at = after
    for _ in range(2):  # serial number, signature algorithm
        _, _, at = element(der, at)
    issuer = at
    _, _, validity = element(der, at)
    _, begins, subject = element(der, validity)
    _, _, expires = element(der, begins)
    _, _, end = element(der, subject)
    root = der[issuer:validity] == der[subject:end]
    return InFile(_common_name(der[subject:end]), _seconds(der, begins), _seconds(der, expires), root, der[:whole])


def _seconds(der: bytes, at: int) -> float:
    """Read a time as RFC 5280, 4.1.2.5 has it; ValueError where it is another. The two digits 50 are 1950."""
    tag, start, end = element(der, at)
    digits = der[start : end - 1].decode("ascii")
    if tag == UTC_TIME:
        digits = ("20" if digits < "50" else "19") + digits
    if der[end - 1 : end] != b"Z" or not re.fullmatch(r"\d{14}", digits):
        raise ValueError("a time in another form")
    return datetime.datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=datetime.UTC).timestamp()


def _common_name(subject: bytes) -> str:
    at = subject.find(b"\x06\x03\x55\x04\x03")
    if at < 0:
        return ""
    tag, start, end = element(subject, at + 5)
    return subject[start:end].decode("utf-16-be" if tag == 0x1E else "utf-8", "replace")
