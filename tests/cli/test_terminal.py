"""What is printed cannot steer the terminal of who reads it."""

from __future__ import annotations

import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.output import Clean
from agent.delivery.sinks.terminal import COLOURS, format_text
from agent.model import EventStatus
from agent.plugin.text import escape_json, lines, one_line, plain_name, printable

NOTHING = "\u034f\u115f\u17b5\u180b\u2065\u2800\u3164\ufff9\U000e0041\U000e0100"
ANY = st.text("a \ufe0f" + NOTHING) | st.text()
ANY |= st.text("\x1b[];0m\x07\r\n\t\x9b\u202e\u2066\u200b\xad\u3164ab31J", max_size=40)


@given(ANY)
def test_only_line_ends_tabs_and_our_own_colours_reach_it(text: str) -> None:
    out = io.StringIO()
    Clean(out).write(text)
    left = out.getvalue()
    for colour in ("0", *map(str, range(31, 38)), *(f"1;{number}" for number in range(31, 38))):
        left = left.replace(f"\x1b[{colour}m", "")
    assert not {unicodedata.category(letter) for letter in left} & {"Cf", "Cs"}
    assert not {letter for letter in left if unicodedata.category(letter) == "Cc"} - {"\n", "\t"}


def test_what_hides_or_moves_text_is_no_colour_of_ours() -> None:
    out = io.StringIO()
    Clean(out).write("\x1b[31mred\x1b[0m \x1b[8mhidden \x1b[2J")
    assert out.getvalue() == "\x1b[31mred\x1b[0m [8mhidden [2J"


@given(ANY)
def test_where_no_command_paints_no_colour_comes_through(text: str) -> None:
    out = io.StringIO()
    Clean(out, printable).write(f"\x1b[31m{text}\x1b[0m")
    assert "\x1b" not in out.getvalue()


@given(ANY)
def test_json_means_the_same_and_steers_nothing(text: str) -> None:
    value = {text: [text]}
    said = escape_json(json.dumps(value, ensure_ascii=False, indent=1))
    assert json.loads(said) == value
    assert not {unicodedata.category(letter) for letter in said} & {"Cf", "Cs"}
    assert not {letter for letter in said if unicodedata.category(letter) == "Cc"} - {"\n"}


@pytest.mark.parametrize("status", COLOURS)
def test_an_event_keeps_its_colour(status: EventStatus) -> None:
    out = io.StringIO()
    text = format_text(0, status, "title", "- status: it", coloured=True)
    Clean(out).write(text)
    assert out.getvalue() == text


@given(ANY)
def test_cleaned_texts_and_names_have_nothing_in_them_that_does_not_show(text: str) -> None:
    for cleaned in (one_line(text, 100), *lines(text, 200), plain_name(text, 100)):
        assert not {unicodedata.category(letter) for letter in cleaned} & {"Cc", "Cf", "Cs"}
        assert not set(cleaned) & set(NOTHING)
