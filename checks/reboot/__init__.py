"""`type: reboot`."""

from checks.reboot.check import Reboot

__all__ = ["Reboot"]
