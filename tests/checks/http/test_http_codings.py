"""What was packed is unpacked, or said to be what it is."""

from __future__ import annotations

import gzip
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Status
from checks.http.body import BrokenBody, Unreadable, unpack
from checks.http.head import Headers
from tests.checks.http.bodies import asked
from tests.examples import examples


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
