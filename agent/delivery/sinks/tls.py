"""How TLS is spoken with a destination: as the host's OpenSSL does it by itself, and as the checks do it."""

from __future__ import annotations

import ssl


def tls_context() -> ssl.SSLContext:
    """Return a context without CAs, for one connection.

    Python's own list of ciphers leaves out what curl and browsers take of servers with TLS 1.2. A `ca_file` may hold an
    intermediate or the server's own certificate, and CAs of companies lack what Python 3.13 demands by itself.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.set_ciphers("PROFILE=SYSTEM")  # the policy of the whole system, where there is one, as on Fedora
    except ssl.SSLError:
        context.set_ciphers("DEFAULT")
    context.set_alpn_protocols(["http/1.1"])
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
