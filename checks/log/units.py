"""Units whose messages nobody will find in the journal under the name that was written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.api import CheckError, Context
from checks._program import run_program
from checks._wildcards import has_wildcard

_WHOLE = re.compile(r".*\.(?:service|socket|target|device|mount|automount|timer|swap|path|slice|scope)")


def find_problem(ctx: Context, units: Sequence[str], program: str = "systemctl") -> str:
    """Say which unit systemd does not know, or knows by another name: journalctl finds none by its alias.

    Empty where all is well, and where systemctl does not tell.
    """
    names = [unit if _WHOLE.fullmatch(unit) else f"{unit}.service" for unit in units if not has_wildcard(unit)]
    if not names:
        return ""
    try:
        code, out, _ = run_program(ctx, (program, "show", "--no-pager", "--property=Id,LoadState", "--", *names), "")
    except CheckError:
        return ""
    return "" if code else "; ".join(_problems(names, out))


def _problems(names: Sequence[str], output: str) -> Iterator[str]:
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in output.split("\n\n")]
    for name, block in zip(names, filter(None, blocks), strict=False):
        own = block.get("Id", name)
        if block.get("LoadState") == "not-found":
            yield f"systemd knows no unit {name}"
        elif own != name:
            yield f"{name} is another name of {own}, which the journal knows it by: write that"
