"""How a use of CPU is written."""

from __future__ import annotations

import re
from typing import Self

from agent.api import Level, Percent


class CorePercent(Percent):
    """Percent of one core; `250%` is two and a half cores."""

    @classmethod
    def parse(cls, value: object) -> Self:
        if not isinstance(value, str) or not re.match(cls.pattern, value):
            raise ValueError(f"{value!r} is not understood, write for example {cls.example} (of one core)")
        return cls(value.strip().rstrip("% "))


class CoresAbove(Level):
    """A CPU use in percent of one core that is bad from here up, or a Nagios range."""

    number, upper = CorePercent, True
