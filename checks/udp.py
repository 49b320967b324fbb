"""`type: udp`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, ClassVar

from msgspec import Meta

from agent.api import Check, Context, DurationAbove, Metric, Regex, Result, critical, duration_text, judge
from checks._network import datagrams
from checks._network.addresses import Address
from checks._network.connection import way_problems
from checks._network.network import FAMILIES, Network
from checks._network.payload import Bytes, Exchange, excerpt
from checks._network.progress import NoAnswer, Progress
from checks._network.settings import IpVersion, SourceAddress, TooSlow

MOST_BYTES = 65_507
"""Of a datagram of IPv4, without its heads."""


class Udp(Check, frozen=True, kw_only=True):
    """Sends a datagram, and waits for one that answers it.

    To the first address of the name; where no answer comes it is sent again, after a second at the latest, so it must
    be one that does no harm twice. No answer by the deadline or another than expected is critical.

    ```yaml
    checks:
      game:
        type: udp
        address: play.example.com:27015
        send_hex: ff ff ff ff 54 53 6f 75 72 63 65 20 45 6e 67 69 6e 65 20 51 75 65 72 79 00
        expect_hex: ff ff ff ff
      echo: {type: udp, address: "192.0.2.1:7", send: "hello", expect: '^hello$', warning: 200ms}
    ```
    """

    fail_after: ClassVar[int] = 2

    address: Annotated[Address, Meta(description="Where to send to, host:port; IPv6 as [::1]:53.")]
    source: SourceAddress = ""
    send: Annotated[str, Meta(description='Text to send; line ends as "\\r\\n" in double quotes.')] = ""
    send_hex: Annotated[Bytes | None, Meta(description="Bytes to send instead of a text, as `ff 00 1a`.")] = None
    expect: Annotated[
        Regex | None, Meta(description="Regular expression that must be found in the answer. Default: any answer.")
    ] = None
    expect_hex: Annotated[Bytes | None, Meta(description="Bytes that must be found in the answer.")] = None
    warning: Annotated[DurationAbove | None, Meta(description="Slow from this time on.")] = None
    critical: TooSlow = None
    ip_version: IpVersion = None

    def problems(self) -> Iterator[tuple[str, str]]:
        if not self.address.port:
            yield "address", f"{self.address} has no port, write for example {Address(self.address.host, 123)}"
        if not self._exchange.question:
            yield "send", "is missing: a server that was sent nothing does not answer, write send or send_hex"
        if len(self._exchange.question) > MOST_BYTES:
            yield "send_hex" if self.send_hex else "send", f"has more than the {MOST_BYTES} bytes that a datagram takes"
        yield from self._exchange.problems()
        yield from way_problems(self.address.host, self.ip_version, self.source)

    @property
    def _exchange(self) -> Exchange:
        return Exchange(send=self.send, send_hex=self.send_hex, expect=self.expect, expect_hex=self.expect_hex)

    async def run(self, ctx: Context) -> AsyncIterator[Result | Metric]:
        progress = Progress(ctx.deadline, ctx.timeout, critical=self.critical, warning=self.warning)
        try:
            answer, tries = await self._ask(Network(ctx, progress, source=self.source))
        except (OSError, NoAnswer) as error:
            yield critical(progress.describe_failure(error))
            return
        progress.leave()
        took = progress.elapsed()
        summary = f"{self.address} answered in {duration_text(took)}" + (f", only at try {tries}" if tries > 1 else "")
        yield judge("time", took, self.warning, self.critical, unit="s", summary=summary, minimum=0)
        if not await ctx.compute(lambda: self._exchange.fits(answer)):
            yield critical(f"said {excerpt(answer)}, expected {self._exchange.expectation}")

    async def _ask(self, network: Network) -> tuple[bytes, int]:
        network.progress.enter("dns", f"looking up {self.address.host}")
        places = await datagrams.places(self.address, FAMILIES[self.ip_version], network)
        place = places[0] if len(places) == 1 else self.address
        network.progress.enter("answer", f"waiting for an answer of {place} by UDP")
        question = self._exchange.question
        return await datagrams.ask(places, lambda _: question, lambda _, datagram: datagram, network)
