"""One TLS context per TLS setting, made anew when a file changes."""

from __future__ import annotations

import functools
import ssl
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from agent.api import CheckError, Context, size_text
from checks._network.reasons import reason_of_file

LEGACY_SERVER_CONNECT = 0x4
"""OpenSSL's SSL_OP_LEGACY_SERVER_CONNECT, which the module ssl names only from Python 3.12 on."""
# Where distributions keep the bundle, for a Python whose OpenSSL was built elsewhere and looks in the wrong place.
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class TlsSettings(msgspec.Struct, frozen=True):
    """Everything that makes one context differ from another; an empty `ca_file` means the CAs of this host."""

    verify: bool = True
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    protocols: tuple[str, ...] = ()
    """What to offer by ALPN."""
    crl_file: str = ""
    """What the CA of the server's certificate has revoked."""
    old: bool = False
    """Speak with old devices: TLS 1.0 and 1.1, weak keys and signatures, servers without safe renegotiation."""


def contradictions(settings: TlsSettings) -> Iterator[tuple[str, str]]:
    """Yield settings that contradict each other, or name no file: without their text, which may be the key itself."""
    for name in ("ca_file", "crl_file", "client_cert", "client_key"):
        path = getattr(settings, name)
        if "-----BEGIN" in path:
            yield name, "must be the path of a file, not what stands in it"
        elif path and not (path.startswith("/") and path.isprintable()):
            yield name, "must be the whole path of a file, as in /etc/hostvigil/ca.pem"
    if settings.client_key and not settings.client_cert:
        yield "client_key", "has no certificate, set client_cert as well"
    if settings.crl_file and not settings.verify:
        yield "crl_file", "needs a certificate that is verified, leave verify: false out"


class CachedContext(msgspec.Struct, frozen=True):
    """A context, and of which files it was made."""

    context: ssl.SSLContext
    stamps: list[tuple[int, ...]]
    looked_at: float
    """When the files were looked at last, in monotonic seconds."""


_contexts: dict[TlsSettings, CachedContext] = {}
_keeping = threading.Lock()
"""Never held while a file is read: one that hangs must hold up nobody else."""
MOST_CONTEXTS = 200
FILE_LIMIT = 16 * 1024**2


def context(settings: TlsSettings) -> ssl.SSLContext:
    """Return the context of these settings: loading the CAs costs twenty handshakes, so it is kept.

    CheckError where a file cannot be read or used.
    """
    looked_at = time.monotonic()
    ca_file, ca_folder = _trust(settings)
    files = {
        "ca_file" if settings.ca_file else "CAs": ca_file,
        "client_cert": settings.client_cert,
        "client_key": settings.client_key,
    }
    files["crl_file"] = settings.crl_file
    stamps = [_stamp(name, path) for name, path in files.items() if path]
    with _keeping:
        last = _contexts.get(settings)
    tls_context = last.context if last and last.stamps == stamps else _make(settings, ca_file, ca_folder)
    with _keeping:
        if len(_contexts) >= MOST_CONTEXTS:
            _contexts.clear()
        _contexts[settings] = CachedContext(tls_context, stamps, looked_at)
    return tls_context


async def context_for(settings: TlsSettings, ctx: Context) -> ssl.SSLContext:
    """As `context`, in a loop: files that somebody named may lie on a mount that hangs."""
    paths = [path for path in (settings.ca_file, settings.client_cert, settings.client_key, settings.crl_file) if path]
    if not paths:
        return context(settings)
    last = _contexts.get(settings)
    if last and last.looked_at >= ctx.due:
        return last.context  # of runs that were due together, one looks at the files: that takes a thread
    # Who waits for a call of the same name gets its answer, so all that makes a context another one is in the name.
    return await ctx.call_async(f"read {settings!r}", lambda: context(settings))


def _stamp(name: str, path: str) -> tuple[int, ...]:
    try:
        info = Path(path).stat()
    except OSError as error:
        raise CheckError(f"{name} {path}: {error.strerror}") from None
    if stat.S_ISDIR(info.st_mode):
        raise CheckError(f"{name} {path} is a folder: write a file in PEM")
    if not stat.S_ISREG(info.st_mode):  # OpenSSL would wait for a pipe, and read a device for ever
        raise CheckError(f"{name} {path} is not a regular file")
    if info.st_size > FILE_LIMIT:
        raise CheckError(f"{name} {path} is larger than {size_text(FILE_LIMIT)}")
    return info.st_mtime_ns, info.st_size, info.st_ino


def _make(settings: TlsSettings, ca_file: str, ca_folder: str) -> ssl.SSLContext:
    # Not create_default_context: that follows SSL_CERT_FILE and SSLKEYLOGFILE of whoever started the agent.
    tls_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls_context.minimum_version = settings.minimum
    _set_ciphers(tls_context, settings.old)
    if settings.protocols:
        tls_context.set_alpn_protocols(list(settings.protocols))
    # A ca_file may hold an intermediate or the server's own certificate; from Python 3.13 on this is the default.
    tls_context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if settings.verify:
        name = "ca_file" if settings.ca_file else "CAs"
        _load(name, ca_file or ca_folder, lambda: tls_context.load_verify_locations(ca_file or None, ca_folder or None))
    else:
        tls_context.check_hostname = False
        tls_context.verify_mode = ssl.CERT_NONE
    if settings.crl_file:
        _load("crl_file", settings.crl_file, lambda: _load_crl(tls_context, settings.crl_file))
        # Of the server's own certificate only: few who have its CA's list have those of the CAs above.
        tls_context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    if settings.client_cert:
        key = settings.client_key or settings.client_cert
        tls_context.post_handshake_auth = True  # some servers ask for it once they know the path (Apache, TLS 1.3)
        _load(
            "client_cert",
            settings.client_cert,
            lambda: tls_context.load_cert_chain(settings.client_cert, key, _no_password),
        )
    return tls_context


def _load_crl(tls_context: ssl.SSLContext, path: str) -> None:
    content = Path(path).read_bytes()
    if b"-----BEGIN X509 CRL-----" not in content or b"CERTIFICATE-----" in content:
        # OpenSSL would trust the certificates that it finds there.
        raise CheckError(f"crl_file {path} must hold CRLs in PEM, and nothing else")
    tls_context.load_verify_locations(path)


def _set_ciphers(tls_context: ssl.SSLContext, old: bool) -> None:
    """Offer what this host's OpenSSL offers by itself; Python brings a shorter list, but no other security level."""
    if old:
        tls_context.set_ciphers("DEFAULT:@SECLEVEL=0")  # below TLS 1.2 there is nothing at any higher level
        tls_context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        tls_context.options |= LEGACY_SERVER_CONNECT
    elif not _follows_policy(tls_context):
        tls_context.set_ciphers("DEFAULT")


def _follows_policy(tls_context: ssl.SSLContext) -> bool:
    """Offer what the policy of the whole system says, where there is one, as on Fedora."""
    try:
        tls_context.set_ciphers("PROFILE=SYSTEM")
    except ssl.SSLError:
        return False
    return True


def _no_password() -> str:
    # Without this, OpenSSL asks on the terminal, and waits.
    raise CheckError("client_key has a password, which cannot be given; store it without one, readable only to us")


def _load(name: str, path: str, load: Any) -> None:
    try:
        load()
    except OSError as error:  # SSLError is one
        raise CheckError(f"{name} {path} cannot be used: {reason_of_file(error)}") from None


def _trust(settings: TlsSettings) -> tuple[str, str]:
    """Return (file, folder) of the CAs to trust, one of them empty."""
    if not settings.verify:
        return "", ""
    if settings.ca_file:
        return settings.ca_file, ""
    return _host_trust()


@functools.lru_cache(maxsize=1)
def _host_trust() -> tuple[str, str]:
    # The paths OpenSSL was built with, not those of the environment. A hashed folder is looked into as needed: a whole
    # bundle costs 25 ms and a megabyte for each context.
    built_in = ssl.get_default_verify_paths()
    if any(Path(built_in.openssl_capath).glob("*.0")):
        return "", built_in.openssl_capath
    for bundle in (built_in.openssl_cafile, *BUNDLES):
        if Path(bundle).is_file():
            return bundle, ""
    raise CheckError("this host has no CA certificates: install ca-certificates, or set ca_file")
