"""What the dns check asks for, and what it expects of the answer."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import CheckError, Context, DurationAbove, Regex, Status
from checks._network.addresses import Address
from checks._network.network import Network
from checks._network.progress import Progress
from checks.dns import Dns, by_host
from checks.dns.messages import read
from checks.dns.values import key, parse
from tests.checks.dns_talk import A1, A2, encoded, look, question, question_of, record, reply, serving


def test_a_name_with_an_answer_is_ok() -> None:
    with serving(lambda query: [reply(query, A2, A1)]) as server:
        result = look(server)
        assert look(server, critical=DurationAbove.parse("0s")).status is Status.CRITICAL
    assert result.status is Status.OK
    assert result.summary.startswith("www.example.com A 192.0.2.1, 192.0.2.2 in ")
    assert [metric.name for metric in result.metrics] == ["time"]


def test_the_answer_must_be_exactly_what_is_expected() -> None:
    with serving(lambda query: [reply(query, A2, A1)]) as server:
        assert look(server, expect=("192.0.2.1", "192.0.2.2")).status is Status.OK
        assert look(server, expect="192.0.2.1").status is Status.CRITICAL
        result = look(server, expect=("192.0.2.1", "192.0.2.3"))
    assert result.summary.startswith("expected 192.0.2.1, 192.0.2.3, www.example.com A 192.0.2.1, 192.0.2.2")


VALUES = {
    "AAAA": (bytes.fromhex("20010db8000000000000000000000001"), "2001:DB8:0::1"),
    "CNAME": (encoded("web.example.net"), "Web.example.net."),
    "MX": (b"\x00\x0a" + encoded("mail") [:-1] + b"\xc0\x10", "10 mail.example.com"),
    "NS": (encoded("ns1.example.net"), "ns1.example.net"),
    "PTR": (encoded("host.example.net"), "host.example.net"),
    "SOA": (encoded("ns1") + encoded("hostmaster") + struct.pack("!5I", 7, 1, 2, 3, 4), "ns1 hostmaster 7 1 2 3 4"),
    "SRV": (struct.pack("!HHH", 1, 2, 5060) + encoded("sip.example.net"), "1 2 5060 sip.example.net"),
    "TXT": (b"\x0bv=spf1 -all\x00\x03 \xc3\xa9", "v=spf1 -all é"),
}  # fmt: skip


@pytest.mark.parametrize("kind", VALUES)
def test_each_kind_of_record_is_read_as_dig_shows_it(kind: str) -> None:
    value, shown = VALUES[kind]
    with serving(lambda query: [reply(query, record(kind, value))]) as server:
        assert look(server, record=kind, expect=shown).status is Status.OK


def test_an_alias_is_followed_and_a_record_of_another_name_is_not_taken() -> None:
    alias = record("CNAME", encoded("web.example.net"))
    foreign = record("A", bytes([203, 0, 113, 9]), encoded("evil.example.org"))
    real = record("A", bytes([192, 0, 2, 7]), encoded("web.example.net"))
    with serving(lambda query: [reply(query, foreign, alias, real)]) as server:
        assert look(server, expect="192.0.2.7").status is Status.OK
    with serving(lambda query: [reply(query, foreign)]) as server:
        assert "the name has no such record" in look(server).summary


NAMES = ["a.test", "b.test", "c.test", "d.test"]


@given(st.permutations(range(4)))
def test_the_order_of_aliases_and_values_means_nothing(order: list[int]) -> None:
    chain = [record("CNAME", encoded(after), encoded(before)) for before, after in itertools.pairwise(NAMES)]
    chain.append(record("A", bytes([192, 0, 2, 7]), encoded("D.Test")))
    asked = question(name="a.test")
    answer = read(asked, reply(asked.message(), *(chain[at] for at in order)))
    assert answer is not None
    assert [value.to_text() for value in answer.values] == ["192.0.2.7"]


def test_aliases_in_a_ring_or_to_nowhere_are_critical() -> None:
    alias, back = (
        record("CNAME", encoded("b.test")),
        record("CNAME", encoded("www.example.com"), encoded("b.test")),
    )
    value = record("A", bytes([192, 0, 2, 7]), encoded("b.test"))
    with serving(lambda query: [reply(query, value, back, alias)]) as server:
        assert look(server).summary.startswith("the aliases lead in a ring: www.example.com. -> b.test. -> www.")
    with serving(lambda query: [reply(query, alias)]) as server:
        result = look(server)
    assert result.status is Status.CRITICAL
    assert result.summary.startswith("it is an alias of b.test, for which the server has no A: asking ")


def test_what_the_server_must_say_may_be_an_error() -> None:
    with serving(lambda query: [reply(query, code=3)]) as server:
        result = look(server, rcode="NXDOMAIN")
        assert result.status is Status.OK
        assert result.summary.startswith("www.example.com A no such name, as expected, in ")
        assert look(server, rcode=("REFUSED", "NXDOMAIN")).status is Status.OK
        assert look(server, rcode="REFUSED").summary.startswith("no such name, expected REFUSED: asking")
    with serving(lambda query: [reply(query)]) as server:
        assert look(server, rcode="NODATA").status is Status.OK
        assert look(server, rcode="NXDOMAIN").status is Status.CRITICAL
    with serving(lambda query: [reply(query, A1)]) as server:
        result = look(server, rcode="NXDOMAIN")
    assert (result.status, result.summary[:28]) == (Status.CRITICAL, "192.0.2.1, expected NXDOMAIN")


SPF, OTHER = record("TXT", b"\x05v=spf\x06 a -al\x01l"), record("TXT", b"\x05x=\xff\x22y")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"includes": "v=spf a -all"}, ""),
        ({"includes": ("v=spf a -all", "z")}, "missing z"),
        ({"one_of": ("v=spf a -all", '"x=\\255\\"y"', "z")}, ""),
        ({"one_of": "v=spf a -all"}, "not among those expected: "),
        ({"contains": "spf a"}, ""),
        ({"contains": "SPF"}, "none contains 'SPF'"),
        ({"matches": Regex("^v=.*l$")}, ""),
        ({"matches": Regex("^a")}, "none matches ^a"),
        ({"not_matches": Regex("^a")}, ""),
        ({"not_matches": Regex("spf")}, "v=spf a -all matches spf"),
    ],
)
def test_a_part_of_the_answer_can_be_expected(settings: dict[str, Any], said: str) -> None:
    with serving(lambda query: [reply(query, SPF, OTHER)]) as server:
        result = look(server, record="TXT", **settings)
    assert result.summary.startswith(said)
    assert result.status is (Status.CRITICAL if said else Status.OK)


def test_a_query_is_what_the_settings_say() -> None:
    queries: list[bytes] = []

    def by_tcp(query: bytes) -> bytes:
        queries.append(query)
        answer = reply(query, record("TXT", b"\x01x").replace(b"\0\x10\0\1", b"\0\x10\0\3", 1))
        return struct.pack("!H", len(answer)) + answer

    with serving(lambda query: [], by_tcp) as server:
        settings: dict[str, Any] = {
            "name": "version.bind",
            "record": "TXT",
            "klass": "CH",
            "tcp": True,
            "recursion": False,
        }
        assert look(server, expect="x", **settings).status is Status.OK
    assert queries[0][2:4] == b"\0\0"
    assert question_of(queries[0]) == encoded("version.bind") + b"\0\x10\0\3"


def test_a_name_in_other_letters_is_asked_for_as_browsers_do() -> None:
    for name, asked in (("faß.example", "xn--fa-hia.example"), ("*.größe.Example", "*.xn--gre-6ka8i.Example")):
        assert question_of(question(name=name).message()) == encoded(asked) + b"\0\1\0\1"


def test_the_other_sections_of_an_answer_can_be_watched() -> None:
    """A delegation: the parent's servers have no answer, but say who has."""
    zone = record("NS", encoded("ns1.example.com"), encoded("example.com"))
    foreign = record("NS", encoded("ns.example.org"), encoded("example.org"))
    glue = record("A", bytes([192, 0, 2, 53]), encoded("ns1.example.com"))

    def talk(query: bytes) -> list[bytes]:
        answer = reply(query, zone, foreign, glue)
        return [answer[:6] + struct.pack("!HHH", 0, 2, 1) + answer[12:]]

    with serving(talk) as server:
        assert look(server, record="NS", section="authority", expect="ns1.example.com").status is Status.OK
        assert look(server, record="A", section="additional", expect="192.0.2.53").status is Status.OK
        assert "knows nothing of the name, it refers to ns" in look(server, record="NS").summary
        assert "no such record" in look(server, record="MX", section="authority").summary


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        (".", b"\0"),
        ("*.wild.example", encoded("*.wild.example")),
        ("9.0/26.2.0.192.in-addr.arpa", encoded("9.0/26.2.0.192.in-addr.arpa")),
        ("a\\.b.example", b"\x03a.b" + encoded("example")),
        ("192.0.2.1", encoded("1.2.0.192.in-addr.arpa")),
        ("2001:db8::1", encoded("1.0.0.0." + "0." * 20 + "8.b.d.0.1.0.0.2.ip6.arpa")),
    ],
)
def test_every_dns_name_can_be_asked_for(name: str, asked: bytes) -> None:
    assert question_of(question("PTR", name).message()) == asked + b"\0\x0c\0\1"


def test_a_question_comes_from_the_source_address() -> None:
    with serving(lambda query: [reply(query, cut=True)], lambda query: b"") as server:
        assert "by TCP" in look(server, source="127.0.0.3").summary
    with serving(lambda query: [reply(query, A1)]) as server:
        assert look(Address("localhost", server.port), source="127.0.0.3").status is Status.OK
        with pytest.raises(CheckError, match=r"source 192\.0\.2\.1 cannot be used"):
            look(server, source="192.0.2.1")


def test_a_server_can_be_given_by_name() -> None:
    with serving(lambda query: [reply(query, A1)]) as server:
        assert look(Address("localhost", server.port), expect="192.0.2.1").status is Status.OK
    assert look(Address("no-such-host.invalid")).summary.endswith("looking up no-such-host.invalid")


def test_this_host_is_asked_for_a_name_with_a_dot_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_bytes(b"127.0.0.1 localhost # app.test\n192.0.2.9 web\tApp.Example.com\n\xff\xfe x\n")
    asked: list[bytes] = []

    def getaddrinfo(host: bytes, *rest: Any) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [(socket.AF_INET, 0, 0, "", ("192.0.2.9", 0))]

    network = Network(Context(), Progress(time.monotonic() + 9), getaddrinfo)
    for name in ("app.test", "app.example.com", "web", "gone.example.org", "gone.example.org."):
        asyncio.run(by_host.addresses(name, socket.AF_INET, network, str(tmp_path / "hosts")))
    assert asked == [b"app.test.", b"app.example.com", b"web", b"gone.example.org.", b"gone.example.org."]
    assert not by_host.in_hosts("localhost", socket.AF_INET, str(tmp_path / "none"))


def test_a_value_that_would_lose_something_is_refused() -> None:
    for kind, text in [
        ("CAA", "0 issue ca.example.net; policy=ev"),
        ("MX", "10 a\n20 b"),
        ("MX", "10 größe.example"),
        ("A", "web.example.com"),
        ("A", "192.0.2.256"),
        ("MX", "mail.example.com"),
    ]:
        with pytest.raises(ValueError, match="write"):
            parse(kind, text)
    assert key(parse("TXT", "a; b")) == b"a; b"


@given(st.lists(st.binary(max_size=255), min_size=1, max_size=5))
def test_a_txt_is_equal_to_its_text_and_to_no_other(pieces: list[bytes]) -> None:
    text = b"".join(pieces)
    digs = " ".join('"' + "".join(f"\\{byte:03}" for byte in piece) + '"' for piece in pieces)
    assert key(parse("TXT", digs)) == text
    assert key(parse("TXT", digs[:-1] + 'x"')) != text
    with contextlib.suppress(UnicodeDecodeError):
        plain = text.decode()
        if not plain.startswith('"') and not plain.endswith("\n"):
            assert key(parse("TXT", plain)) == text


def test_dnspython_is_loaded_only_where_a_dns_check_needs_it() -> None:
    asked = (
        "import sys; from checks.dns import Dns; list(Dns(name='a.test').problems()); print('dns.name' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "False\n"


def test_settings_that_cannot_be_meant_are_problems() -> None:
    def problems(**settings: Any) -> list[str]:
        return [setting for setting, _ in Dns(**settings).problems()]

    assert problems(name="a..b") == ["name"]
    assert problems(name="example.com", record="MX") == ["record"]
    assert problems(name="example.com", server=Address("ns1.example.com")) == []
    assert problems(name="192.0.2.1") == problems(name="192.0.2.1", server=Address("::1")) == ["name"]
    assert problems(name="192.0.2.1", record="PTR", server=Address("::1")) == []
    assert problems(name="a.test", server=Address("::1"), rcode=()) == ["rcode"]
    for empty in ("expect", "includes", "one_of"):
        assert problems(name="a.test", **{empty: ()}) == [empty]
    assert problems(name="a.test", expect="") == ["expect"]
    assert problems(name="a.test", contains="") == ["contains"]
    assert problems(name="a.test", record="TXT", server=Address("::1"), expect="") == []
    assert problems(name="a b", server=Address("::1")) == ["name"]
    assert problems(name="a.test", klass="CH", tcp=True) == ["tcp", "class"]
    assert (
        problems(name="a.test", source="::1") == problems(name="a.test", server=Address("a"), source="a") == ["source"]
    )
    assert problems(name="a.test", expect=("192.0.2.1", "web")) == ["expect"]
    for setting, value in {"expect": "192.0.2.1", "contains": "x", "not_matches": Regex("x")}.items():
        assert problems(name="a.test", server=Address("::1"), rcode="NXDOMAIN", **{setting: value}) == [setting]
    assert problems(name="example.com.", record="MX", server=Address("::1")) == []
