"""Why something is not told."""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec


class ReasonKind(enum.StrEnum):
    """What suppresses."""

    SILENCE = "silence"
    MAINTENANCE = "maintenance"
    PARENT = "parent"


class Reason(msgspec.Struct, frozen=True):
    """Why nothing is reported of a subject now."""

    text: str
    until: int = 0
    """When it ends, Unix milliseconds; 0 when nobody knows."""
    kind: ReasonKind = ReasonKind.SILENCE


Moment = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
"""Of a file or message that others may have written."""


LONGEST_SILENCE_SECONDS = 36_500 * 86_400.0
"""A hundred years."""


class Silence(msgspec.Struct, frozen=True):
    """A person's suppression, until it ends by itself. Times are Unix milliseconds."""

    selector: str
    since: Moment
    until: Moment
    reason: str = ""
    who: str = ""
    """Who silenced; empty: unknown."""
    ended_by: str = ""
    """Who ended it before its time."""
    meant_until: int = 0
    """Until when it was to last, where somebody ended it before."""
