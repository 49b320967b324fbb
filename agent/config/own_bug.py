"""A bug of ours while something is read is a problem of what was read; everything else is taken over all the same."""

from __future__ import annotations

import logging
import traceback

from agent.config.settings import Place, Problem

log = logging.getLogger("hostvigil.config")


def problem_of(place: Place, error: Exception, check: str = "", agent: bool = False) -> Problem:
    """Return the problem, and put into the log where the exception came from. Its own text may quote a secret."""
    kind = type(error).__name__
    log.error("%s: a bug of hostvigil, %s:\n%s", place, kind, "".join(traceback.format_tb(error.__traceback__)))
    text = f"hostvigil fails to read this, which is a bug of its own ({kind}): please report it with the file"
    return Problem(place, text, check, agent)
