"""`type: raid`."""

from checks.raid.check import Raid

__all__ = ["Raid"]
