"""Processes: how many run, what they use, whether they were started anew, hang or were left as zombies."""

from checks.process.check import Process
from checks.process.counting import count_status
from checks.process.levels import CorePercent, CoresAbove

__all__ = ["CorePercent", "CoresAbove", "Process", "count_status"]
