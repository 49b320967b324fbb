"""Pure: the Markdown of a type's page as text that reads well in a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

_CELLS = re.compile(r" (?<!\\)\| ")
_MARKS = re.compile(r"`([^`]*)`|\*\*|`")  # two stars within code are meant, as in a path
_FENCE = "```"
INDENT = " " * 4
SETTING_CELLS = 4


def readable(page: str, width: int) -> str:
    """Return the page in lines of at most that many columns; code keeps its own."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_lines(page.splitlines(), max(40, width)))).strip("\n")


def _lines(lines: list[str], width: int) -> Iterator[str]:
    code, prose = False, ""
    for line in [*lines, ""]:
        fence = line.strip().startswith(_FENCE)
        if not code and not fence and _is_prose(line, prose):
            prose = f"{prose} {_plain(line)}".strip()
            continue
        if prose:
            yield from _wrap(prose, width)
            prose = ""
        if fence:
            code = not code
        elif code:
            yield INDENT + line
        elif line.startswith(INDENT):
            yield line
        elif line.startswith("#"):
            title = _plain(line.lstrip("# "))
            yield from ("", title, "=" * len(title))
        elif line.startswith("| `"):
            yield from _row(line, width)
        elif line.startswith(("- ", "* ")):
            prose = _plain(line)
        elif not line.startswith("|"):
            yield line


def _is_prose(line: str, before: str) -> bool:
    """Tell whether a line goes on with the paragraph before it, or begins one."""
    return bool(line.strip()) and (bool(before) or not line.startswith(INDENT)) and line[:1] not in "#|-*"


def _row(line: str, width: int) -> Iterator[str]:
    """Write a setting with its default and meaning below it, and the row of any other table on one line."""
    cells = [_plain(cell) for cell in _CELLS.split(line.removeprefix("| ").removesuffix(" |"))]
    if len(cells) != SETTING_CELLS:
        yield from _wrap("  ".join(cells), width, "  ", INDENT)
        return
    name, kind, default, meaning = cells
    default_text = {"": "", "required": ", required"}.get(default, f", default {default}")
    yield from ("", f"  {name}  ({kind}{default_text})")
    yield from _wrap(meaning, width, INDENT + "  ", INDENT + "  ")


def _plain(text: str) -> str:
    return _MARKS.sub(lambda mark: mark[1] or "", text.replace("\\|", "|")).strip()


def _wrap(text: str, width: int, first: str = "", next_: str = "") -> list[str]:
    if text.startswith(("- ", "* ")):
        next_ = "  "
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=next_,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
