"""The charset of a body is the one that browsers take."""

from __future__ import annotations

import codecs
import encodings
import pkgutil
import time
from itertools import product
from typing import Any

import pytest

from agent.api import Regex, Status
from checks.http.charsets import LABELS, NO_CHARSETS, charset_of, text_of
from checks.http.head import Headers
from tests.checks.http.bodies import asked

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


def test_conditions_see_the_text_and_not_its_bytes() -> None:
    page, kind = "<p>登录成功</p>".encode("gbk"), "Content-Type: text/html; charset=gbk"
    assert asked(page, kind, contains="登录成功").status is Status.OK
    assert asked(page, kind, matches=Regex("登.成功")).status is Status.OK
    assert asked(page, kind, not_matches=Regex("成功")).status is Status.CRITICAL
