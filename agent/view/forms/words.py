"""What the forms have in common."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

VERSION: Literal[1] = 1
Version = Annotated[Literal[1], Meta(description="Of the form; it rises when a key changes its meaning or goes.")]
Moment = Annotated[int, Meta(description="Unix milliseconds; 0: never, or unknown.")]
Span = Annotated[float, Meta(description="Seconds.")]
