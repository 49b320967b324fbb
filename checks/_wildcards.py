"""Wildcards: `*`, `?` and `[ab]`, and what only a shell would understand. Shared by check types."""

from __future__ import annotations

import re

_OF_SHELLS = (
    (
        re.compile(r"\s\Z"),
        "a blank or a line end is its last letter, leave it out (of YAML's | write |-), or write `?`",
    ),
    (
        re.compile(r"[,;]\s*/|\s+/"),
        "several paths in one text are one path, write a check for each, or a list where one is taken",
    ),
    (
        re.compile(r"\\[ *?\[\]()]"),
        "a backslash is a letter like any other here, write `[*]` for a `*`, and blanks as they are",
    ),
    (re.compile(r"(?<!\[)\{[^{}/]*(?:,|\.\.)[^{}/]*\}"), "braces are no wildcard here, write a check for each, or `*`"),
    (re.compile(r"\[\^"), "`[^` is not understood, write `[!` for all but these letters"),
    (re.compile(r"\[!?\[:[a-z]+:\]"), "classes such as `[:digit:]` are not understood, write `[0-9]`"),
    (
        re.compile(r"\$\(|`|\$[A-Z_][A-Z0-9_]+(?![a-z])"),
        "what a shell would put in for `$` or a backtick is not put in here, write it out, `*` or `[$]`",
    ),
    (re.compile(r"\{\{|\{%"), "a template was not filled in, write what is meant, or `[{]`"),
    (re.compile(r"%[YF]|%m[-_.]?%d"), "a date is not put in here, write `*` for it, or `[%]`"),
    (re.compile(r"[?*+@!]\([^()/]*\|[^()/]*\)"), "parentheses are no wildcard here, write a check for each, or `*`"),
)


def has_wildcard(text: str) -> bool:
    return any(mark in text for mark in "*?[")


def find_problem(pattern: str) -> str:
    """Say what of a pattern only a shell would understand, and what to write instead; empty where there is nothing.

    It would be taken for letters, and so fit nothing, or (`[^a]`) what it was to leave out; so is a blank at the end.
    """
    return next((f"{pattern!r}: {words}" for form, words in _OF_SHELLS if form.search(pattern)), "")
