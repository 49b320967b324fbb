"""How TLS is spoken with a destination: as the host's OpenSSL does it by itself, and as the checks do it."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

from agent.system.host_cas import trust_host


def tls_context(*, host_cas: bool, protocols: Sequence[str] = ("http/1.1",)) -> ssl.SSLContext:
    """Return a context for one connection: with the CAs of this host, or none; `protocols` are offered by ALPN.

    Python's own list of ciphers leaves out what curl and browsers take of servers with TLS 1.2. A `ca_file` may hold an
    intermediate or the server's own certificate, and CAs of companies lack what Python 3.13 demands by itself.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.set_ciphers("PROFILE=SYSTEM")  # the policy of the whole system, where there is one, as on Fedora
    except ssl.SSLError:
        context.set_ciphers("DEFAULT")
    if protocols:
        context.set_alpn_protocols(list(protocols))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if host_cas:
        trust_host(context)
    return context
