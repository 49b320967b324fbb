"""Pure: whether an answer is what the settings want. Texts name the condition, never the content."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from agent.api import CheckError, Regex, Result, critical, nodata
from checks._network.payload import is_found, may_be_undone
from checks.http.body import BrokenBody, Unreadable, json_of, unpack
from checks.http.charsets import text_of
from checks.http.head import as_text
from checks.http.json_paths import json_fault

if TYPE_CHECKING:
    from checks.http.check import Http
    from checks.http.exchange import Answer


def faults(check: Http, answer: Answer) -> Iterator[Result]:
    """Yield one critical result for each condition that does not hold; nodata for what cannot be read or looked at."""
    try:
        yield from _header_faults(check, answer)
        yield from _body_faults(check, answer)
    except CheckError as error:  # a pattern took too long: what else is known of the answer still counts
        yield nodata(str(error))


def _header_faults(check: Http, answer: Answer) -> Iterator[Result]:
    for name, condition in check.response_headers.items():
        if fault := condition.fault(name, [as_text(value) for value in answer.headers.all(name)]):
            yield critical(fault)


def _body_faults(check: Http, answer: Answer) -> Iterator[Result]:
    if not check.sees_body:
        return
    try:
        body, cut = unpack(answer.body, answer.headers, int(check.body_limit), answer.cut)
    except Unreadable as error:
        yield nodata(str(error))
    except BrokenBody as error:
        yield critical(str(error))
    else:
        yield from _text_faults(check, answer, body, cut)
        yield from _json_faults(check, answer, body, cut)


def _text_faults(check: Http, answer: Answer, body: bytes, cut: bool) -> Iterator[Result]:
    if not (check.contains or check.matches or check.not_matches):
        return
    text = text_of(body, answer.headers, cut)
    part = f"the first {check.body_limit} of the body" if cut else "the body"
    if check.contains and not _contains(text, check.contains):
        yield critical(f"{part} does not contain {check.contains!r}")
    if check.matches and not is_found(check.matches, text):
        yield critical(f"{part} does not match {check.matches.pattern_text!r}")
    elif check.matches and cut and may_be_undone(check.matches, text):
        yield nodata(_words_of_doubt(part, check.matches))
    if check.not_matches:
        yield from _judge_not_matches(check.not_matches, text, part, cut)


def _judge_not_matches(pattern: Regex, text: str, part: str, cut: bool) -> Iterator[Result]:
    found = is_found(pattern, text)
    if found and cut and may_be_undone(pattern, text):
        yield nodata(_words_of_doubt(part, pattern))
    elif found:
        yield critical(f"the body matches {pattern.pattern_text!r}")
    elif cut:
        yield nodata(f"{part} does not match {pattern.pattern_text!r}, what follows may: raise body_limit")


def _words_of_doubt(part: str, pattern: Regex) -> str:
    return f"{part} matches {pattern.pattern_text!r}, what follows may undo that: raise body_limit"


def _contains(text: str, part: str) -> bool:
    return part in text or ("\n" in part and part in text.replace("\r\n", "\n"))


def _json_faults(check: Http, answer: Answer, body: bytes, cut: bool) -> Iterator[Result]:
    if not check.json:
        return
    if cut:
        yield nodata(f"the body is longer than {check.body_limit}, its JSON cannot be read: raise body_limit")
        return
    try:
        document = json_of(body, answer.headers)
    except Unreadable as error:
        yield nodata(str(error))
        return
    except ValueError as error:
        yield critical(f"the body is {error}")
        return
    for path, condition in check.json.items():
        if fault := json_fault(document, path, condition, check.json):
            yield critical(fault)
