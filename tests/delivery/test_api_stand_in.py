"""The stand-in of the API takes nothing that the real one would refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.delivery.posting import BODY, RAW
from tests.stand_ins.api import ANSWERS, problems


@pytest.mark.parametrize(
    "change",
    [
        {"date": 1_700_000_000},
        {"date": "1700000000000"},
        {"date": 1.7e12},
        {"date": True},
        {"status": "CRITICAL"},
        {"status": None},
        {"title": ""},
        {"title": 7},
        {"message": ""},
        {"message": None},
        {"origin": ""},
        {"customTags": {}},
        {"customTags": []},
        {"customTags": {"host": ""}},
        {"customTags": {"host": 7}},
        {"customTags": {"Host": "x"}},
        {"customTags": {"df_x": "x"}},
        {"customTags": {"a.b": "x"}},
        {"customTags": {"source": "x"}},
        {"customTags": {"host": "two\nlines"}},
        {"customTags": {"host": "é" * 513}},
        {"customTags": {f"t{number}": "x" for number in range(257)}},
        {"severity": "high"},
    ],
)
def test_the_stand_in_takes_nothing_that_the_seed_does_not_allow(change: dict[str, Any]) -> None:
    assert problems(json.dumps(BODY | change).encode())
    assert problems(json.dumps({name: BODY[name] for name in BODY if name not in change}).encode()) == [
        f"{name} is missing" for name in change if name in ("date", "status", "title")
    ]


def test_the_stand_in_has_an_answer_for_each_fault_it_names() -> None:
    assert all(100 <= status < 600 for status, _, _ in ANSWERS.values())
    assert problems(RAW) == []
