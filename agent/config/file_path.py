"""What the path of a file with certificates, keys or seeds must be."""

from __future__ import annotations


def file_fault(text: str) -> str:
    """Say what is wrong with the path of such a file, without the text, which may be the key itself; '' if nothing."""
    if not text or (text.startswith("/") and text.isprintable()):
        return ""
    if "-----BEGIN" in text:
        return "must be the path of a file, not what stands in it"
    return "must be the whole path of a file, as in /etc/hostvigil/ca.pem"
