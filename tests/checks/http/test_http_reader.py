"""The reader of HTTP answers by itself: bytes in, an answer or its own error out, in whatever pieces they come."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.http.head import BrokenAnswer
from checks.http.head_reader import HEADER_LIMIT
from checks.http.reader import AnswerReader
from tests.checks.http.test_http_curl import CLOSING, HEAD
from tests.examples import examples

LIMIT = 64
METHODS = st.sampled_from(["GET", "GET", "HEAD", "CONNECT"])
PARTS = [
    *(
        b"HTTP/1.1 ",
        b"200 OK",
        b"204 No",
        b"304 N",
        b"100 C",
        b"101 S",
        b"407 P",
        b"HTTP/2 200",
        b"HTTP/1.0 200 OK\r\n",
    ),
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b": ", b" ", b"\t", b",", b";", b"X: y\r\n", b"odd\r\n", b"\0"),
    *(b"Content-Length: ", b"Transfer-Encoding: ", b"chunked\r\n\r\n", b"gzip, ", b"identity", b"content-length:"),
    *(b"0", b"5", b"5\r\n", b"hello", b"\r\n0\r\n\r\n", b"a" * LIMIT, b"ff\r\n", b"-1", b"9" * 30, b"0" * 40),
]
SOMETHING = st.lists(st.sampled_from(PARTS) | st.binary(max_size=6), max_size=16).map(b"".join)
ANSWERS = (
    SOMETHING
    | SOMETHING.map(lambda rest: HEAD + rest)
    | SOMETHING.map(lambda rest: HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + rest)
    | st.tuples(st.sampled_from(list(CLOSING.values())), SOMETHING).map(b"".join)
)


def read(pieces: list[bytes], method: str = "GET", closed: bool = True, limit: int = LIMIT) -> Any:
    """Return everything that the reader makes of these bytes, its error included."""
    reader = AnswerReader(method, limit, keep=True)
    try:
        for piece in pieces:
            reader.receive(piece)
        if closed:
            reader.receive(b"")
    except BrokenAnswer as error:
        return str(error)
    return reader.head, reader.complete, reader.body, reader.size, reader.cut


@examples(60)
@given(ANSWERS, METHODS, st.booleans(), st.lists(st.integers(1, 40), max_size=30))
def test_any_bytes_in_any_pieces_give_the_same_answer_or_the_same_error(
    said: bytes, method: str, closed: bool, sizes: list[int]
) -> None:
    whole = read([said] if said else [], method, closed)
    pieces, at = [], 0
    for size in sizes:
        pieces.append(said[at : at + size])
        at += size
    rest = [piece for piece in [*pieces, said[at:]] if piece]
    assert read(rest, method, closed) == whole
    assert read([said[at : at + 1] for at in range(len(said))], method, closed) == whole


@examples(50)
@given(st.lists(st.binary(min_size=1, max_size=20), max_size=20), st.binary(max_size=5))
def test_chunks_are_what_they_were_made_of(chunks: list[bytes], after: bytes) -> None:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    reader = AnswerReader("GET", 1000, keep=True)
    reader.receive(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body + after)
    assert (reader.complete, reader.body, reader.cut) == (True, b"".join(chunks), False)


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT, LIMIT + 1, 10 * LIMIT])
def test_a_body_is_cut_where_it_is_longer_than_the_limit(size: int) -> None:
    body = bytes(size)
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (size, body)
    for said in (b"Content-Length: %d\r\n\r\n%s" % (size, body), chunked, b"\r\n" + body):
        _, complete, kept, counted, cut = read([HEAD + said])
        assert (complete, kept, counted, cut) == (True, body[:LIMIT], min(size, LIMIT), size > LIMIT)


def test_with_a_limit_of_nothing_the_headers_are_the_answer() -> None:
    reader = AnswerReader("GET", 0)
    reader.receive(HEAD + b"Content-Type: text/event-stream\r\n\r\n")
    assert (reader.complete, reader.cut) == (True, False)


def test_headers_may_be_many_and_long_up_to_a_limit_of_bytes() -> None:
    for line in (b"X: y\r\n", b"X: " + b"y" * 5000 + b"\r\n", b"odd\r\n", b" folded\r\n"):
        fits = line * ((HEADER_LIMIT - 100) // len(line))
        head, complete, *_ = read([HEAD + fits + b"Content-Length: 0\r\n\r\n"])
        assert complete
        assert head.headers.get("content-length") == "0"
        assert read([HEAD + fits + line * (200 // len(line) + 1)]) == "headers of more than 512 KiB"


def test_informational_answers_may_be_many_but_not_endless() -> None:
    early = b"HTTP/1.1 103 E\r\nLink: x\r\n\r\n"
    head, *_ = read([early * 100 + HEAD + b"\r\n"])
    assert head.status == 200
    assert read([early * 101 + HEAD + b"\r\n"]) == "broken HTTP answer, more than 100 informational ones before it"


@pytest.mark.parametrize("line", [b"X: y\r\n", b"\r\n", b" a\r\n", b"HTTP/1.1 100 C\r\n\r\n", b":\n", b"x" * 65536])
def test_what_comes_without_end_is_read_in_little_time(line: bytes) -> None:
    began = time.process_time()
    for begin in (b"\r\n", HEAD, HEAD + b"X:\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"):
        reader = AnswerReader("GET", 100_000)
        piece = line * (65536 // len(line))
        with contextlib.suppress(BrokenAnswer):
            reader.receive(begin)
            for _ in range(64):
                reader.receive(piece)
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    ("begin", "said"),
    [
        (b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0", "the server speaks HTTP/2 only, which is not spoken here"),
        (b"\0\0\0\x04\0\0\0\0\0", "the server speaks HTTP/2 only, which is not spoken here"),
        (b"\x15\x03\x01\0\x02\x02\x46", "what answers speaks TLS"),
        (b"220 mail.example.com ESMTP\r\n", "not an HTTP answer, it begins with '220 mail.example'"),
        (b"hi\n", "not an HTTP answer, it begins with 'hi'"),
    ],
)
def test_who_speaks_something_else_is_told_at_once_by_its_first_words(begin: bytes, said: str) -> None:
    assert read([begin], closed=False) == said
