"""From bytes to meaning: charsets, codings and JSON of bodies, as browsers read them; what we cannot read is nodata."""

from __future__ import annotations

import codecs
import encodings
import gzip
import json
import pkgutil
import sys
import time
import zlib
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Regex, Result, Size, Status
from checks.http.body import BrokenBody, Unreadable, json_of, unpack
from checks.http.charsets import LABELS, NO_CHARSETS, charset_of, text_of
from checks.http.expectations import JsonCondition
from checks.http.head import Headers
from checks.http.json_paths import json_fault
from tests.examples import examples
from tests.stand_ins.http_servers import http, look, serving

SAMPLES = (
    "plain ASCII",
    "größer",
    "Žluťoučký kůň",
    "добро пожаловать",
    "登录成功",
    "ログイン成功",
    "로그인 성공",
    "שלום",
)


def charsets() -> list[str]:
    """Return every codec of Python that reads text from bytes."""
    found = []
    for module in pkgutil.iter_modules(encodings.__path__):
        try:
            b"a".decode(module.name)
        except UnicodeError:
            pass
        except LookupError:
            continue
        if module.name not in NO_CHARSETS:
            found.append(module.name)
    return found


def of_type(value: str) -> Headers:
    return Headers((("content-type", value),))


def test_every_charset_that_python_knows_is_read_quoted_or_not() -> None:
    for charset, sample in product(charsets(), SAMPLES):
        try:
            body = sample.encode(charset)
            body.decode(charset)
        except UnicodeError:
            continue  # it has no such letters
        for written in (charset, charset.upper(), f'"{charset}"', f"'{charset.replace('_', '-')}'; q=1"):
            assert text_of(body, of_type(f"text/html; charset={written}")) == sample, charset


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("ISO-8859-1", "latin_1"),
        ("Windows-1252", "cp1252"),
        ("x-sjis", "shift_jis"),
        ("x-gbk", "gbk"),
        ("ks_c_5601-1987", "euc_kr"),
        ("ISO_8859-1:1987", "latin_1"),
        ("ANSI_X3.4-1968", "ascii"),
        ("utf8", "utf_8"),
        ("unicode-1-1-utf-8", "utf_8"),
        ("zlib", ""),
        ("rot13", ""),
        ("idna", ""),
        ("punycode", ""),
        ("unicode_escape", ""),
        ("../../etc/passwd", ""),
        ("x" * 10_000, ""),
        ("\0", ""),
        ("aliases", ""),
    ],
)
def test_a_charset_goes_by_the_names_that_servers_write(label: str, codec: str) -> None:
    found = charset_of(of_type(f"text/html;charset={label}"))
    assert (codecs.lookup(found).name if found else "") == (codecs.lookup(codec).name if codec else "")


def test_names_that_servers_make_up_are_not_remembered() -> None:
    known: dict[str, Any] = encodings._cache
    charset_of(of_type("text/html; charset=made-up-0"))
    before = len(known)
    for number in range(100):
        charset_of(of_type(f"text/html; charset=made-up-{number}"))
    assert len(known) == before


def test_a_page_may_have_letters_beyond_the_charset_it_names_as_in_browsers() -> None:
    assert text_of("朱镕基".encode("gb18030"), of_type("text/html; charset=gb2312")) == "朱镕基"
    assert text_of("①".encode("cp932"), of_type("text/html; charset=shift_jis")) == "①"


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        *(("iso-8859-1", "cp1252", "5 € “best”"), ("latin1", "cp1252", "…"), ("iso-8859-9", "cp1254", "ş €")),
        *(("us-ascii", "utf-8", "größer"), ("us-ascii", "cp1252", "größer €"), ("tis-620", "cp874", "สวัส €")),
        *(("GB_2312-80", "gbk", "登录成功"), ("csGB2312", "gbk", "登录成功"), ("x-x-big5", "big5", "測試")),
        *(("windows-31j", "cp932", "①テスト"), ("windows-949", "cp949", "똠방"), ("iso-8859-8-i", "iso8859-8", "שלום")),
        *(("koi", "koi8-r", "Привет"), ("unicode", "utf-16-le", "登录"), ("ISO88592", "iso8859-2", "łódź")),
    ],
)
def test_a_charset_is_what_browsers_take_it_for(charset: str, codec: str, text: str) -> None:
    assert text_of(text.encode(codec), of_type(f"text/html; charset={charset}")) == text


def test_every_label_of_browsers_leads_to_a_codec_of_text() -> None:
    for codec, labels in LABELS.items():
        for label in labels:
            assert codecs.lookup(charset_of(of_type(f"text/html; charset={label}"))) == codecs.lookup(codec)


@pytest.mark.parametrize(
    ("head", "kind", "charset"),
    [
        ('<html><meta charset="gbk">', "text/html", "gbk"),
        ("<META CHARSET=gb2312 >", "", "gbk"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS">', "text/html", "shift_jis"),
        ('<?xml version="1.0" encoding="big5"?>', "application/xml", "big5"),
        ('<meta charset="utf-16">', "text/html", "utf-8"),
        ('<meta charset="klingon">', "text/html", "utf-8"),
        ('<meta charset="utf-8">', "text/html; charset=gbk", "gbk"),
        ("<!-- charset=gbk -->", "text/html", "utf-8"),
        ('<meta charset="gbk">', "text/plain", "utf-8"),
        (" " * 1024 + '<meta charset="gbk">', "text/html", "utf-8"),
    ],
)
def test_a_page_may_name_its_charset_itself_where_the_header_names_none(head: str, kind: str, charset: str) -> None:
    page = f"{head}成功</html>"
    assert text_of(page.encode(charset), of_type(kind) if kind else Headers()) == page


def test_a_page_that_names_a_charset_costs_little_time_whatever_it_says() -> None:
    began = time.process_time()
    for piece in (b"<meta ", b"<meta charset", b"<?xml encoding", b"<meta charset = ", b"<"):
        text_of(piece * 200, of_type("text/html"))
    assert time.process_time() - began < 0.5


def test_a_byte_order_mark_says_more_than_the_header() -> None:
    for charset in ("utf-8-sig", "utf-16", "utf-32"):
        assert text_of("größer".encode(charset), of_type("text/plain; charset=latin-1")) == "größer"


def test_without_a_charset_that_is_known_a_body_is_utf_8_or_else_latin_1() -> None:
    for headers in (Headers(), of_type("text/html"), of_type("text/html; charset=klingon")):
        assert text_of("größer".encode(), headers) == "größer"
        assert text_of("größer".encode("latin-1"), headers) == "größer"


@pytest.mark.parametrize("at", range(1, 9))
def test_a_body_that_is_cut_within_a_letter_is_read_up_to_there(at: int) -> None:
    assert text_of("ö登🙂".encode()[:at], Headers(), cut=True) == "ö登🙂".encode()[:at].decode(errors="ignore")


def asked(body: bytes, *headers: str, **settings: Any) -> Result:
    lines = "".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", *headers, f"Content-Length: {len(body)}", ""))
    with serving(lines.encode() + body) as server:
        return look(http(server.url, **settings))


def test_conditions_see_the_text_and_not_its_bytes() -> None:
    page, kind = "<p>登录成功</p>".encode("gbk"), "Content-Type: text/html; charset=gbk"
    assert asked(page, kind, contains="登录成功").status is Status.OK
    assert asked(page, kind, matches=Regex("登.成功")).status is Status.OK
    assert asked(page, kind, not_matches=Regex("成功")).status is Status.CRITICAL


# Codings


def raw(body: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-15)
    return packing.compress(body) + packing.flush()


BODIES = st.binary(max_size=300) | st.binary(min_size=1, max_size=20).map(lambda part: part * 2000)


@examples(50)
@given(BODIES, st.sampled_from([0, 1, 9]), BODIES)
def test_what_was_packed_is_unpacked_to_its_very_end(body: bytes, level: int, more: bytes) -> None:
    members = gzip.compress(body, level) + gzip.compress(b"") + gzip.compress(more, level)
    for coding, packed, wanted in (
        ("gzip", members, body + more),
        ("gzip", gzip.compress(body) + bytes(100), body),  # padding, as tapes had it
        ("deflate", zlib.compress(body, level), body),
        ("deflate", raw(body), body),
        ("deflate, gzip", gzip.compress(raw(body)), body),
        ("identity, GZip", gzip.compress(body), body),
    ):
        headers = Headers((("content-encoding", coding),))
        assert unpack(packed, headers, 1 << 20, False) == (wanted, False)
        assert unpack(packed, headers, 10, False) == (wanted[:10], len(wanted) > 10)


@examples(50)
@given(
    st.binary(max_size=80) | st.binary(max_size=80).map(gzip.compress),
    st.sampled_from(["gzip", "deflate", "br", "zstd", "compress", "gzip, br", ", ".join(["gzip"] * 9), "\xff"]),
    st.booleans(),
)
def test_whatever_is_called_packed_is_unpacked_or_said_to_be_what_it_is(said: bytes, coding: str, cut: bool) -> None:
    try:
        body, _ = unpack(said, Headers((("content-encoding", coding),)), 100, cut)
        assert len(body) <= 100
    except (Unreadable, BrokenBody) as error:
        assert str(error)


def test_a_packed_body_that_ends_too_early_is_broken_and_one_that_we_cut_is_not() -> None:
    packed, headers = gzip.compress(bytes(range(256)) * 9)[:-9], Headers((("content-encoding", "gzip"),))
    with pytest.raises(BrokenBody, match="ends too early"):
        unpack(packed, headers, 9999, cut=False)
    assert unpack(packed, headers, 9999, cut=True)[1]


def test_many_members_cost_little_time() -> None:
    packed = gzip.compress(b"") * 50_000
    began = time.process_time()
    assert unpack(packed, Headers((("content-encoding", "gzip"),)), 1 << 20, False) == (b"", False)
    assert time.process_time() - began < 5


def test_a_coding_that_we_cannot_read_is_nodata_and_only_where_somebody_wants_to_see_the_body() -> None:
    result = asked(b"\x0b\x03\x80healthy\x03", "Content-Encoding: br", contains="healthy")
    assert (result.status, result.summary.split(", 200")[0]) == (
        Status.NODATA,
        "the body is encoded as 'br', which cannot be read here; headers: {Accept-Encoding: gzip} may bring another",
    )
    assert asked(b"\x0b\x03\x80healthy\x03", "Content-Encoding: br").status is Status.OK


# JSON

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


NODES = {"nodes": [{"up": True, "load": 1}, {"up": False, "load": 5}], "none": [], "all": 7, "n": "5"}


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
        ("none.all", "x", ""),
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
        ("$.nodes[*].id", "nodes.all.id"),
        ('.["db"].up', "db.up"),
    ],
)
def test_a_path_of_another_tool_is_told_in_ours(path: str, ours: str) -> None:
    assert json_fault({}, path, JsonCondition.parse(1)).endswith(f", write {ours}")
    assert not json_fault({"db": {"up": 1}, "nodes": [{"id": 1}]}, ours, JsonCondition.parse(1))
    assert json_fault({"$": 1}, "$", JsonCondition.parse(1)) == ""
