"""What a notification is called."""

from __future__ import annotations


def notification_id(*parts: str) -> str:
    """Name a notification by what it tells and when it was seen: made again, the same change has the same name.

    The moment and the incident are in it because a host whose database was lost begins to count at 1 again.
    """
    # Late: it brings OpenSSL along, some 3 MB that an agent without a change does not need.
    from hashlib import blake2s

    return blake2s("\0".join(parts).encode(errors="surrogatepass"), digest_size=16).hexdigest()
