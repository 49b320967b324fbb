"""Text that a shell or a template was to fill in, and nobody did."""

from __future__ import annotations

import re

_UNFILLED = re.compile(
    r"\$\(.*\)|`.*`|\$[A-Z_][A-Z0-9_]*|%[A-Z_][A-Z0-9_]*%|.*\{\{.*\}\}.*|.*\{%.*%\}.*|ENC\[.*\]", re.DOTALL
)


def is_unfilled(text: str) -> bool:
    """Tell `$NAME`, `$(command)`, `%NAME%`, `{{ name }}` and `ENC[name]`, which stand for something only elsewhere."""
    return _UNFILLED.fullmatch(text.strip()) is not None
