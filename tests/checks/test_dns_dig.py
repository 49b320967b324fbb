"""What dig prints is what the dns check compares: the same bytes, asked for by both, and changed in one bit."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.name
import dns.rdata
import pytest

from agent.api import Status
from checks.dns.values import EXAMPLES, key, parse
from tests.checks.dns_talk import Talk, look, question_of, record, reply, serving
from tests.host import needs

LONG = "k" * 300
VALUES = {
    "A": ["192.0.2.1", "0.0.0.0"],
    "AAAA": ["2001:db8::1", "::ffff:192.0.2.1", "::"],
    "CAA": [
        '0 issue "ca.example.net; policy=ev"',
        '128 iodef "mailto:a@b.example"',
        '0 issue ";"',
        '0 x "\\"\\\\\\200"',
    ],
    "CNAME": ["Web.Example.com.", "a\\.b.example.", "\\200x.example."],
    "DNSKEY": ["257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="],
    "DS": ["12345 13 2 " + "0123456789abcdef" * 4, "1 8 1 " + "00ff" * 10],
    "HTTPS": [
        '1 . alpn="h2,h3" ipv4hint=192.0.2.1,192.0.2.2',
        "0 Cdn.example.",
        "1 svc.example. port=8443 key65400=a\\001b",
    ],
    "MX": ["10 Mail.example.com.", "0 ."],
    "NAPTR": ['10 100 "S" "SIP+D2U" "!^.*$!sip:a@b.example!" _sip._udp.example.com.', '1 2 "" "" "" .'],
    "NS": ["ns1.example.com."],
    "PTR": ["host.example.com.", "1.0/26.2.0.192.in-addr.arpa."],
    "SOA": ["ns1.example.com. first\\.last.example.com. 2024010101 7200 900 1209600 4294967295"],
    "SRV": ["1 10 5060 sip.example.com.", "0 0 0 ."],
    "SSHFP": ["4 2 " + "0123456789abcdef" * 4],
    "SVCB": ["1 svc.example.com. port=8443", "2 . mandatory=alpn alpn=doq", "1 . ipv6hint=2001:db8::1"],
    "TLSA": ["3 1 1 " + "0123456789abcdef" * 4],
    "TXT": [
        '"v=spf1 -all"',
        '"one" "two"',
        '""',
        '"a\\"b\\\\c;d(e)@ \\195\\169\\000"',
        f'"{LONG[:255]}" "{LONG[255:]}"',
    ],
}


class Case:
    """One record, as it is sent under a name of its own, and as dig printed it."""

    def __init__(self, kind: str, wire: bytes, changed: Case | None = None) -> None:
        self.kind, self.wire, self.changed = kind, wire, changed
        self.printed = ""


def wires(kind: str) -> Iterator[bytes]:
    for text in VALUES[kind]:
        yield dns.rdata.from_text("IN", kind, text, origin=dns.name.root, relativize=False).to_wire() or b""


def changed(wire: bytes) -> Iterator[bytes]:
    """Yield the bytes with one bit changed, each byte once; never the bit that is a letter's case."""
    for place in range(len(wire)):
        yield wire[:place] + bytes([wire[place] ^ (1 << place % 3)]) + wire[place + 1 :]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    dig = needs.command("dig", "bind9-dnsutils")
    made = [Case(kind, wire) for kind in VALUES for wire in wires(kind)]
    made += [Case(one.kind, wire, one) for one in made for wire in changed(one.wire)]

    def talk(query: bytes) -> list[bytes]:
        case = made[int(question_of(query)[2 : 1 + question_of(query)[0]])]
        return [reply(query, record(case.kind, case.wire))]

    batch: Path = tmp_path_factory.mktemp("dig") / "queries"
    with serving(talk) as server:
        options = f"@127.0.0.1 -p {server.port} +noall +answer +nocookie +tries=1"
        batch.write_text("".join(f"{options} c{at}.test {case.kind}\n" for at, case in enumerate(made)))
        run = subprocess.run([dig, "-f", str(batch)], capture_output=True, text=True, timeout=120)
    for at, printed in re.findall(r"(?m)^c(\d+)\.test\.\s+60\s+IN\s+\S+\s+(.*)$", run.stdout):
        made[int(at)].printed = printed
    return made


def test_every_kind_of_record_is_tried() -> None:
    assert VALUES.keys() == EXAMPLES.keys()


def rdata(case: Case) -> dns.rdata.Rdata | None:
    """Read what is sent, or None where it is broken."""
    try:
        return dns.rdata.from_wire("IN", case.kind, case.wire, 0, len(case.wire))
    except dns.exception.DNSException:
        return None


def test_what_dig_prints_can_be_pasted(cases: list[Case]) -> None:
    readable = [(case, sent) for case in cases if case.printed and (sent := rdata(case))]
    assert len(readable) > 1000
    for case, sent in readable:
        assert key(parse(case.kind, case.printed)) == key(sent), case.printed


def test_a_value_that_differs_for_dig_differs_for_us(cases: list[Case]) -> None:
    for case in cases:
        if case.changed and case.printed and (sent := rdata(case)):
            same = key(sent) == key(parse(case.kind, case.changed.printed))
            assert same == (case.printed.lower() == case.changed.printed.lower()), (case.printed, case.changed.printed)


def answering(sent: bytes) -> Talk:
    return lambda query: [reply(query, sent)]


@pytest.mark.parametrize("kind", VALUES)
def test_the_whole_check_takes_what_dig_prints_and_refuses_a_change(cases: list[Case], kind: str) -> None:
    for case in cases:
        if case.kind == kind and not case.changed:
            sent = record(kind, case.wire)
            others = [one.printed for one in cases if one.changed is case and one.printed and rdata(one)]
            with serving(answering(sent)) as server:
                assert look(server, record=kind, expect=case.printed).status is Status.OK
                for other in others[:2]:
                    assert look(server, record=kind, expect=other).status is Status.CRITICAL
