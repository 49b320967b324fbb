"""Text that a shell or a template was to fill in, and nobody did."""

from __future__ import annotations

import re

_FORMS = (
    r"\$\(.*\)",
    "`.*`",
    r"(?:\S*[-._:/@])?\$(?:env:)?[A-Za-z_]\w*\$?(?:[-._:/@]\S*)?",  # a shell's, PowerShell's and Nagios's variables
    "%[A-Z_][A-Z0-9_]*%",
    r".*\{\{.*\}\}.*",
    r".*\{%.*%\}.*",
    ".*<%.*%>.*",
    r"<(?!none>|unknown>)[A-Za-z][\w .-]*>",
    "@[A-Z_][A-Z0-9_]*@",
    "__[A-Z][A-Z0-9_]*__",
    r"[#%]?\{[A-Za-z_][\w.]*\}",
    r"%\(\w+\)s",
    r"\[\[.*\]\]",
    r"ENC\[.*\]",
)
_UNFILLED = re.compile("|".join(_FORMS), re.DOTALL)


def is_unfilled(text: str) -> bool:
    """Tell `$NAME`, `$(command)`, `%NAME%`, `{{ name }}`, `<name>` and others, which stand for something elsewhere."""
    return _UNFILLED.fullmatch(text.strip()) is not None
