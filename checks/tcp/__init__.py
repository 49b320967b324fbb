"""`type: tcp`."""

from checks.tcp.check import Tcp

__all__ = ["Tcp"]
