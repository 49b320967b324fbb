"""What we use of requests, imported without what it brings along to guess charsets and to read archives: 2 MB.

Something small stands in for those. Who imports them afterwards, or asks requests for them, gets the true ones.
"""

from __future__ import annotations

from importlib import import_module

from agent.system.stand_ins import StandIn, standing_in


def _version(package: str) -> str:
    version: str = import_module("importlib.metadata").version(package)
    return version


STAND_INS = (
    StandIn("charset_normalizer", __version__="3.0.0"),  # requests wants to know that it is one that it knows
    StandIn("idna"),
    StandIn("importlib.metadata", version=_version),
    StandIn("zipfile"),
)

with standing_in(STAND_INS):
    import requests
    import urllib3.exceptions
    from requests.adapters import HTTPAdapter
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
    from urllib3.connection import HTTPConnection, HTTPSConnection

__all__ = [
    "HTTPAdapter",
    "HTTPConnection",
    "HTTPConnectionPool",
    "HTTPSConnection",
    "HTTPSConnectionPool",
    "PoolManager",
    "requests",
    "urllib3",
]
