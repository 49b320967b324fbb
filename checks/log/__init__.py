"""Count the lines that a log got since the last run and that match a pattern."""

from checks.log.check import Log

__all__ = ["Log"]
