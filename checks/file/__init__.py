"""`type: file`."""

from checks.file.check import File

__all__ = ["File"]
