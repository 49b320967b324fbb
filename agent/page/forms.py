"""Pure: what can be done on a page, as HTML forms. Every text goes through a template's {{...}}, which escapes it."""

from __future__ import annotations

import msgspec

from agent.config.selector import matches
from agent.model import EventStatus, Silence
from agent.page.source import CheckPage, Overview
from agent.page.templates import fill

SPANS = ("30m", "1h", "4h", "1d", "7d")
"""Offered for a silence; any other may be written."""


class Reach(msgspec.Struct, frozen=True):
    """What can be done on a page."""

    check: str = ""
    """Empty: it is the overview."""
    subjects: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    """Subjects that are told as a problem, which nobody acknowledged."""
    acknowledged: bool = False
    runs: bool = False
    silences: tuple[Silence, ...] = ()
    """In force, and about what the page shows."""


def reach_of(page: Overview | CheckPage) -> Reach:
    return Reach(silences=page.snapshot.silences) if isinstance(page, Overview) else _of_check(page)


def _of_check(page: CheckPage) -> Reach:
    subjects = page.check.subjects
    problems = [one for one in subjects if one.notified not in (None, EventStatus.OK)]
    about = (
        silence
        for silence in page.silences
        if any(matches(silence.selector, one.check, one.tags, one.subject) for one in subjects)
    )
    return Reach(
        page.check.name,
        tuple(one.subject for one in subjects),
        tuple(one.subject for one in problems if not one.state.acknowledged),
        any(one.state.acknowledged for one in problems),
        page.runs,
        tuple(about),
    )


def forms(reach: Reach, proof: str, message: str, now: int) -> str:
    """Return the forms for who may use them; `now` in Unix milliseconds."""
    return fill("act", now, reach=reach, proof=proof, message=message, spans=SPANS)


def invitation(path: str) -> str:
    """Return what leads to the forms."""
    return fill("invite", 0, path=path)


def login(path: str, message: str) -> str:
    return fill("login", 0, path=path, message=message)
