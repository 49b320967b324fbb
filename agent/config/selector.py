"""Pure: a selector names checks for a silence or a maintenance window.

`web-*` is a pattern for check names, `disks:/mnt/*` for a check and its subjects, `env=prod` for a tag; several, with
spaces between them, must all fit. `*` is everything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

_TAG = re.compile(r"[a-z][a-z0-9_]*")


def problem(selector: str) -> str:
    """Say what is wrong with a selector and what to write instead; empty when nothing is."""
    terms = selector.split()
    if not terms:
        return "a selector is empty, write for example web-* or env=prod, or * for everything"
    faults = (_fault(term, last=at == len(terms) - 1) for at, term in enumerate(terms))
    return next(filter(None, faults), "") or _no_check_is_both(terms)


def problem_in_file(selector: str) -> str:
    """As `problem`, of one in a file: a list or a negation there fits no check, though a name may hold such signs."""
    names = (term for term in selector.split() if "=" not in term)
    if sign := next(filter(None, (re.search(r"[,|]|^!", name) for name in names)), None):
        return f"{sign[0]!r} means nothing in it, write one for each: a name, web-*, or a tag, env=prod"
    return problem(selector)


def _fault(term: str, *, last: bool) -> str:
    """Say what of a term nothing can fit."""
    name, equals, value = term.partition("=")
    if equals and not (name and value):
        return f"{term!r} needs a tag and a value, write for example env=prod"
    if equals and ":" not in name and (value.startswith("=") or not _TAG.fullmatch(name)):
        return f"{term!r} names no tag, write for example env=prod"
    if term.endswith(",") and not last:
        return f"{term!r} ends with a comma: several must all fit here, so name one, or write a pattern"
    return ""


def _no_check_is_both(terms: list[str]) -> str:
    names = list(dict.fromkeys(term for term in terms if not re.search(r"[*?\[=:]", term)))
    return f"no check is called both {names[0]!r} and {names[1]!r}: several must all fit" if len(names) > 1 else ""


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
