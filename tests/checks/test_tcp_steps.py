"""A conversation of several steps, in lines or in bytes, however they are cut."""

from __future__ import annotations

import asyncio
import itertools
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Context, Status
from checks._network.addresses import Address
from checks._network.network import Network
from checks._network.payload import Bytes, Exchange
from checks._network.progress import NoAnswer, Progress
from checks.tcp import Tcp
from checks.tcp.talk import AnswerBuffer, converse, exchange
from tests.checks.tcp_talk import look, step
from tests.stand_ins.http_servers import Visit, serving
from tests.stand_ins.starttls_servers import Wire


def smtp(visit: Visit) -> None:
    """Answer in pieces that are cut anywhere."""
    visit.drip(b"220-mail\r\n220 ready\r\n", 0.001)
    answers = {b"EHLO": b"250-mail\r\n250-STARTTLS\r\n250 HELP\r\n", b"QUIT": b"221 250 bye\r\n"}
    while line := visit.connection.recv(100):
        visit.drip(answers.get(line[:4], b"500\r\n"), 0.001)


EHLO = {"send": "EHLO me\r\n", "expect": "^250[ -]"}


def test_a_conversation_goes_on_step_by_step() -> None:
    with serving(smtp, greedy=False) as server:
        good = (step(expect="^220[ -]"), step(**EHLO), step(send="QUIT\r\n", expect="^221"))
        assert look(server, steps=good).status is Status.OK
        result = look(server, steps=(*good[:2], step(send="NOOP\r\n", expect="^250 OK$")), timeout=0.5)
    assert result.status is Status.CRITICAL
    assert ": step 3: waiting for ^250 OK$" in result.summary
    assert "said only" in result.summary


LINES = [b"220-mail 250 x", b"220 ready", b"250-a", b"250 b", b"221 250 bye", b"> "]


@given(st.lists(st.sampled_from(LINES), max_size=6), st.lists(st.integers(0, 999), max_size=9))
def test_it_does_not_matter_how_lines_are_cut_into_packets(lines: list[bytes], cuts: list[int]) -> None:
    def found(pieces: list[bytes]) -> int:
        """Return how many steps get their answer."""
        heard, waiting = AnswerBuffer(), iter(pieces)
        for number, one in enumerate([step(expect="^220"), step(expect="^250 b$"), step(expect="^221")]):
            while not heard.has(one):
                piece = next(waiting, None)
                if piece is None:
                    return number
                heard.pending += piece
        return 3

    said = b"".join(line + b"\r\n" for line in lines)
    places = [0, *sorted(cut % (len(said) + 1) for cut in cuts), len(said)]
    assert found([said[start:end] for start, end in itertools.pairwise(places)]) == found([said])


def test_a_prompt_without_a_line_end_is_an_answer_once() -> None:
    heard = AnswerBuffer()
    heard.pending += b"Welcome\r\nlogin: "
    assert heard.has(step(expect="login: $"))
    assert not heard.has(step(expect="login: $"))
    heard.pending += b"password: "
    assert heard.has(step(expect="password: $"))
    heard.pending += b"\r\nlogin: "
    assert heard.has(step(expect="^login: $"))


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_no_bytes_make_anything_but_an_error_with_words(said: list[bytes]) -> None:
    steps = (step(expect="^220"), Exchange(expect_hex=Bytes(b"\xff")), step(send="x", expect="$"))
    for talk in (partial(converse, steps), partial(exchange, step(expect="^220 "))):
        try:
            asyncio.run(talk(Wire(said), Network(Context(), Progress(time.monotonic() + 60))))
        except NoAnswer as error:
            assert str(error).strip().isprintable()


def test_bytes_are_sent_and_expected(tmp_path: Path) -> None:
    def echo(visit: Visit) -> None:
        visit.send(b"\0" + visit.connection.recv(100) + b"\xfe")
        visit.hang()

    with serving(echo, greedy=False) as server:
        settings: dict[str, Any] = {"send_hex": Bytes.parse("ff C3 bf00"), "expect_hex": Bytes.parse("00ffc3bf00fe")}
        assert look(server, **settings).status is Status.OK
        assert look(server, steps=(Exchange(**settings),)).status is Status.OK
        result = look(server, send="x", expect_hex=Bytes.parse("ff"), timeout=0.3)
    assert result.summary.startswith("said only '\\x00x�': waiting for ff")


@pytest.mark.parametrize("text", ["\xff", "\x80", "a\xe9b", "é"])
def test_what_may_be_a_byte_or_a_letter_is_refused_with_both(text: str) -> None:
    ((name, said),) = Tcp(address=Address("db", 1), send=text).problems()
    assert name == "send"
    letter = next(char for char in text if ord(char) > 127)
    assert f"it is {ord(letter):02x} or {letter.encode().hex(' ')}" in said
    assert [name for name, _ in Tcp(address=Address("db", 1), steps=(Exchange(send=text),)).problems()] == ["steps"]


def test_other_letters_are_sent_as_utf_8() -> None:
    assert list(Tcp(address=Address("db", 1), send="登\x7f\0").problems()) == []
    assert Exchange(send="登").question == "登".encode()


@given(st.text() | st.integers() | st.none())
def test_bytes_are_hexadecimal_or_refused(written: Any) -> None:
    try:
        read = Bytes.parse(written)
    except ValueError:
        return
    assert Bytes.parse(str(read)) == read
    assert read.content.hex() == "".join(written.split()).lower()
