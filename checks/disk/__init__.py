"""`type: disk`."""

from checks.disk.check import Disk

__all__ = ["Disk"]
