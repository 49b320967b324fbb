"""The settings of `type: certificate`, and how files and servers are judged."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from agent.api import (
    Check,
    Context,
    DurationBelow,
    Host,
    Metric,
    Result,
    Status,
    Suggestion,
    critical,
    nodata,
    warning,
)
from checks._lasting import find_missing
from checks._network import certificates, tls
from checks._network.addresses import Address, is_host
from checks._network.connection import connect, start_tls, way_problems
from checks._network.network import FAMILIES, Network
from checks._network.progress import NoAnswer, Progress
from checks._network.settings import CaFile, ClientCert, ClientKey, IpVersion, OldTls, SourceAddress
from checks._network.starttls import PORTS, Protocol, ask_for_tls
from checks._wildcards import find_problem, has_wildcard
from checks.certificate import discovered
from checks.certificate.files import Bundle, in_files

FOR_ADDRESS = ("starttls", "ca_file", "crl_file", "client_cert", "client_key", "server_name", "source", "old_tls")


class Certificate(Check, frozen=True, kw_only=True):
    """Watches how long certificates last, in files, at a server, or both: then also that the server serves the file's.

    Warning below 14 days, critical below 3, for the one of the chain that expires first (roots in a file aside). A
    server that does not answer, or whose certificate is refused, is critical; one that serves another certificate
    than the file has, as after a renewal without reload, is a warning. A file that cannot be read, or holds no
    certificate (PEM or DER), is nodata; so is a block of it that cannot be read, and the others are watched.

    ```yaml
    checks:
      web-certificate:
        type: certificate
        file: /etc/letsencrypt/live/www.example.com/fullchain.pem
        address: www.example.com:443
      certificates: {type: certificate, file: "/etc/letsencrypt/live/*/fullchain.pem", warning: 21d, critical: 7d}
      ldap: {type: certificate, address: "ldap.example.com:636", ca_file: /etc/ssl/our-ca.pem}
      mail: {type: certificate, address: mail.example.com, starttls: smtp}
    ```
    """

    fail_after: ClassVar[int] = 2

    file: Annotated[
        str | tuple[str, ...], Meta(description="Path, or a list of paths; with wildcards, each file is a subject.")
    ] = ()
    address: Annotated[
        Address | None, Meta(description="Server that speaks TLS, host[:port]. Default port: 443, or starttls's.")
    ] = None
    starttls: Annotated[
        Protocol | None, Meta(description="The server begins in plain text: ask for TLS as this protocol does.")
    ] = None
    warning: Annotated[
        DurationBelow | None, Meta(description="Warn when it lasts less; default 14d, null or 0s: never.")
    ] = DurationBelow.parse("14d")
    critical: Annotated[
        DurationBelow | None, Meta(description="Critical when it lasts less; default 3d, null or 0s: never.")
    ] = DurationBelow.parse("3d")
    verify: Annotated[
        bool, Meta(description="false: accept any certificate of the server; how long it lasts is still judged.")
    ] = True
    ca_file: CaFile = ""
    crl_file: Annotated[str, Meta(description="PEM file of the certificates that the CA has revoked.")] = ""
    client_cert: ClientCert = ""
    client_key: ClientKey = ""
    server_name: Annotated[str, Meta(description="TLS name to ask for and to verify, when not the address's.")] = ""
    old_tls: OldTls = False
    ip_version: IpVersion = None
    source: SourceAddress = ""

    def problems(self) -> Iterator[tuple[str, str]]:
        if not self.file and not self.address:
            yield "file", "says nothing to look at: write file, address or both"
        for path in _texts(self.file):
            if not path.startswith("/") or "\0" in path:
                yield "file", f"{path!r} is not a whole path, write for example /etc/ssl/certs/www.pem"
            if problem := find_problem(path):
                yield "file", problem
        if self.address and self._many:
            yield "address", "can be compared with one file only: write a check for each"
        for name in FOR_ADDRESS:
            if getattr(self, name) and not self.address:
                yield name, "is for a server, write address as well"
        yield from tls.contradictions(self._trust)
        if self.server_name and not is_host(self.server_name):
            yield "server_name", f"{self.server_name!r} is not a host name, write for example mail.example.com"
        yield from way_problems(self.address.host if self.address else "", self.ip_version, self.source)

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        return discovered.suggestions(host)

    @property
    def _many(self) -> bool:
        return len(_texts(self.file)) > 1 or any(has_wildcard(path) for path in _texts(self.file))

    @property
    def _worst(self) -> Status | None:
        return certificates.worst_watched(self.warning, self.critical)

    @property
    def port(self) -> int:
        """Where the server is looked for, when its address does not say."""
        return PORTS[self.starttls] if self.starttls else 443

    @property
    def _trust(self) -> tls.TlsSettings:
        own = (self.client_cert, self.client_key)
        return tls.TlsSettings(self.verify, self.ca_file, *own, crl_file=self.crl_file, old=self.old_tls)

    async def run(self, ctx: Context) -> AsyncIterator[Result | Metric]:
        now = time.time()
        files = await ctx.call_async(f"certificate {' '.join(_texts(self.file))}", lambda: in_files(_texts(self.file)))
        discovered_paths = set(files) - set(_texts(self.file))
        for path, bundle in files.items():
            for result in self._judge_file(path, bundle, path if self._many else "", now):
                yield msgspec.structs.replace(result, discovered=path in discovered_paths)
        for result in find_missing(ctx.memory, discovered_paths, repr(self.file), now):
            yield result
        if self.address:
            bundle = next(iter(files.values()), Bundle())
            async for result in self._judge_server(self.address, ctx, bundle, now):
                yield result

    def _judge_file(self, path: str, bundle: Bundle | str, subject: str, now: float) -> Iterator[Result]:
        if isinstance(bundle, str):
            yield nodata(f"{path}: {bundle}", subject)
            return
        own = [one for one in bundle.good if not one.root] or list(bundle.good)
        first = min(own, key=lambda one: one.expires)
        certificate = certificates.Certificate(first.name or Path(path).name, first.expires)
        result = certificates.judge_expiry(certificate, now, self.warning, self.critical)
        yield msgspec.structs.replace(result, subject=subject, summary=f"{result.summary} in {path}")
        if bundle.good[0].begins > now and self._worst:
            yield Result(self._worst, f"{path} is not valid yet: look at this host's clock", subject=subject)
        if bundle.broken:
            numbers = ", ".join(map(str, bundle.broken))
            yield nodata(f"{path}: certificate {numbers} in it cannot be read", subject)

    async def _judge_server(
        self, address: Address, ctx: Context, bundle: Bundle | str, now: float
    ) -> AsyncIterator[Result]:
        progress = Progress(ctx.deadline, ctx.timeout)
        progress.started = ctx.started  # reading the files was part of the time
        try:
            served, der = await self._fetch(address, Network(ctx, progress, source=self.source))
        except (OSError, NoAnswer) as error:
            yield critical(progress.describe_failure(error))
            return
        if served is None:
            yield nodata(f"{address} serves a certificate that cannot be read")
            return
        result = certificates.judge_expiry(served, now, self.warning, self.critical)
        metrics = tuple(msgspec.structs.replace(metric, name="served") for metric in result.metrics)
        yield msgspec.structs.replace(result, summary=f"{result.summary} at {address}", metrics=metrics)
        if served.begins > now and self._worst:
            yield Result(
                self._worst, f"{address} serves a certificate that is not valid yet: look at this host's clock"
            )
        # One file may hold two for one server (RSA and ECDSA), or its issuers before it.
        if isinstance(bundle, Bundle) and bundle.good and der not in [one.der for one in bundle.good]:
            yield warning(f"{address} serves another certificate than {self.file}: reload the server")

    async def _fetch(self, address: Address, network: Network) -> tuple[certificates.Certificate | None, bytes]:
        trust = await tls.context_for(self._trust, network.ctx)
        stop = Address(address.host, address.port or self.port)
        with await connect(stop, FAMILIES[self.ip_version], network) as plain:
            if self.starttls:
                await ask_for_tls(self.starttls, plain, network.progress)
            name = self.server_name or address.host.rstrip(".")
            with await start_tls(plain, trust, name, network.progress) as connection:
                return certificates.certificate(connection), connection.getpeercert(binary_form=True) or b""


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
