"""Which certificates servers' configurations name, for `hostvigil discover`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from agent.api import Host, Suggestion

LETSENCRYPT = "/etc/letsencrypt/live/*/fullchain.pem"
SERVER_CONFIGURATIONS = (
    *("/etc/nginx/*.conf", "/etc/nginx/conf.d/*", "/etc/nginx/sites-enabled/*", "/etc/nginx/snippets/*"),
    *("/etc/apache2/sites-enabled/*", "/etc/httpd/conf/*.conf", "/etc/httpd/conf.d/*.conf"),
    *("/etc/postfix/main.cf", "/etc/dovecot/conf.d/*.conf"),
)
"""Where servers name their certificates."""
CERTIFICATE_LINE = re.compile(
    r"^\s*(?:ssl_certificate\s|SSLCertificateFile\s|smtpd_tls_(?:cert|chain_files?)\w*\s*=|ssl_(?:server_)?cert\w*\s*=\s*<?)"
    r"\s*[\"']?(/[^\s;\"'$,]+)",
    re.MULTILINE,
)


def suggestions(host: Host) -> Iterator[Suggestion]:
    """Suggest the certificates of Let's Encrypt, and those that web servers' files name."""
    if paths := host.glob(LETSENCRYPT):
        names = ", ".join(Path(path).parent.name for path in paths)
        settings = {"file": LETSENCRYPT, "interval": "6h"}
        yield Suggestion(name="letsencrypt", settings=settings, why=f"Found {names}.", about=("file",))
    for path, server_file in _certificates_in_use(host).items():
        name = f"certificate-{Path(path).stem}"
        settings = {"file": path, "interval": "1h"}
        yield Suggestion(name=name, settings=settings, why=f"{server_file} names it.", about=("file",))


def _certificates_in_use(host: Host) -> dict[str, str]:
    """Return the certificates that servers' configurations name, and which does; without Debian's self-made one."""
    files: dict[str, str] = {}
    for pattern in SERVER_CONFIGURATIONS:
        for file in host.glob(pattern):
            for path in CERTIFICATE_LINE.findall(host.read(file)):
                if not path.startswith("/etc/letsencrypt/live/") and "snakeoil" not in path:
                    files.setdefault(path, file)
    return files
