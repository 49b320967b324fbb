"""Servers that lead elsewhere."""

from __future__ import annotations

SHOP = "http://shop.example.com/"


def go(location: str, *headers: str) -> bytes:
    lines = "".join(f"{line}\r\n" for line in ("HTTP/1.1 302 Go", f"Location: {location}", *headers, ""))
    return lines.encode()
