"""A question as bytes, and what the bytes of an answer say about it. Pure; dnspython reads and writes the messages."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.wire
import msgspec
from dns.rdata import Rdata
from dns.rrset import RRset

EDNS_BYTES = 1232
"""What we take by UDP: what gets through everywhere without being cut by a router (DNS flag day 2020)."""
FAILURES = {
    "FORMERR": "format error",
    "SERVFAIL": "server failure",
    "NXDOMAIN": "no such name",
    "NOTIMP": "not implemented",
    "REFUSED": "refused",
}
REFERRAL = "REFERRAL"
"""Instead of a code: the server sends us to others, which is no word about the name, as NODATA would be."""
MOST_REASONS = 3
MOST_TEXT = 100
"""Reasons for an error, and letters of each, that are shown."""
NO_EDNS = ("FORMERR", "NOTIMP", "BADVERS")
"""What old servers say to a query with EDNS."""


class Question(msgspec.Struct, frozen=True):
    """One query: its number, and what it asks for."""

    number: int
    name: dns.name.Name
    record: str
    klass: str = "IN"
    recurse: bool = True
    section: str = "answer"
    """Where the values are looked for."""

    @property
    def name_text(self) -> str:
        return self.name.to_text(omit_final_dot=True)

    def message(self, *, edns: bool = True) -> bytes:
        flags = dns.flags.RD if self.recurse else 0
        edns_options = {"use_edns": 0, "payload": EDNS_BYTES} if edns else {"use_edns": False}
        query = dns.message.make_query(self.name, self.record, self.klass, id=self.number, flags=flags, **edns_options)
        return query.to_wire()


class Answer(msgspec.Struct, frozen=True):
    """What a server said to a question."""

    rcode: str = "NOERROR"
    values: tuple[Rdata, ...] = ()
    cut: bool = False
    """It did not fit, ask by TCP."""
    why: str = ""
    """Why there is no value, where more is known than the code."""


class BrokenAnswer(Exception):
    """It answers the question, and cannot be read or believed; the text is the reason."""


def read(question: Question, message: bytes, *, by_tcp: bool = False) -> Answer | None:
    """Read what may be an answer; None where it answers another question, or none: it may be anything.

    BrokenAnswer where it is ours, and nonsense.
    """
    try:
        number, flags, questions = struct.unpack_from("!HHH", message)
    except struct.error:
        return None
    if number != question.number or not flags & dns.flags.QR or flags & 0x7800 or len(message) < 12:
        return None
    # Old servers leave the question out when they refuse.
    if questions > 1 or (questions and not _repeats(question, message)):
        return None
    if flags & dns.flags.TC and not flags & 15 and not by_tcp:  # there is nothing longer; glibc and dig take it
        return Answer(cut=True)
    return _content(question, message, dns.rcode.to_text(dns.rcode.Rcode(flags & 15)))


def _repeats(question: Question, message: bytes) -> bool:
    try:
        name, length = dns.name.from_wire(message, 12)
        kind, klass = struct.unpack_from("!HH", message, 12 + length)
    except (dns.exception.DNSException, struct.error):
        return False
    expected = dns.rdatatype.from_text(question.record), dns.rdataclass.from_text(question.klass)
    return name == question.name and (kind, klass) == expected


def _content(question: Question, message: bytes, rcode: str) -> Answer:
    try:
        answer = dns.message.from_wire(message, keyring=False, ignore_trailing=True)
        rcode = dns.rcode.to_text(answer.rcode())
    except Exception:  # noqa: BLE001 - any bytes; the parser's errors are of many kinds
        if rcode == "NOERROR":
            raise BrokenAnswer("a broken answer") from None
        return Answer(rcode)
    if rcode != "NOERROR":
        return Answer(rcode, why=_error_reasons(answer))
    if question.section != "answer":
        return _elsewhere(question, answer)
    return _referral(answer) or _values(question, answer)


def _error_reasons(answer: dns.message.Message) -> str:
    """Return the server's own words for an error (RFC 8914), such as `DNSSEC bogus`; empty where it says none."""
    errors = answer.extended_errors()[:MOST_REASONS]
    words = [" ".join(part for part in (_code(one.code), (one.text or "")[:MOST_TEXT]) if part) for one in errors]
    return ", ".join(words)


def _code(code: int) -> str:
    name = dns.edns.EDECode.make(code).name
    return f"code {code}" if name.isdecimal() else name.lower().replace("_", " ")


def _referral(answer: dns.message.Message) -> Answer | None:
    """Tell an answer of a server that knows nothing of the name from one that there is none (RFC 2308, 2.2)."""
    kinds = {one.rdtype for one in answer.authority}
    if answer.answer or answer.flags & dns.flags.AA or dns.rdatatype.NS not in kinds or dns.rdatatype.SOA in kinds:
        return None
    servers = sorted(str(value) for one in answer.authority if one.rdtype == dns.rdatatype.NS for value in one)
    return Answer(REFERRAL, why=f"the server knows nothing of the name, it refers to {', '.join(servers[:2])}")


def _elsewhere(question: Question, answer: dns.message.Message) -> Answer:
    """Return the values of the other sections: of the zone that the name is in, or whatever is said beside."""
    zone = question.section == "authority"
    records = _of_kind(question, answer.authority if zone else answer.additional)
    if zone:
        records = [one for one in records if question.name.is_subdomain(one.name)]
    return Answer(values=tuple(value for one in records for value in one))


def _of_kind(question: Question, section: Iterable[RRset]) -> list[RRset]:
    expected = dns.rdataclass.from_text(question.klass), dns.rdatatype.from_text(question.record)
    return [one for one in section if (one.rdclass, one.rdtype) == expected]


def _values(question: Question, answer: dns.message.Message) -> Answer:
    """Return the values of the name, or of what it is an alias of. The order of the records means nothing."""
    section = answer.answer
    names = [question.name] if question.record == "CNAME" else list(_aliases(question.name, section))
    values = tuple(value for one in _of_kind(question, section) if one.name in names for value in one)
    if values or len(names) == 1:
        return Answer(values=values)
    last = names[-1].to_text(omit_final_dot=True)
    if any(one.rdtype == dns.rdatatype.SOA for one in answer.authority):
        return Answer(why=f"{last}, its alias, has no such record")
    return Answer(why=f"it is an alias of {last}, for which the server has no {question.record}")


def _aliases(start: dns.name.Name, records: Iterable[RRset]) -> Iterator[dns.name.Name]:
    """Yield a name and what it is an alias of, one after the other."""
    leads: dict[dns.name.Name, list[dns.name.Name]] = {}
    for one in records:
        if one.rdtype == dns.rdatatype.CNAME:
            leads.setdefault(one.name, []).extend(value.target for value in one)
    names, visited = [start], {start}
    for name in names:  # grows while it is read
        yield name
        for target in leads.get(name, ()):
            if target in visited:
                raise BrokenAnswer(f"the aliases lead in a ring: {' -> '.join(map(str, [*names, target]))}")
            visited.add(target)
            names.append(target)


def failure(answer: Answer) -> str:
    """Say what is wrong with an answer that has no value."""
    if answer.rcode in ("NOERROR", REFERRAL):
        return answer.why or "the name has no such record"
    return FAILURES.get(answer.rcode, f"error {answer.rcode}") + (f" ({answer.why})" if answer.why else "")
