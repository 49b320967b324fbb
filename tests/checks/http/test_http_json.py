"""A path leads to values of JSON, and what is wrong with one is told."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Size, Status
from checks.http.body import Unreadable, json_of
from checks.http.expectations import JsonCondition
from checks.http.head import Headers
from checks.http.json_paths import json_fault
from tests.checks.http.bodies import asked
from tests.examples import examples

ODD_JSON = {
    "UTF-16": '{"a": {"b": 5}, "t": "ü"}'.encode("utf-16"),
    "UTF-16 without a mark": '{"a": {"b": 5}}'.encode("utf-16-le"),
    "UTF-32": '{"a": {"b": 5}}'.encode("utf-32"),
    "UTF-8 with a mark": '{"a": {"b": 5}}'.encode("utf-8-sig"),
    "half a letter": rb'{"t": "\ud83d", "a": {"b": 5}}',
    "NaN": b'{"t": NaN, "u": -Infinity, "a": {"b": 5}}',
    "a byte that is no UTF-8": b'{"t": "\xff", "a": {"b": 5}}',
    "Latin-1": '{"t": "größer", "a": {"b": 5}}'.encode("latin-1"),
    "a name twice": b'{"a": 1, "a": {"b": 5}}',
    "a long number": b'{"t": ' + b"9" * 400 + b', "a": {"b": 5}}',
    "a number that is longer than Python reads": b'{"t": ' + b"9" * 5000 + b', "a": {"b": 5}}',
    "a line end and a tab in a text": b'{"t": "a\n\tb", "a": {"b": 5}}',
}


@pytest.mark.parametrize("what", ODD_JSON)
def test_json_is_read_as_it_is_written_in_practice(what: str) -> None:
    assert asked(ODD_JSON[what], json={"a.b": JsonCondition.parse(5)}).status is Status.OK


@examples(60)
@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists), st.sampled_from(["utf-8", "utf-16"])
)
def test_json_of_any_form_is_what_python_wrote(value: Any, charset: str) -> None:
    assert json_of(json.dumps(value).encode(charset), Headers()) == value


@examples(50)
@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_bytes_are_json_or_not(said: bytes) -> None:
    try:
        json_of(said, Headers())
    except ValueError as error:
        assert str(error).startswith("not JSON")


def wrong(document: Any, path: str, wanted: Any) -> str:
    """Return what the result says; nothing where the condition holds."""
    result = asked(json.dumps(document).encode(), json={path: JsonCondition.parse(wanted)})
    return "" if result.status is Status.OK else result.summary.split(", 200 in")[0]


NODES = {
    "nodes": [{"up": True, "load": 1}, {"up": False, "load": 5}],
    "parts": {"a": {"up": True, "load": 1}, "b": {"up": False, "load": 5}},
    "stars": {"*": 7},
    "none": [],
    "nothing": {},
    "all": 7,
    "n": "5",
}


@pytest.mark.parametrize(
    ("path", "wanted", "said"),
    [
        ("nodes.length", 2, ""),
        ("nodes.length", ">2", "JSON nodes.length 2 is not > 2"),
        ("nodes.all.load", "<6", ""),
        ("nodes.all.load", "<5", "JSON nodes.1.load 5 is not < 5"),
        ("nodes.any.up", True, ""),
        ("nodes.any.load", ">5", "JSON nodes.any.load is > 5 for none of 2"),
        ("nodes.all.name", "x", "JSON has no nodes.0.name"),
        ("nodes.*.load", "<6", ""),
        ("parts.*.up", True, "JSON parts.b.up false is not equal to true"),
        ("parts.*.load", ">0", ""),
        ("parts.*.nodes.all", 1, "JSON has no parts.a.nodes.all"),
        ("parts.all.up", True, "JSON parts is an object: its values are *, as in parts.*.up"),
        ("stars.*", 7, ""),  # a key is a key, whatever its name
        (
            "none.all",
            "x",
            'JSON none is an empty list: nothing in it is equal to "x"; where it may be empty, add none.length: ">=0"',
        ),
        (
            "none.*.id",
            "<5",
            'JSON none is an empty list: nothing in it is < 5; where it may be empty, add none.length: ">=0"',
        ),
        ("nothing.*.id", 1, "JSON nothing is an empty object: nothing in it is equal to 1"),
        ("none.all.state", "!= down", ""),  # nothing is there that must not be
        ("nothing.*", "!= down", ""),
        ("none.any", "x", 'JSON none.any is equal to "x" for none of 0'),
        ("all", 7, ""),  # a key is a key, whatever its name
        ("length", 7, "JSON has no length"),
        ("nodes.0.up", True, ""),
        ("nodes.7.up", True, "JSON has no nodes.7.up"),
        ("n", "<9", "JSON n is not < 9: it is text"),
        ("n", 5, "JSON n is not equal to 5: it is text, which is written in quotes"),
        ("nodes", 5, "JSON nodes is not equal to 5: it is a list"),
        ("nodes.0", "!=5", ""),
    ],
)
def test_a_path_leads_to_values_to_all_or_any_of_a_list_and_to_its_length(path: str, wanted: Any, said: str) -> None:
    assert wrong(NODES, path, wanted) == said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body is not JSON: it is empty"),
        (b" \r\n", "the body is not JSON: it is empty"),
        (b"\n <html>Log in</html>", "the body is not JSON but HTML or XML"),
        (b'{"a": 1}\n{"a": 2}\n', "the body is not JSON: more follows behind its first value"),
        ("{} und".encode("utf-16"), "the body is not JSON: more follows behind its first value"),
        (b"{'a': 1}", "the body is not JSON, 200 in"),
        (b"1" * 5000 + b" 1", "the body is not JSON: more follows behind its first value"),
    ],
)
def test_what_is_no_json_is_told_as_what_it_is(body: bytes, said: str) -> None:
    assert asked(body, json={"a": JsonCondition.parse(1)}).summary.startswith(said)


@pytest.mark.parametrize(
    ("value", "wanted", "holds"),
    [
        *((5, "!= 5", False), ("5", "!= 5", False), ("5.0", "!= 5", True), (6, "!= 5", True), (True, "!= 1", True)),
        *(("true", "!= true", False), (True, "!= true", False), ("null", "!= null", False), (None, "!= null", False)),
        *(("5", '!= "5"', False), (5, '!= "5"', True), ("down", "!=  down ", False), ("", "!= ", False)),
    ],
)
def test_what_must_not_be_may_be_text_or_a_number(value: Any, wanted: str, holds: bool) -> None:
    assert JsonCondition.parse(wanted).holds(value) is holds
    assert (json_fault({"a": value}, "a", JsonCondition.parse(wanted)) == "") is holds


def test_a_key_of_the_server_is_shown_short_and_plain() -> None:
    for key, shown in (("a" * 1000, "a" * 60 + "..."), ("a\n\x1b[2J", "'a\\n\\x1b[2J'"), ("größe", "größe")):
        assert wrong({key: 1}, "*", 2) == f"JSON {shown} 1 is not equal to 2"


def test_a_number_of_nineteen_digits_is_one_though_yaml_reads_it_as_text() -> None:
    condition = JsonCondition.parse("1234567890123456789")
    assert condition.holds(1234567890123456789)
    assert condition.holds("1234567890123456789")
    assert not condition.holds(1234567890123456788)


@given(st.integers(), st.integers(-3, 3), st.sampled_from(sorted(JsonCondition.operators)))
def test_numbers_of_any_length_are_compared_as_numbers(wanted: int, beside: int, comparison: str) -> None:
    value = json_of(str(wanted + beside).encode(), Headers())
    holds = JsonCondition.operators[comparison](wanted + beside, wanted)
    assert JsonCondition.parse(f"{comparison} {wanted}").holds(value) is holds
    as_yaml = str(wanted) if len(str(wanted)) > 18 else wanted
    assert JsonCondition.parse(as_yaml).holds(value) is (beside == 0)


def test_a_value_of_another_kind_is_told_with_how_it_is_written() -> None:
    for value, wanted, said in (
        ("true", True, "JSON a is not equal to true: it is text, which is written in quotes"),
        (5, "5", 'JSON a 5 is not equal to "5": it is no text, which is written without quotes'),
        ("up", "!= up", 'JSON a is "up", which it must not be'),
    ):
        assert json_fault({"a": value}, "a", JsonCondition.parse(wanted)) == said


def test_a_document_may_be_a_single_value_or_a_list() -> None:
    assert wrong("ok", ".", "ok") == ""
    assert wrong(True, ".", False) == "JSON as a whole true is not equal to false"
    assert wrong([1, 2, 3], "length", 3) == ""
    assert wrong([[1, 2], [3]], "all.all", "<3") == "JSON 1.0 3 is not < 3"


def test_nan_is_no_number_that_fits() -> None:
    assert asked(b'{"n": NaN}', json={"n": JsonCondition.parse("<9")}).summary.startswith("JSON n nan is not < 9")


def test_json_beyond_the_limit_is_nodata_and_says_what_to_raise() -> None:
    body = json.dumps({"a": 1, "b": "x" * 5000}).encode()
    result = asked(body, json={"a": JsonCondition.parse(1)}, body_limit=Size(1000))
    assert result.status is Status.NODATA
    assert result.summary.startswith("the body is longer than 1000 B, its JSON cannot be read: raise body_limit")


def test_json_that_is_nested_deeper_than_python_can_read_is_not_called_broken() -> None:
    with pytest.raises(Unreadable, match="nested too deeply"):
        json_of(b"[" * (sys.getrecursionlimit() * 100), Headers())


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("$.db.up", "db.up"),
        (".db.up", "db.up"),
        ("nodes[0].id", "nodes.0.id"),
        ("$['db']['up']", "db.up"),
        ("$.nodes[*].id", "nodes.*.id"),
        (".nodes[].id", "nodes.*.id"),
        ("[BODY].db.up", "db.up"),
        ("/nodes/0/id", "nodes.0.id"),
        ("len([BODY].nodes)", "nodes.length"),
        (".nodes | length", "nodes.length"),
        ("$.nodes.length", "nodes.length"),
        ('.["db"].up', "db.up"),
    ],
)
def test_a_path_of_another_tool_is_told_in_ours(path: str, ours: str) -> None:
    assert json_fault({}, path, JsonCondition.parse(1)) == f"JSON has no {path}, write {ours}"
    assert not json_fault({"db": {"up": 1}, "nodes": [{"id": 1}]}, ours, JsonCondition.parse(1))
    assert json_fault({"$": 1}, "$", JsonCondition.parse(1)) == ""


@pytest.mark.parametrize("path", ["$..id", "nodes[?(@.id==1)].id", "nodes[-1].id", "$.nodes[0:2].id"])
def test_a_path_that_has_no_like_here_is_told_how_paths_are_written(path: str) -> None:
    said = json_fault({"nodes": []}, path, JsonCondition.parse(1))
    assert said == f"JSON has no {path}, a path is written as in nodes.0.id"


def test_a_list_may_be_empty_where_a_condition_on_its_length_says_so() -> None:
    body = b'{"jobs": [], "nodes": [{"jobs": [5]}, {"jobs": []}]}'
    few, any_number = JsonCondition.parse("<9"), JsonCondition.parse(">=0")
    for paths in ("jobs.all", "jobs.length"), ("nodes.all.jobs.all", "nodes.all.jobs.length"):
        alone = asked(body, json={paths[0]: few})
        assert alone.summary.split(", 200 in")[0].endswith(f'where it may be empty, add {paths[1]}: ">=0"')
        assert asked(body, json={paths[0]: few, paths[1]: any_number}).status is Status.OK


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        *(("== up", "for an equal value write it alone: up"), ("=5", "for an equal value write it alone: 5")),
        *(("=> 5", "write >= 5"), ("=<5", "write <= 5"), ("<>5", "write != 5"), ("!== down", "write != down")),
        *(("!down", "write != down"), ("=~ ^up", "as `matches`"), ("!~ down", "as `matches`")),
        ("!= 'down'", "write != down"),
    ],
)
def test_a_comparison_of_another_tool_is_refused_with_ours(written: str, advice: str) -> None:
    """`!== down` would hold for whatever there is, `== up` for nothing."""
    with pytest.raises(ValueError, match=re.escape(advice)):
        JsonCondition.parse(written)
