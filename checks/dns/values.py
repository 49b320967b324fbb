"""The value of one record: as people write it, as a key to compare it by, and as text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain

import dns.exception
import dns.name
import dns.rdata
import dns.reversename
from dns.rdata import Rdata
from dns.rdtypes.ANY.CAA import CAA
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.NAPTR import NAPTR

from checks._network.addresses import host_name, is_ip

EXAMPLES = {
    "A": "192.0.2.1",
    "AAAA": "2001:db8::1",
    "CAA": '0 issue "ca.example.net"',
    "CNAME": "web.example.com.",
    "DNSKEY": "257 3 13 mdsswUyr3DPW132m...",
    "DS": "12345 13 2 0123456789abcdef...",
    "HTTPS": '1 . alpn="h2,h3"',
    "MX": "10 mail.example.com.",
    "NAPTR": '10 100 "s" "SIP+D2U" "" _sip._udp.example.com.',
    "NS": "ns1.example.com.",
    "PTR": "host.example.com.",
    "SOA": "ns1.example.com. hostmaster.example.com. 1 7200 900 1209600 300",
    "SRV": "1 10 5060 sip.example.com.",
    "SSHFP": "4 2 0123456789abcdef...",
    "SVCB": "1 svc.example.com. port=8443",
    "TLSA": "3 1 1 0123456789abcdef...",
    "TXT": '"v=spf1 -all"',
}
"""The kinds of records that can be asked for, each with a value."""
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_WHOLE_LINE = re.compile(
    r"\S+\s+(?:(?:\d+\s+)?(?:IN|CH)\s+[A-Z]+\s+|descriptive text (?=\")|text = (?=\"))(?P<value>\S.*)", re.DOTALL
)
"""A record as dig without `+short`, host and nslookup print it."""
_ALIAS = re.compile(r"(?=.*[a-z])(?:[a-z0-9_-]+\.)+", re.IGNORECASE)
_IS_AN_ALIAS = "is an alias, which dig prints before the values: leave it out"
_NAMES = ("CNAME", "NS", "PTR")
_QUOTED_ONLY = re.compile(rf"\s*{_QUOTED.pattern}(?:\s+{_QUOTED.pattern})*\s*", re.DOTALL)


def question_name(text: str, record: str) -> dns.name.Name:
    """Read what to ask for; ValueError where it is no name. With PTR, an address is turned round."""
    if is_ip(text):
        if record != "PTR":
            raise ValueError(f"{text} is an address, not a name: for its name, write record: PTR as well")
        if "%" in text:
            raise ValueError(f"{text} names an interface of this host, which no server knows")
        return dns.reversename.from_address(text)
    if is_ip(re.sub(r"/[0-9]{1,3}$", "", text).strip("[]")):
        raise ValueError(f"{text!r} is no DNS name")
    name = ".".join(label if label.isascii() else host_name(label) for label in text.split("."))
    try:
        if re.search(r"[\s@:\[\]]", name):
            raise ValueError
        return dns.name.from_text(name)
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"{text!r} is no DNS name") from None


def parse_all(record: str, texts: Iterable[str]) -> dict[str, Rdata]:
    """Read values as `parse` does; ValueError where an alias, as dig prints it before them, would be taken for text."""
    texts = tuple(texts)
    are_quoted = any(_QUOTED_ONLY.fullmatch(text) for text in texts)
    for text in texts:
        if record == "TXT" and are_quoted and _ALIAS.fullmatch(text.strip()):
            raise ValueError(f"{text!r} {_IS_AN_ALIAS}, or put it into double quotes as well")
    return {text: parse(record, text) for text in texts}


def parse(record: str, text: str) -> Rdata:
    """Read a value as `dig +short` prints it, or a TXT as plain text; ValueError says what to write instead."""
    if line := _WHOLE_LINE.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is a whole line of dig or host, write only its value, {line['value']}")
    if record == "TXT" and not _QUOTED_ONLY.fullmatch(text):
        return _txt(text.removesuffix("\n").encode())
    _refuse_what_would_be_lost(text)
    try:
        return dns.rdata.from_text("IN", record, text.strip(), origin=dns.name.root, relativize=False)
    except Exception:  # noqa: BLE001 - the parser's errors on strange text are of many kinds
        if record not in _NAMES and _ALIAS.fullmatch(text.strip()):
            raise ValueError(f"{text!r} {_IS_AN_ALIAS}") from None
        several = [part.strip() for part in text.split(",")]
        correction = (
            f"a list, [{', '.join(several)}]" if _are_all(record, several) else f"for example {EXAMPLES[record]}"
        )
        raise ValueError(f"{text!r} is no {record} value, write {correction}") from None


def _are_all(record: str, texts: list[str]) -> bool:
    try:
        return len(texts) > 1 and all(parse(record, text) for text in texts)
    except ValueError:
        return False


def _txt(text: bytes) -> Rdata:
    pieces = [text[at : at + 255] for at in range(0, len(text), 255)] or [b""]
    wire = b"".join(bytes([len(piece)]) + piece for piece in pieces)
    return dns.rdata.from_wire("IN", "TXT", wire, 0, len(wire))


def _refuse_what_would_be_lost(text: str) -> None:
    """In a zone file `;` begins a comment and a new line ends the value; what dig prints in ( ) may have both."""
    outside = _QUOTED.sub("", text.strip())
    if not text.isascii():
        raise ValueError(f"{text!r} is not ASCII, write names as xn--... and bytes as \\195 in quotes, as dig does")
    if "(" not in outside and re.search(r"(?<!\\);", outside):
        raise ValueError(f"{text!r}: after ; all is a comment, write the text in double quotes as dig does")
    if "(" not in outside and "\n" in outside:
        raise ValueError(f"{text!r} has more than one line, write a list")


def key(rdata: Rdata) -> bytes:
    """Return what two equal values have in common: names without case, texts byte by byte, a TXT as one text."""
    if isinstance(rdata, TXT):
        return b"".join(rdata.strings)
    without_case: dict[str, object] = {
        slot: value.canonicalize() for slot, value in _parts(rdata) if isinstance(value, dns.name.Name)
    }
    if isinstance(rdata, CAA):  # RFC 8659, 4.1: tags are without case
        without_case["tag"] = rdata.tag.lower()
    if isinstance(rdata, NAPTR):  # RFC 3403, 4.1: so are flags
        without_case["flags"] = rdata.flags.lower()
    return rdata.replace(**without_case).to_wire() or b""


def _parts(rdata: Rdata) -> list[tuple[str, object]]:
    slots = chain.from_iterable(getattr(cls, "__slots__", ()) for cls in type(rdata).__mro__)
    return [(slot, getattr(rdata, slot)) for slot in slots]


def plain(rdata: Rdata) -> str:
    """Return the text that patterns are searched in: a TXT as one text without quotes, others as dig shows them."""
    if isinstance(rdata, TXT):
        return b"".join(rdata.strings).decode("utf-8", "backslashreplace")
    return value_text(rdata)


def value_text(rdata: Rdata) -> str:
    return str(rdata.to_text())
