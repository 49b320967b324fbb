"""The settings of `type: dns`, and what they make of an answer."""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from agent.api import Check, Context, DurationAbove, Metric, Regex, Result, critical, duration_text, judge
from checks._network.addresses import Address, BetterWritten, host_name, is_ip
from checks._network.connection import way_problems
from checks._network.network import GetAddrInfo, Network
from checks._network.progress import NoAnswer, Progress
from checks._network.settings import SourceAddress, TooSlow
from checks.dns import by_host

if TYPE_CHECKING:
    # dnspython costs 5 MB: only a host that has a dns check pays for it.
    from dns.rdata import Rdata

    from checks.dns.messages import Question

# fmt: off
Record = Literal[
    "A", "AAAA", "CAA", "CNAME", "DNSKEY", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "SSHFP", "SVCB",
    "TLSA", "TXT",
]
# fmt: on
Rcode = Literal["NOERROR", "NODATA", "NXDOMAIN", "SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"]
Values = str | tuple[str, ...]
SERVER_ONLY = ("tcp", "recursion", "klass", "rcode", "source", "section")


class Dns(Check, frozen=True, kw_only=True):
    """Asks for a name: is there an answer, in time, and the expected one?

    Asks the given server by UDP, again where a datagram is lost, and by TCP where the answer is too long for UDP.
    Without `server`, asks whatever this host asks (hosts file, resolv.conf); a name with a dot is asked as it stands,
    without the search domains of resolv.conf. No answer, an error (no such name, server failure, refused), no record
    of that kind, or other values than expected are critical.

    Values are written as `dig +short` prints them; the last dot may be left out, and a TXT may be plain text. Names
    are compared without case, texts byte by byte. How a TXT is cut into pieces means nothing.

    ```yaml
    checks:
      names: {type: dns, name: www.example.com}
      our-zone: {type: dns, name: example.com, record: MX, server: 192.0.2.53, expect: 10 mail.example.com}
      web: {type: dns, name: www.example.com, expect: [192.0.2.10, 192.0.2.11], warning: 200ms}
      spf: {type: dns, name: example.com, record: TXT, server: 192.0.2.53, includes: '"v=spf1 mx -all"'}
      unlisted: {type: dns, name: 1.2.0.192.zen.example.org, server: 192.0.2.53, rcode: NXDOMAIN}
    ```
    """

    fail_after: ClassVar[int] = 2

    name: Annotated[
        str, Meta(description="What to ask for; with PTR also an IP address.", min_length=1, max_length=255)
    ]
    record: Annotated[
        Record, Meta(description="Kind of record; other than A and AAAA only with `server`. Default: A.")
    ] = "A"
    server: Annotated[
        Address | None,
        Meta(description="Server to ask, host[:port]. Default: as this host does."),
    ] = None
    expect: Annotated[Values | None, Meta(description="The answer must be exactly these values, in any order.")] = None
    includes: Annotated[Values | None, Meta(description="The answer must have these values, perhaps among others.")] = (
        None
    )
    one_of: Annotated[Values | None, Meta(description="Each value of the answer must be one of these.")] = None
    contains: Annotated[str | None, Meta(description="A text that one of the values must contain.")] = None
    matches: Annotated[
        Regex | None,
        Meta(
            description="Regular expression that must be found in one value: a TXT as plain text, others as dig does."
        ),
    ] = None
    not_matches: Annotated[Regex | None, Meta(description="Regular expression that no value may match.")] = None
    rcode: Annotated[
        Rcode | tuple[Rcode, ...],
        Meta(
            description="What the server must say. NODATA: the name is there, such a record is not. Default: NOERROR."
        ),
    ] = "NOERROR"
    tcp: Annotated[bool, Meta(description="Ask by TCP only.")] = False
    recursion: Annotated[bool, Meta(description="false: ask only for what the server knows by itself.")] = True
    section: Annotated[
        Literal["answer", "authority", "additional"],
        Meta(description="Where in the server's message the values are; authority: of the zone that the name is in."),
    ] = "answer"
    klass: Annotated[Literal["IN", "CH"], Meta(description="CH: for the server's own names, as version.bind.")] = (
        msgspec.field(name="class", default="IN")
    )
    source: SourceAddress = ""
    warning: Annotated[DurationAbove | None, Meta(description="Slow from this time on.")] = None
    critical: TooSlow = None

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from self._problems_of_name()
        if not self.server and self.record not in ("A", "AAAA"):
            yield "record", f"{self.record} can be asked of a server only, set server as well"
        for field in msgspec.structs.fields(self):
            if not self.server and field.name in SERVER_ONLY and getattr(self, field.name) != field.default:
                yield field.encode_name, "is for a server, set server as well"
        yield from way_problems(self.server.host if self.server else "", None, self.source)
        yield from self._problems_of_values()

    def _problems_of_name(self) -> Iterator[tuple[str, str]]:
        try:
            if self.server:
                self._question()
            elif is_ip(self.name):
                raise ValueError(f"{self.name} is an address, not a name")
            else:
                host_name(self.name)
        except BetterWritten as error:
            yield "name", str(error)
        except ValueError as error:
            yield "name", f"{error}, write for example www.example.com"

    def _problems_of_values(self) -> Iterator[tuple[str, str]]:
        if not self.rcode:
            yield "rcode", "must have one at least, write for example NXDOMAIN"
        if self.contains == "":
            yield "contains", "is empty, which is in every value: write a text, or leave it out"
        for setting in ("expect", "includes", "one_of"):
            try:
                self._keys(getattr(self, setting))
            except ValueError as error:
                yield setting, str(error)

        for setting in ("expect", "includes", "one_of", "contains", "matches", "not_matches"):
            if getattr(self, setting) and self.rcode and "NOERROR" not in _several(self.rcode):
                codes = " or ".join(_several(self.rcode))
                yield setting, f"no value comes with {codes}, leave one of both out"

    async def run(self, ctx: Context) -> AsyncIterator[Result | Metric]:
        async for one in self.look(ctx):
            yield one

    async def look(self, ctx: Context, getaddrinfo: GetAddrInfo = socket.getaddrinfo) -> AsyncIterator[Result | Metric]:
        """Ask and judge; `getaddrinfo` looks up names."""
        progress = Progress(ctx.deadline, ctx.timeout, critical=self.critical, warning=self.warning)
        network = Network(ctx, progress, getaddrinfo, self.source)
        try:
            asking = self._ask_server(self.server, network) if self.server else self._ask_host(network)
            values, note = await asking
        except (OSError, NoAnswer) as error:
            yield critical(progress.describe_failure(error))
            return
        progress.leave()
        took = progress.elapsed()
        summary = f"{self.name} {self.record} {note or values_text(values)} in {duration_text(took)}"
        yield judge("time", took, self.warning, self.critical, unit="s", summary=summary, minimum=0)
        if values:
            async for result in ctx.computed(lambda: self._judge_values(values)):
                yield result

    async def _ask_host(self, network: Network) -> tuple[list[Rdata], str]:
        from checks.dns.values import parse

        network.progress.enter("answer", f"asking this host for {self.record} of {self.name}")
        family = socket.AF_INET6 if self.record == "AAAA" else socket.AF_INET
        host_addresses = await by_host.addresses(host_name(self.name), family, network)
        return [parse(self.record, address.partition("%")[0]) for address in host_addresses], ""

    async def _ask_server(self, server: Address, network: Network) -> tuple[list[Rdata], str]:
        """Return the values, and what to say instead of them; NoAnswer where the server does not say what it must."""
        from checks.dns import asking, messages

        answer, tries = await asking.ask(self._question(), server, network, tcp=self.tcp)
        expected_codes = _several(self.rcode)
        code = "NODATA" if answer.rcode == "NOERROR" and not answer.values else answer.rcode
        if code not in expected_codes:
            instead = f", expected {' or '.join(expected_codes)}" if expected_codes != ("NOERROR",) else ""
            raise NoAnswer((values_text(answer.values) or messages.failure(answer)) + instead)
        if not answer.values:
            return [], f"{messages.failure(answer)}, as expected,"
        tries_text = f", only at try {tries}," if tries > 1 else ""
        return list(answer.values), f"{values_text(answer.values)}{tries_text}" if tries_text else ""

    def _question(self) -> Question:
        """ValueError where the name is none."""
        from checks.dns.messages import Question
        from checks.dns.values import question_name

        name = question_name(self.name, self.record)
        return Question(secrets.randbelow(65536), name, self.record, self.klass, self.recursion, self.section)

    def _judge_values(self, values: list[Rdata]) -> Iterator[Result]:
        from checks.dns.values import key, plain, value_text

        keys = {key(value): value_text(value) for value in values}
        expected, included, allowed = (self._keys(setting) for setting in (self.expect, self.includes, self.one_of))
        if expected and expected.keys() != keys.keys():
            yield critical(f"expected {_join_sorted(expected.values())}")
        if missing := included.keys() - keys.keys():
            yield critical(f"missing {_join_sorted(included[one] for one in missing)}")
        if allowed and (foreign := keys.keys() - allowed.keys()):
            yield critical(f"not among those expected: {_join_sorted(keys[one] for one in foreign)}")
        texts = [plain(value) for value in values]
        if self.contains and not any(self.contains in text for text in texts):
            yield critical(f"none contains {self.contains!r}")
        if self.matches and not any(self.matches.search(text) for text in texts):
            yield critical(f"none matches {self.matches}")
        if self.not_matches and (bad := [text for text in texts if self.not_matches.search(text)]):
            yield critical(f"{_join_sorted(bad)} matches {self.not_matches}")

    def _keys(self, values: Values | None) -> dict[bytes, str]:
        """Return written values by what they are compared by; ValueError where one is none."""
        if values is None:
            return {}
        if not values and values != "":
            raise ValueError("is an empty list, write values, or rcode: NODATA or NXDOMAIN where there must be none")
        from checks.dns.values import key, parse_all

        return {key(value): text for text, value in parse_all(self.record, _several(values)).items()}


def values_text(values: Iterable[Rdata]) -> str:
    return _join_sorted(value.to_text() for value in values)


def _join_sorted(texts: Iterable[str]) -> str:
    return ", ".join(sorted(texts))


def _several(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
