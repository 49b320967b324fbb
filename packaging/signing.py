"""Signs the checksums of a release, with the key that its maintainer signs commits with (ssh-keygen, OpenSSH 8.1)."""

from __future__ import annotations

import subprocess
from pathlib import Path

SUMS = "SHA256SUMS"
NAMESPACE = "hostvigil"
"""A signature for another purpose, such as a commit's, is none for a release."""


def sign(folder: Path, key: Path) -> Path:
    """Sign folder/SHA256SUMS; return the signature. The key may be one of an agent: then `key` is its public half."""
    signature = folder / f"{SUMS}.sig"
    signature.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", NAMESPACE, folder / SUMS], check=True)
    return signature
