"""Pure: why a talk with a server ended, in the words of whom it concerns."""

from __future__ import annotations

import errno
import re
import socket
import ssl

from agent.api import duration_text

OLD = "for an old device set old_tls: true"
OURS = "the server refuses our client certificate"
TLS_HINTS = {
    "SSLV3_ALERT_HANDSHAKE_FAILURE": f"no cipher in common, or the server wants a client certificate; {OLD}",
    "NO_CIPHERS_AVAILABLE": "no cipher is left for the wanted versions",
    "TLSV1_ALERT_PROTOCOL_VERSION": f"no version in common with the server; {OLD}",
    "UNSUPPORTED_PROTOCOL": f"no version in common with the server; {OLD}",
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": f"the server knows no safe renegotiation; {OLD}",
    "DH_KEY_TOO_SMALL": f"the server's keys are too small to be safe; {OLD}",
    "EE_KEY_TOO_SMALL": f"the server's keys are too small to be safe; {OLD}",
    "CA_MD_TOO_WEAK": f"a signature in the server's chain is too weak; {OLD}",
    "WRONG_SIGNATURE_TYPE": f"the server signs too weakly; {OLD}",
    "TLSV1_ALERT_NO_APPLICATION_PROTOCOL": "the server speaks no HTTP/1.1 over TLS",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": OURS,
    "SSLV3_ALERT_BAD_CERTIFICATE": OURS,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": OURS,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": OURS,
    "TLSV1_ALERT_UNKNOWN_CA": OURS,
    "TLSV1_UNRECOGNIZED_NAME": "the server has no site of this name; server_name asks for another",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server wants a client certificate",
}
"""What OpenSSL's words do not say: what is the matter, and what to do."""


CERTIFICATE_HINTS = {
    18: "to trust it put it into ca_file",  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
    19: "its CA belongs into ca_file",  # X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
    # X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    20: "the server leaves out an intermediate, or its CA belongs into ca_file",
    66: OLD,  # X509_V_ERR_EE_KEY_TOO_SMALL
    67: OLD,  # X509_V_ERR_CA_KEY_TOO_SMALL
    68: OLD,  # X509_V_ERR_CA_MD_TOO_WEAK
}
"""By OpenSSL's number: what to do about a certificate that is refused."""
FILE_WORDS = {
    "NO_CERTIFICATE_OR_CRL_FOUND": "it holds no certificate in PEM",
    **dict.fromkeys(("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"), "its key is another's"),
}
"""What is wrong with a file that a setting names, by OpenSSL's name."""
HOSTNAME_MISMATCH = 62
"""X509_V_ERR_HOSTNAME_MISMATCH"""


def reason(error: Exception, timeout: float) -> str:
    """Say why it ended; `timeout` is how many seconds it had."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_reason(error)
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):  # up to Python 3.11.2 the one is told as the other
        return "the server closed the connection"
    if isinstance(error, ssl.SSLError) and error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
        return "what answers does not speak TLS"
    if isinstance(error, ssl.SSLError):
        return _tls_reason(error.reason or _name_in(str(error.strerror)))
    if isinstance(error, socket.gaierror):
        return (error.strerror or "the name cannot be resolved").lower()
    if isinstance(error, TimeoutError) and error.errno != errno.ETIMEDOUT:
        return f"no answer within {duration_text(timeout)}"
    if isinstance(error, OSError):
        return (error.strerror or str(error) or type(error).__name__).lower()
    return str(error)


def reason_of_file(error: OSError) -> str:
    """Say what is wrong with a file of certificates or keys."""
    if not isinstance(error, ssl.SSLError):
        return error.strerror or str(error)
    if not error.reason:
        return "the certificate in it, or the key in it or in client_key, is none in PEM"
    return FILE_WORDS.get(error.reason, error.reason.lower().replace("_", " "))


def _name_in(text: str) -> str:
    """Return OpenSSL's name of an error that is too new for Python to know; `[SSL] the name in words (_ssl.c:1006)`."""
    match = re.search(r"\] (.+?) \(", text)
    return match[1].upper().replace(" ", "_") if match else "unknown"


def _tls_reason(name: str) -> str:
    # Alerts are called after the version that brought them in: that is on no wire.
    plain = re.sub(r"^(sslv3|tlsv1|tlsv13)( alert)? ", "", name.lower().replace("_", " "))
    return f"TLS error {plain}" + (f" ({TLS_HINTS[name]})" if name in TLS_HINTS else "")


def _certificate_reason(error: ssl.SSLCertVerificationError) -> str:
    hint = CERTIFICATE_HINTS.get(error.verify_code, "")
    if error.verify_code == HOSTNAME_MISMATCH and "_" in error.verify_message:
        hint = "for OpenSSL no wildcard covers a name with an underscore; server_name sets another"
    return f"certificate refused: {error.verify_message.rstrip('.')}" + (f" ({hint})" if hint else "")
