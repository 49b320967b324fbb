"""Settings that several types have, each with its words; a type gives it its name and its default."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from agent.api import DurationAbove

SourceAddress = Annotated[str, Meta(description="IP address of this host to come from.")]
IpVersion = Annotated[Literal[4, 6] | None, Meta(description="Use only IPv4 or IPv6; else what is first.")]
TooSlow = Annotated[DurationAbove | None, Meta(description="Too slow from this time on.")]
CaFile = Annotated[str, Meta(description="PEM file of the CAs to trust instead of the host's.")]
ClientCert = Annotated[str, Meta(description="PEM file of our certificate, for servers that want one.")]
ClientKey = Annotated[str, Meta(description="PEM file of its key, without password; else in client_cert.")]
OldTls = Annotated[
    bool, Meta(description="true for old devices: TLS 1.0 and 1.1, weak keys and ciphers, legacy renegotiation.")
]
