"""`type: systemd`."""

from checks.systemd.check import Systemd

__all__ = ["Systemd"]
