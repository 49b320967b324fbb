"""What `hostvigil doctor` finds."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    what: str
    text: str
    mend: str = ""
    """What to do; empty: nothing is wrong with it."""

    @property
    def wrong(self) -> bool:
        return bool(self.mend)
