"""What a connection says about the certificates of its server, and how that is judged."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Iterator
from typing import Any

import msgspec

from agent.api import DurationBelow, Metric, Result, Status, duration_text, judge


class Certificate(msgspec.Struct, frozen=True):
    """The certificate of a chain that expires first."""

    name: str
    expires: float
    """Unix seconds."""
    begins: float = 0.0
    """Since when all of the chain are valid, Unix seconds."""
    last_to_begin: str = ""
    """The one of the chain whose begin that is."""


def judge_expiry(
    certificate: Certificate, now: float, warning: DurationBelow | None, critical: DurationBelow | None
) -> Result:
    """Judge how long a certificate lasts; `now` is Unix seconds. A level of 0s is never passed, as its table says."""
    warning, critical = (None if level and level.plain == 0 else level for level in (warning, critical))
    remaining = certificate.expires - now
    when = f"expires in {duration_text(remaining)}" if remaining > 0 else f"expired {duration_text(-remaining)} ago"
    return judge(
        "certificate", remaining, warning, critical, unit="s", summary=f"certificate {certificate.name!r} {when}"
    )


def worst_watched(warning: DurationBelow | None, critical: DurationBelow | None) -> Status | None:
    """Return what a certificate that is of no use now is told as; None where both levels are switched off."""
    watched = {Status.CRITICAL: critical, Status.WARNING: warning}
    return next((status for status, level in watched.items() if level and level.plain != 0), None)


def judge_validity(
    certificate: Certificate, now: float, warning: DurationBelow | None, critical: DurationBelow | None
) -> Iterator[Result | Metric]:
    """Say how long a certificate lasts where that is too short, or it is not valid yet; else only measure it.

    `now` in Unix seconds.
    """
    if certificate.begins > now and (worst := worst_watched(warning, critical)):
        yield Result(worst, f"certificate {certificate.last_to_begin!r} is not valid yet: look at the clocks")
    result = judge_expiry(certificate, now, warning, critical)
    if result.status is Status.OK:
        yield from result.metrics
    else:
        yield result


def certificate(connection: ssl.SSLSocket) -> Certificate | None:
    """Return which certificate of the chain expires first, and when the last of them begins to be valid.

    Unverified, it is the chain that the server sent.
    """
    try:
        chain = [_certificate(info) for info in _chain(connection)]
    except (ssl.SSLError, ValueError):
        return None  # an unverified certificate may hold any nonsense
    if not chain:
        return None
    first, last = min(chain, key=lambda one: one.expires), max(chain, key=lambda one: one.begins)
    return msgspec.structs.replace(first, begins=last.begins, last_to_begin=last.name)


def _chain(connection: ssl.SSLSocket) -> list[dict[str, Any]]:
    """Return the decoded verified chain, the trusted CA included: when that expires, verification fails as well."""
    # Private, but in every Python from 3.10 on; the public methods of 3.13 return DER, which ssl cannot decode.
    private: Any = getattr(connection, "_sslobj", None)
    try:
        if connection.context.verify_mode == ssl.CERT_NONE:
            return _issuers([_decode(handle) for handle in private.get_unverified_chain()])
        return [_decode(handle) for handle in private.get_verified_chain()]
    except (AttributeError, TypeError):
        leaf: Any = connection.getpeercert()
        return [leaf] if leaf else []


@functools.lru_cache(maxsize=256)
def _decode(handle: Any) -> dict[str, Any]:
    """Decode a certificate; the same one, to the bit, only once."""
    info: dict[str, Any] = handle.get_info()
    return info


def _issuers(certificates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the server's certificate and those that issued it, in whatever order they were sent.

    Of several that may have, a client needs one: that which lasts longest. A root ends it, and is left out itself.
    """
    chain, others = certificates[:1], certificates[1:]
    while issuers := [one for one in others if one.get("subject") == chain[-1].get("issuer")]:
        if any(one.get("subject") == one.get("issuer") for one in issuers):
            break
        others = [one for one in others if one not in issuers]
        chain.append(max(issuers, key=lambda one: _certificate(one).expires))
    return chain


def _certificate(info: dict[str, Any]) -> Certificate:
    subject = {key: value for part in info.get("subject", ()) for key, value in part}
    names = [value for _, value in info.get("subjectAltName", ())]
    name = subject.get("commonName") or (names[0] if names else subject.get("organizationName", "?"))
    begins, expires = (float(_seconds(info[key])) for key in ("notBefore", "notAfter"))
    return Certificate(str(name), expires, begins)


_seconds = functools.lru_cache(maxsize=64)(ssl.cert_time_to_seconds)
