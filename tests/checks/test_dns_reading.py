"""No bytes of a server and no text of the settings break the reader."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from dns.name import Name
from dns.rdata import Rdata
from hypothesis import given
from hypothesis import strategies as st

from checks.dns.messages import Answer, BrokenAnswer, read
from checks.dns.values import parse, question_name
from tests.checks.dns_talk import KINDS, question, question_of, record, reply


def test_a_pointer_in_a_circle_ends() -> None:
    query = question().message(edns=False)
    with pytest.raises(BrokenAnswer):
        read(question(), reply(query, record("A", b"\0\0\0\0", bytes([0xC0, len(query)]))))


@given(st.binary(max_size=200), st.sampled_from(sorted(KINDS)))
def test_no_bytes_break_the_reader(noise: bytes, kind: str) -> None:
    query = question(kind).message()
    ours = query[:2] + b"\x81\x80\0\1\0\3\0\0\0\0" + question_of(query)
    for message in (noise, query[:2] + b"\x81" + noise, ours + noise, reply(query, record(kind, noise))):
        assert isinstance(_or_error(partial(read, question(kind), message)), Answer | BrokenAnswer | None)


@given(st.text(max_size=60), st.sampled_from(sorted(KINDS)))
def test_no_text_breaks_the_reader_of_values(text: str, kind: str) -> None:
    assert isinstance(_or_error(lambda: parse(kind, text)), Rdata | ValueError)
    assert isinstance(_or_error(lambda: question_name(text, kind)), Name | ValueError)


def _or_error(read: Callable[[], object]) -> object:
    """Return what is read, or the one kind of error that a reader may have."""
    try:
        return read()
    except (BrokenAnswer, ValueError) as error:
        return error
