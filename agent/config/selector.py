"""Pure: a selector names checks for a silence or a maintenance window.

`web-*` is a pattern for check names, `disks:/mnt/*` for a check and its subjects, `env=prod` for a tag; several, with
spaces between them, must all fit. `*` is everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase


def problem(selector: str) -> str:
    """Say what is wrong with a selector and what to write instead; empty when nothing is."""
    terms = selector.split()
    if not terms:
        return "a selector is empty, write for example web-* or env=prod, or * for everything"
    for term in terms:
        name, equals, value = term.partition("=")
        if equals and not (name and value):
            return f"{term!r} needs a tag and a value, write for example env=prod"
    return ""


def matches(selector: str, check: str, tags: Mapping[str, str], subject: str = "") -> bool:
    """Tell whether a subject of a check is meant."""
    terms = selector.split()
    return bool(terms) and all(_fits(term, check, tags, subject) for term in terms)


def exactly(check: str, subject: str = "") -> str:
    """Return a selector that means this check, or this part of it: what is special in a name is not, there."""
    if not subject:
        return check
    return f"{check}:{''.join(map(_plain, subject))}"


def _plain(letter: str) -> str:
    """A blank would part the selector, and half a character cannot be written: any one letter stands for them."""
    if letter.isspace() or "\ud800" <= letter <= "\udfff":
        return "?"
    return f"[{letter}]" if letter in "*?[" else letter


def _fits(term: str, check: str, tags: Mapping[str, str], subject: str) -> bool:
    tag, equals, value = term.partition("=")
    if equals and ":" not in tag:
        return fnmatchcase(tags.get(tag, ""), value)
    name, colon, of = term.partition(":")
    return fnmatchcase(check, name) and (not colon or fnmatchcase(subject, of))
