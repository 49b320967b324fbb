"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# The same examples every time: a red run must be red again, and no run may fail for being slow.
settings.register_profile("steady", derandomize=True, deadline=None, database=None)
settings.load_profile("steady")
