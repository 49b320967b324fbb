"""The elements that certificates (DER) and LDAP messages (BER) are made of. Pure."""

from __future__ import annotations


def element(data: bytes, at: int) -> tuple[int, int, int]:
    """Return an element's tag, and where its content begins and ends; IndexError or ValueError where it is cut."""
    length, start = data[at + 1], at + 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[at + 2 : start], "big")
    if start + length > len(data):
        raise ValueError("an element that ends after the data")
    return data[at], start, start + length
