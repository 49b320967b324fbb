"""The certificate authorities that this host trusts, where OpenSSL looks for them or distributions keep them."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path

# For a Python whose OpenSSL was built elsewhere and looks in the wrong place.
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def trust_host(context: ssl.SSLContext) -> None:
    """Have a context trust them, beside whom it trusts already; a host may have none, or none that can be read."""
    # Not the paths of the environment: it is of whoever started the agent.
    built_in = ssl.get_default_verify_paths()
    if any(Path(built_in.openssl_capath).glob("*.0")):
        context.load_verify_locations(capath=built_in.openssl_capath)
        return
    for bundle in (built_in.openssl_cafile, *BUNDLES):
        with suppress(OSError):  # SSLError is one
            context.load_verify_locations(bundle)
            return
