"""What a check raises when it could not look."""

from __future__ import annotations


class CheckError(Exception):
    """The world is at fault: the check could not look. Its text is the reason; it becomes nodata, no traceback."""
