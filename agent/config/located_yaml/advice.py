"""The YAML parser's complaints in the words of somebody who edits the file."""

from __future__ import annotations

import re

import yaml

from agent.config.located_yaml.lines import Lines
from agent.config.settings import Place


def short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def tag_advice(tag: str) -> str:
    """Say what to write instead of a tag, by what other programs have it for."""
    name = tag.lstrip("!").lower()
    if name.startswith(("include", "import")):
        return "and not needed: each *.yaml of this directory is read"
    if name in ("secret", "env", "env_var", "vault", "file"):
        return "write ${file:/etc/hostvigil/...} or ${env:NAME}"
    return "write the plain value (text in quotes)"


def explain(error: yaml.MarkedYAMLError, lines: Lines, file: str) -> tuple[Place, str]:
    """Say a parser's complaint in the words of somebody who edits the file."""
    problem, mark = error.problem or "", error.problem_mark or error.context_mark
    if cause := _cause(problem, mark, lines):
        return cause
    if problem == "found unexpected end of stream" or any(words in problem for words in _AT_THE_BEGIN):
        mark = error.context_mark or mark
    if mark is None:
        return Place(file), f"not YAML: {problem}"
    if "expected ','" in problem and error.problem_mark and error.context_mark:
        here, start = lines.place(error.problem_mark.index), lines.place(error.context_mark.index)
        if text := _misfit(lines.line(here.line), here.column - 1, here.line == start.line):
            return here, text
    place = lines.place(mark.index)
    if "mapping values" in problem and (tight := _TIGHT.search(lines.line(place.line - 1))):
        return Place(file, place.line - 1, tight.start(1) + 1), _tight_advice(tight[1])
    if "mapping values" in problem and (check := _ON_ONE_LINE.match(lines.line(place.line))):
        text = f"the settings of '{check[1]}' stand below it, each on a line of its own and indented, or in {{ }}"
        return place, text
    text = _advice(problem, lines.line(place.line), place.column - 1)
    return place, text or f"not YAML: {problem}"


def _cause(problem: str, mark: yaml.Mark | None, lines: Lines) -> tuple[Place, str] | None:
    """Say what before this place is why the parser stops here; None where that is not known."""
    if mark is None:
        return None
    here = lines.place(mark.index)
    level = re.search(r":\s*([<>]=?\s*(\d[^\s,}]*))", lines.line(here.line))
    if level and any(words in problem for words in _AT_A_SIGN):
        return Place(here.file, here.line, level.start(1) + 1), without_sign(level[1])
    number = next((at for at in range(here.line - 1, 0, -1) if not _BLANK.match(lines.line(at))), 0)
    line = lines.line(number)
    place = Place(here.file, number, len(line) - len(line.lstrip()) + 1)
    comment = next((at for at in (number, here.line) if re.match(r"\s*(?://|/\*)", lines.line(at))), 0)
    if comment:
        text = lines.line(comment)
        return Place(here.file, comment, len(text) - len(text.lstrip()) + 1), "a comment begins with #"
    if "mapping values" in problem and number and not (_HAS_KEY.search(line) or _TIGHT.search(line)):
        word = line.strip()
        if re.fullmatch(r"[\w./-]+", word):
            return place, f"a colon is missing: write '{word}:'"
        return place, f"this line is no `name: value`: {short(word)}"
    if "<document start>" in problem and line.strip() == "...":
        return place, "`...` ends the one document of the file: remove this line"
    return None


def without_sign(text: str) -> str:
    """Say how `>90%` is written, and `>3`, which may be a level or a condition on JSON."""
    number = text.lstrip("<>=| ")
    in_quotes = f', and in quotes in `json`: "{text}"' if number.isdecimal() and text[0] in "<>" else ""
    return f"a level is written without < or >: {number}{in_quotes}"


def _misfit(line: str, column: int, one_line: bool) -> str:
    """Say what does not fit within brackets; empty where they may just not be closed, for then their begin is meant."""
    at = line[column : column + 1]
    item = re.split(r"[,{\[]", line[:column])[-1]
    value = re.split(r":\s", item)[-1].strip()
    if value[:1] in ("'", '"') and value.endswith(value[0]) and at not in ("", " ", "}", "]", ":", ","):
        return _quote_advice(value[0])
    if not at.strip() or at in "}]" or not (one_line or (at == ":" and re.search(r":\s", item))):
        return ""
    if at == ":" and (tight := _TIGHT.search(item)):
        return _tight_advice(tight[1])
    whole = "a value with ': ' in it" if at == ":" else "the whole value"
    return f"{at!r} does not fit here: a comma is missing before it, or quotes around {whole}"


def _advice(problem: str, line: str, column: int) -> str:
    at = line[column : column + 1]
    if "tab character" in problem or ("cannot start any token" in problem and at == "\t"):
        return "a tab cannot indent or separate here, use spaces"
    if template := re.search(r"\{[{%]", line):
        return f"{template[0]} is of a template that was not filled in: write what is meant"
    if line.startswith("```"):
        return "``` is of Markdown: remove this line"
    if any(words in problem for words in _NO_BEGIN):
        return f"a value cannot begin with {at!r}, put quotes around it"
    if "unexpected end of stream" in problem:
        return f"the quote {at} that opens here is never closed"
    if "':'" in problem and (tight := _TIGHT.search(line)):
        return _tight_advice(tight[1])
    if "did not find expected key" in problem and (quote := re.search(r"([\"'])\s*$", line[:column])):
        return _quote_advice(quote[1])
    if assignment := re.match(r"\s*([\w.-]+)\s*=[^=]", line):
        return f"write '{assignment[1]}: ...', not '{assignment[1]} = ...'"
    if "did not find expected key" in problem and at in ("}", "]", ","):
        return f"{at!r} is too much here: remove it"
    if "did not find expected key" in problem and (end := re.search(r"([\[{]).*[\]}]\s*$", line[:column])):
        return f"what {end[1]} begins ends before this: put quotes around the whole value"
    if dash := re.match(r"\s*-(?!--)([^\s-]\S*|-\S+)", line):
        return (
            f"a space is missing after the dash: write '- {dash[1]}', or '- -{dash[1]}' if it begins with a dash itself"
        )
    if "or '}'" in problem and " #" in line[column:]:
        return "the '{' that opens here is not closed: what follows ' #' is a comment, put quotes around such a value"
    return next((advice for words, advice in _ADVICE.items() if words in problem), "")


def _quote_advice(quote: str) -> str:
    inside = "''" if quote == "'" else '\\"'
    how = f"put quotes around all of it, and write {quote} inside it as {inside}"
    return f"the text in quotes ends before this: {how}"


def _tight_advice(text: str) -> str:
    return f"a space is missing after the colon in {short(text)}"


_TIGHT = re.compile(r"(?:^|[\s{,])([\w-]+:[^\s:/\\]\S*)")
_ON_ONE_LINE = re.compile(r"\s+([\w.-]+):\s+[(<]?type:\s")
_BLANK = re.compile(r"\s*(?:#.*)?$")
_HAS_KEY = re.compile(r":(?:\s|$)|^\s*(?:- |[\[{'\"|>&*!%@`])")
"""A line that is a setting, or begins with what means something."""
_BACKSLASH = "a backslash means something in double quotes: use single quotes, or write it twice"
_AT_THE_BEGIN = ("':'", "expected ','", "alphabetic or numeric", "whitespace or line break")
"""Complaints that are about where something began."""
_NO_BEGIN = (
    "cannot start any token",
    "alphabetic or numeric",
    "whitespace or line break",
    "mapping keys are not allowed",
    "expected node content",
)
_AT_A_SIGN = ("cannot start any token", "expected comment or line break")
_ADVICE = {
    "mapping values": "a ':' does not fit here: put quotes around a value with ': ' in it, or correct the indentation",
    "could not find expected ':'": "a key without ':' and a value, or a line indented too little",
    "did not find expected key": "this does not fit what is above it: look for wrong indentation or an unclosed quote",
    "expected '-' indicator": "this does not fit the list above: begin the line with '- ', or correct the indentation",
    "did not find expected ',' or ']'": "the '[' that opens here is not closed, or a comma is missing",
    "did not find expected ',' or '}'": "the '{' that opens here is not closed, or a comma is missing",
    "unknown escape character": _BACKSLASH,
    "expected hexdecimal number": _BACKSLASH,
    "invalid Unicode character escape code": _BACKSLASH,
    "expected <document start>": "this does not belong to what is above it: a file is one mapping, such as `checks:`",
    "expected comment or line break": "only text on the following lines can follow | or >: put quotes around the value",
}
