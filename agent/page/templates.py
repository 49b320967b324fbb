"""The templates, and the words that all of them have."""

from __future__ import annotations

import time
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from bottle import SimpleTemplate

from agent.plugin.text import lines, one_line
from agent.view.words import clock, span

LINE, TEXT = 240, 20_000


def fill(name: str, now: int, **values: Any) -> str:
    """Fill a template; `now` in Unix milliseconds."""
    words = {
        "clock": clock,
        "line": lambda text: one_line(str(text), LINE),
        "lines": lambda text: "\n".join(lines(text, TEXT)),
        "link": lambda text: "/check/" + quote(text, safe=""),
        "plain": plain,
        "ago": lambda at: span(at, now) if at else "",
        "remaining": lambda at: span(now, at),
        "iso": lambda at: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at / 1000)),
        "now": now,
    }
    return str(_template(name).render(words | values))


def plain(text: str) -> str:
    """Write any text, also what is no whole text, in letters that come back from a form as they were."""
    return quote(text, safe="", errors="surrogatepass")


@cache
def _template(name: str) -> SimpleTemplate:
    return SimpleTemplate(source=(files("agent.page") / "templates" / f"{name}.html").read_text())
