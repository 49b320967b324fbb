"""How many examples a property is tried on: few in each run, many in the long series (`make torture`)."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

TIMES = int(os.environ.get("HOSTVIGIL_EXAMPLES", "1"))
"""How many times as many; then they are others each time, too."""


def examples(count: int, **more: Any) -> settings:
    """Decorate a property: so many examples, for which `count` is said at the place."""
    return settings(max_examples=count * TIMES, deadline=None, derandomize=TIMES == 1, database=None, **more)
