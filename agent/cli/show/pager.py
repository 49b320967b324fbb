"""Which pager shows a long page, and in which environment."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from agent.plugin.ownership import weak_spot

USUAL = ("less", "-FRX")
KNOWN = ("less", "more", "most", "cat", "bat", "batcat", "lv", "moar", "ov", "pg", "pager")
_ORDERS = re.compile(r"(?:LESS|MORE|MOST|BAT|LV|MOAR|OV|PG)(?:_?[A-Z_]*)?|VISUAL|EDITOR")
"""Variables in which pagers take options, some of which run programs (`LESS=+!id`)."""


def pager(environ: Mapping[str, str], is_root: bool) -> tuple[list[str], dict[str, str]]:
    """Return the words of the reader's pager, and its environment.

    After `su` root's environment is still another's: then of PAGER only which of the known ones it is counts.
    """
    try:
        words = shlex.split(environ.get("PAGER", ""))
    except ValueError:  # a quote without its end
        words = []
    if not is_root:
        return words or [*USUAL], dict(environ)
    own = {name: value for name, value in environ.items() if not _ORDERS.fullmatch(name)}
    return (words[:1] if words and _is_harmless(words[0]) else [*USUAL]), own


def _is_harmless(program: str) -> bool:
    """Tell whether it is a known pager, which takes no orders from the page, and nobody else's file."""
    folder, _, name = program.rpartition("/")
    if name not in KNOWN or name == USUAL[0]:
        return False
    return not folder if not program.startswith("/") else not weak_spot(program)
