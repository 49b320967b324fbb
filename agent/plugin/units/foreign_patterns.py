"""Pure: regular expressions as other languages and tools write them, and how they are written here."""

from __future__ import annotations

import re

_IN_SETS = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f",
    "digit": r"\d",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "word": r"\w",
    "xdigit": "0-9a-fA-F",
}
_POSIX = re.compile(rf"(?<!\\)\[:\^?({'|'.join(_IN_SETS)}):\]")
"""For `re` a set of some letters that nobody means: such a pattern would never be found, without a word."""
_OTHERS = (
    (
        re.compile(r"(?<!\\)(?:\\\\)*\\[<>]"),
        r"\< and \> are of grep: write \b for the edge of a word, < and > for themselves",
    ),
    (
        re.compile(r"\s*\{\{-?\s*[.$]?[A-Za-z_][\w.]*\s*-?\}\}\s*\Z"),
        "a template was not filled in: write what is meant, or [{]{ for braces",
    ),
    (re.compile(r"%\{[A-Z][A-Z0-9_]*(?::\w+)*\}"), "%{...} is of grok: write what it stands for"),
    (
        re.compile(r"\A(?!.*\(\?[a-zA-Z]*x).*\n\Z", re.DOTALL),
        r"a line end is its last letter, as YAML's | has it: write |- or \n",
    ),
)
"""What is a pattern elsewhere, and here letters that hardly any text has."""
_LITERAL = re.compile(
    r"\s*(?:(?:m|qr)?/(?P<any>(?:\\.|[^/\\])+)/[gmsux]*i[gmsux]*|(?:[!=]~|!)\s*m?/(?P<plain>(?:\\.|[^/\\])+)/)\s*"
)
_TERM = r"(?:[\w.-]+[:=])?(?:\"[^\"]+\"|'[^']+'|[\w.-]+)"
_ANY_OF = re.compile(rf"{_TERM}(?:\s+OR\s+{_TERM})+")
_ALL_OF = re.compile(rf"{_TERM}(?:\s+(?:AND|&&)\s+{_TERM})+")
_SEARCH = re.compile(rf"{_TERM}(?:\s+(?:OR|AND|&&)\s+(?:NOT\s+)?{_TERM})+")
"""Searches of log platforms, in words: as patterns they are found nowhere."""
_SET_OR_ESCAPE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_AFTER_THE_END = re.compile(r"\$(?=[A-Za-z0-9](?![?*{|]))")
_BEFORE_THE_BEGIN = re.compile(r"(?<=[A-Za-z0-9])\^")

_ERRORS = (
    (r"unknown extension \?<[a-zA-Z_]", "a name in a pattern is written (?P<name>...)"),
    (r"unknown extension \?'", "a name in a pattern is written (?P<name>...)"),
    (r"unknown extension \?\|", "write each alternative as a group of its own"),
    (r"unknown extension \?[R0-9&+]", "a pattern cannot hold itself here: write it out"),
    (r"global flags not at the start", "write (?i) as its first letters"),
    (r"bad escape \\[pP]", r"there are no classes by \p: write [^\W\d_] for any letter, \w, \d or \s"),
    (r"bad escape \\[hH]", r"write [ \t] for a blank"),
    (r"bad escape \\[RXC]", r"write \n for a line end"),
    (r"bad escape \\[QE]", r"write a backslash before each sign that is meant as itself"),
    (r"bad escape \\K", "write (?<=...) for what stands before it"),
    (r"bad escape \\z", r"write \Z for the end"),
    (r"bad escape \\[gk]", r"write (?P=name) for what a group has found"),
    (r"(?:bad|incomplete) escape \\", r"a backslash that is meant as itself is written twice"),
    (r"missing \)", r"write \( for a bracket that is meant as itself"),
    (r"unbalanced parenthesis", r"write \) for a bracket that is meant as itself"),
    (r"unterminated character set", r"write \[ for a bracket that is meant as itself"),
    (r"(?:nothing|multiple) (?:to )?repeat", r"write \*, \+ or \? for a sign that is meant as itself"),
    (r"bad character range", r"write \- for a dash that is meant as itself"),
)


def misleads(text: str) -> str:
    """Say what a pattern means elsewhere, and how that is written here; '' where nothing shows that."""
    if match := _POSIX.search(text):
        return f"{match[0]} is of grep, in [ ] write {_IN_SETS[match[1]]} here"
    if words := next((words for form, words in _OTHERS if form.search(text)), ""):
        return words
    if literal := _LITERAL.fullmatch(text):
        plain = literal["plain"] or f"(?i){literal['any']}"
        return f"slashes around a pattern are of other languages: write {plain}, or [/] for a slash that is meant"
    if searched := _of_a_search(text.strip()):
        return f"a search in words is of other tools: write {searched}"
    if of_sql := re.fullmatch(r"%([^%]+)%", text):
        return f"% around a text is of SQL: write {of_sql[1]}"
    return "" if re.search(r"\(\?[a-zA-Z]*[mx]", text) else _never_found(_SET_OR_ESCAPE.sub(".", text))


def _of_a_search(text: str) -> str:
    """Say what to write for a search in words; '' where it is none."""
    search = text[1:-1].strip() if text.startswith("(") and text.endswith(")") else text
    operands = [term.strip("\"'") for term in re.split(r"\s+(?:OR|AND|&&)\s+", search)]
    if _ANY_OF.fullmatch(search):
        return "|".join(operands)
    if _ALL_OF.fullmatch(search):
        return ".*".join(operands)
    return "a pattern of what is to be found" if _SEARCH.fullmatch(search) else ""


def _never_found(text: str) -> str:
    """Say why nothing can ever be found; '' where that is not plain. Sets and escapes are dots in the text."""
    if _AFTER_THE_END.search(text):
        return r"$ is the end of the text, nothing can follow it: write \$ for the sign"
    if _BEFORE_THE_BEGIN.search(text):
        return r"^ is the beginning of the text, nothing can come before it: write \^ for the sign"
    return ""


def advice(text: str, error: str) -> str:
    """Say what to write instead of a pattern that `re` refuses with this error; '' where that is not known."""
    if text.startswith("*"):
        return "any text is .* in one, not *"
    return next((words for form, words in _ERRORS if re.search(form, error)), "")
