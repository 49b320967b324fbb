"""`type: dns`."""

from checks.dns.check import Dns

__all__ = ["Dns"]
