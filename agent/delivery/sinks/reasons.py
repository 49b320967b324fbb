"""Pure: why a request to a destination failed, in words without URLs and keys."""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator
from http.client import BadStatusLine, RemoteDisconnected

_OF_TUNNEL = "Tunnel connection failed: "
_ALERT_OF = re.compile(r"^(SSLV3|TLSV1|TLSV13)(_ALERT)?_")
"""Alerts are called after the version that brought them in: that is on no wire."""
_IN_WORDS = {
    "WRONG_VERSION_NUMBER": "what answers does not speak TLS",
    "NO_CERTIFICATE_OR_CRL_FOUND": "ca_file holds no certificate in PEM",
    "PEM_LIB": "client_cert holds no certificate with its key in PEM, or client_key no key without password",
    "TLSV1_ALERT_NO_APPLICATION_PROTOCOL": "the server speaks no HTTP/1.1 over TLS",
    **dict.fromkeys(
        ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"), "the key is not that of client_cert"
    ),
}
"""What OpenSSL's names do not say."""
_UNKNOWN_CA = (18, 19, 20)
"""X509_V_ERR_: signed by itself, a root that is not known, an issuer that is not there."""


def reason(error: BaseException) -> str:
    """Say why a request failed by the error at the bottom: the layers above quote URLs and object addresses."""
    causes = list(_causes(error))
    words = (_words(cause) for cause in causes)
    return next(filter(None, words), str(causes[0]) or type(causes[0]).__name__)


def _words(cause: BaseException) -> str:
    """Return what one error says by itself; nothing where that is no help."""
    if isinstance(cause, socket.gaierror):
        return f"the name cannot be resolved: {cause.strerror}"
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, ssl.SSLCertVerificationError) and cause.verify_message:
        mend = "; its CA belongs into this host's store or into ca_file" * (cause.verify_code in _UNKNOWN_CA)
        return f"the server's certificate is not trusted: {cause.verify_message}{mend}"
    if isinstance(cause, ssl.SSLError):
        return _tls_words(cause)
    if isinstance(cause, OSError) and cause.strerror:
        of_asyncio = cause.strerror.startswith("Connect call failed")
        return os.strerror(cause.errno) if of_asyncio and cause.errno else cause.strerror
    if isinstance(cause, BadStatusLine) and not isinstance(cause, RemoteDisconnected):
        return "what answers does not speak HTTP/1.1"  # a proxy asked for a tunnel
    behind = str(cause).partition(_OF_TUNNEL)[2]
    return f"the proxy gives no way: {behind}" if behind else ""


def _tls_words(error: ssl.SSLError) -> str:
    # These are in other words, or of another class, with each Python.
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return "the server closed the TLS connection"
    if name := error.reason or _name_in(str(error)):
        plain = _ALERT_OF.sub("", name).lower().replace("_", " ")
        return _IN_WORDS.get(name, f"TLS error {plain}")
    return error.strerror or ""


def _name_in(text: str) -> str:
    """Return OpenSSL's name of an error that Python does not know: `[SSL] the name in words (_ssl.c:1006)`."""
    match = re.search(r"\] (.+?) \(_ssl", text)
    return match[1].upper().replace(" ", "_") if match else ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield what led to the error, the first cause first."""
    chain = [error]
    while (cause := _cause(chain[-1])) and cause not in chain:
        chain.append(cause)
    yield from reversed(chain)


def _cause(error: BaseException) -> BaseException | None:
    # Where a proxy's TLS fails, urllib3 only has the error itself within its own.
    inner = (one for one in error.args if isinstance(one, BaseException))
    context = None if error.__suppress_context__ else error.__context__
    return error.__cause__ or context or next(inner, None)
