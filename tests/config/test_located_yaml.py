"""YAML that remembers where each value was written, and refuses what nobody means."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.located_yaml.parser import YamlError, parse, scalar
from agent.config.located_yaml.tree import EMPTY
from agent.config.settings import Place
from tests.host import needs


def read(text: str) -> object:
    return parse(text.encode(), "f").plain()


def refused(text: str) -> list[str]:
    return [f"{leaf.place}: {leaf.value.text}" for leaf in parse(text.encode(), "f").refusals()]


def broken(content: bytes) -> str:
    with pytest.raises(YamlError) as caught:
        parse(content, "f")
    return f"{caught.value.place}: {caught.value.text}"


def test_every_key_and_value_knows_its_line_and_column() -> None:
    tree = parse(b"a:\n  b: [1, {c: x}]\n", "f")
    b = tree.value["a"].value["b"]
    assert (b.key, b.place) == (Place("f", 2, 3), Place("f", 2, 6))
    assert b.value[1].value["c"].place == Place("f", 2, 14)


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("false", False), ("null", None), ("~", None), ("12", 12), ("-1.5", -1.5), ("1e3", 1000.0)]
    + [(text, text) for text in ("no", "Yes", "on", "True", "0755", "0o7", "1:30", "1_000", "2024-01-01", ".inf", "=")]
    + [("9" * 19, "9" * 19), ("1e999", "1e999")],
)
def test_plain_scalars_are_read_as_yaml_1_2_and_stricter(text: str, value: object) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_quotes_make_text() -> None:
    assert read("a: '1'\nb: \"true\"\nc: |\n  x\n") == {"a": "1", "b": "true", "c": "x\n"}


def test_a_value_that_is_not_there_is_not_null() -> None:
    assert parse(b"a:\n", "f").value["a"].value is EMPTY


def test_anchors_and_merge_keys_work_and_the_own_key_wins() -> None:
    assert read("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a, {z: 4}]}") == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 3},
        "c": {"x": 1, "y": 2, "z": 4},
    }


def test_a_file_may_be_empty_or_only_comments_and_begin_with_a_byte_order_mark() -> None:
    assert read("") == read("# nothing\n") == {}
    assert read("\ufeffa: 1") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "f:3:1: 'a' is written twice, first at f:1:1: remove one"),
        (
            "a: !!python/object:os.system x",
            "f:1:4: the tag 'tag:yaml.org,2002:python/object:os.system' is not supported",
        ),
        ("a: !x {b: 1}", "f:1:4: the tag '!x' is not supported, write the plain value"),
        ("80: x", 'f:1:1: a key must be text: write "80"'),
        ("true: x", 'f:1:1: a key must be text: write "true"'),
        ("[a]: x", "f:1:1: a key must be text: put quotes around what begins with { or ["),
        ('a: "\\0"', "f:1:4: control characters are not allowed in a value"),
        ("a: {<<: x}", "f:1:9: << needs a mapping, or an alias of one"),
    ],
)
def test_what_yaml_allows_and_we_do_not_is_refused_at_its_place(text: str, message: str) -> None:
    assert [found.startswith(message) for found in refused(text)] == [True]


def test_of_a_key_written_three_times_the_first_is_kept_aside() -> None:
    node = parse(b"a: 1\na: 2\na: 3\n", "f").value["a"]
    assert (node.place.line, node.value.first.value) == (3, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a:\n\tb: 1\n", "f:2:1: a tab cannot indent or separate here, use spaces"),
        (b"a:\n  b: 1\n\tc: 2\n", "f:3:1: a tab cannot indent or separate here, use spaces"),
        (b"a:1\nb: 2\n", "f:1:1: a space is missing after the colon in 'a:1'"),
        (b"a: 1\nb:2\nc: 3\n", "f:2:1: a space is missing after the colon in 'b:2'"),
        (b"a: b: c\n", "f:1:5: a ':' does not fit here: put quotes around a value with ': ' in it"),
        (b"a: 'x\nb: 1\n", "f:1:4: the quote ' that opens here is never closed"),
        (b"a: [1, 2\nb: 3\n", "f:1:4: the '[' that opens here is not closed, or a comma is missing"),
        (b"a: {b: 1\nc: 2\n", "f:1:4: the '{' that opens here is not closed, or a comma is missing"),
        (b'a: "\\d"\n', "f:1:5: a backslash means something in double quotes: use single quotes"),
        (b"a: @x\n", "f:1:4: a value cannot begin with '@', put quotes around it"),
        (b"a: %x\n", "f:1:4: a value cannot begin with '%', put quotes around it"),
        (b"a: *x\n", "f:1:4: *x names no complete value above"),
        (b"a: &x [*x]\n", "f:1:8: *x names no complete value above"),
        (b"a:\n    b: 1\n  c: 2\n", "f:3:3: this does not fit what is above it: look for wrong indentation"),
        (b"- a\nb: 1\n", "f:2:1: this does not fit the list above: begin the line with '- '"),
        (b"a: 1\nfoo\nb: 2\n", "f:2:1: a key without ':' and a value, or a line indented too little"),
        (b"a: 1\n---\nb: 2\n", "f:2:1: a second YAML document begins here, write one document a file"),
        (b"ok: \xc3\xa4\nb: \xff\n", "f:2:4: byte 11 of the file is not UTF-8"),
        ("a: 1".encode("utf-16"), "f:1:1: byte 1 of the file is not UTF-8"),
        (b"a: 1\nb: x\x00y\n", "f:2:5: control character '\\x00' is not allowed: remove it"),
        (b"[" * 33, "f:1:34: nested more than 32 levels deep"),
    ],
)
def test_broken_yaml_is_said_in_the_words_of_who_edits_it(content: bytes, message: str) -> None:
    if content.startswith(b"[["):
        content += b"[x"
        message = "f:1:34: nested more than 32 levels deep"
    assert broken(content).startswith(message)


def test_aliases_cannot_blow_up_a_small_file() -> None:
    needs.untraced()
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    started = time.process_time()
    assert "more than 100000 values, aliases included" in broken("\n".join(lines).encode())
    assert time.process_time() - started < 2


def test_aliases_cannot_nest_deeper_than_what_is_written_out() -> None:
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 3000))]
    assert "nested more than 32 levels deep" in broken("\n".join(lines).encode())


@pytest.mark.parametrize("text", ["[", "{a: ", "- ", "? ", "a: [{", "&a [", "'", '"', "|", "!", "*"])
def test_a_megabyte_of_openings_ends_soon(text: str) -> None:
    needs.untraced()
    started = time.process_time()
    try:
        parse((text * (1_000_000 // len(text))).encode(), "f")
    except YamlError as error:
        assert error.text
    assert time.process_time() - started < 2


@given(st.binary(max_size=200))
def test_any_bytes_are_yaml_or_an_error_with_a_place(content: bytes) -> None:
    try:
        parse(content, "f").plain()
    except YamlError as error:
        assert error.place.line >= 1
        assert error.text


@given(st.text(alphabet="ab:-[]{}&*!|>'\"%@`#,? \n\t~<0.", max_size=80))
def test_any_play_of_signs_is_yaml_or_an_error_with_a_place(text: str) -> None:
    try:
        parse(text.encode(), "f").plain()
    except YamlError as error:
        assert error.place.line >= 1
        assert error.text
