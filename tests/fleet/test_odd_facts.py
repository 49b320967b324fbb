"""Whatever a host hands over, it is told or thrown away: no message keeps the relay from the others."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.fleet.choosing import Choice, choose
from agent.fleet.folding import render
from agent.fleet.intake import parse_message
from agent.fleet.mailbox import Letter, Mailbox
from tests.examples import examples
from tests.fleet.letters import NOW, letter, none_told
from tests.stand_ins.api import problems

TEXTS = st.text(max_size=40) | st.sampled_from(["\ud800", "\x00", "\u202e", "=", " ", "x" * 5000, "é" * 2000])
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**30, -(10**30), 1e308, 0])
TAGS = st.dictionaries(TEXTS, TEXTS, max_size=5)
METRICS = st.lists(
    st.fixed_dictionaries({"name": TEXTS, "value": NUMBERS}, optional={"unit": TEXTS, "warning": TEXTS}), max_size=3
)
FACTS = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["a" * 32, "", "a b", "x" * 100]) | TEXTS,
        "check": TEXTS,
        "subject": TEXTS,
        "status": st.sampled_from(["critical", "ok", "error", "info", "none"]),
        "at": NUMBERS,
    },
    optional={
        "type": TEXTS,
        "previous": st.sampled_from(["critical", "ok", None]),
        "since": NUMBERS,
        "incident": TEXTS,
        "incident_since": NUMBERS,
        "repeat": NUMBERS,
        "restated": st.booleans(),
        "summary": TEXTS,
        "details": TEXTS,
        "metrics": METRICS,
        "description": TEXTS,
        "host": TAGS,
        "tags": TAGS,
    },
)


def told(letters: list[Letter]) -> None:
    box = Mailbox()
    for one in letters:
        box.put(one, none_told)
    while ready := box.ready(0.0):
        choice = choose(ready, 20, 0.0)
        assert isinstance(choice, Choice)
        event = render(choice, 1000)
        assert problems(event.body) == []
        box.remove(event.letters)


@pytest.mark.parametrize("name", ["", "df_x", "title", "Big", "x" * 257])
def test_a_tag_that_the_api_does_not_take_is_left_out(name: str) -> None:
    facts = {"id": "a" * 32, "check": "web", "subject": "", "status": "critical", "at": NOW, "host": {name: "0"}}
    message = json.dumps({"facts": facts}).encode()
    change, after = parse_message(message, "evil", NOW + 10)
    told([Letter("evil", number, change, after) for number in range(3)])


@examples(50)
@given(st.lists(FACTS, max_size=4))
def test_odd_facts_are_told_or_thrown_away_alone_and_with_others(odd: list[dict[str, Any]]) -> None:
    letters = []
    for number, facts in enumerate(odd):
        message = json.dumps({"facts": facts}).encode()
        try:
            change, after = parse_message(message, "evil", NOW + 10)
        except ValueError:
            continue
        assert change.host["host"] == "evil"
        letters.append(Letter("evil", number, change, after))
    for one in letters:
        told([one])
    told(letters + [letter(f"web-{number}", 100 + number) for number in range(11)])


@given(st.binary(max_size=200))
def test_any_bytes_are_thrown_away(message: bytes) -> None:
    with pytest.raises(ValueError):
        parse_message(message, "evil", NOW)


def test_what_an_agent_hands_over_is_taken_in_as_it_is() -> None:
    change = letter("web-1", 1).change
    message = msgspec.json.encode({"facts": change, "after": "b" * 32})
    assert parse_message(message, "web-1", NOW + 10) == (change, "b" * 32)
