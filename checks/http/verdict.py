"""Pure: an answer -> results and metrics, in words for the admin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent.api import Metric, Result, Status, critical, duration_text, judge, warning
from checks._network.certificates import judge_validity
from checks._network.progress import Progress
from checks.http.addresses import PORTS, HttpUrl
from checks.http.conditions import faults
from checks.http.exchange import Answer

if TYPE_CHECKING:
    from checks.http.check import Http

SETTINGS_BY_SCHEME = {
    "basic": "user and password",
    "digest": "user, password and auth: digest",
    "bearer": "bearer_token",
}
"""Ways to tell who asks, and the settings for them."""
OF_A_PROXY = (403, 500, 502, 503, 504)
"""What it says where it lets nobody through, or reaches no server. By plain http nobody can tell whose word it is."""
_SCHEME = re.compile(r"(?:^|,)\s*([A-Za-z][A-Za-z0-9-]*)(?=\s|,|$)")


def verdict(check: Http, answer: Answer, progress: Progress, now: float) -> Iterator[Result | Metric]:
    """Judge status, time, conditions and certificate; `now` is Unix seconds."""
    took = progress.elapsed()
    way = " after a redirect from https to http" if answer.lost_tls else ""
    summary = f"{answer.status} in {duration_text(took)}{way}"
    time_result = judge("time", took, check.warning, check.critical, unit="s", summary=summary, minimum=0)
    details = _details(answer, progress)
    if answer.status in check.expect_status:
        yield replace(time_result, details=details)
    else:
        mild = check.warning_status is not None and answer.status in check.warning_status
        say = warning if mild else critical
        yield say(f"{summary}, expected {check.expect_status}{_why(check, answer)}", details=details)
        if mild and time_result.status is Status.CRITICAL:
            yield time_result
        else:
            yield from time_result.metrics
    if check.require_tls and (answer.lost_tls or answer.url.scheme != "https"):
        yield critical(f"the answer came without TLS, from {answer.url}")
    yield from faults(check, answer)
    if answer.certificate:
        yield from judge_validity(answer.certificate, now, check.certificate_warning, check.certificate_critical)
    yield Metric("size", answer.size, "B", minimum=0)


def _why(check: Http, answer: Answer) -> str:
    """Say what may explain an unexpected status; nothing where nothing is known."""
    reasons = [answer.lost_settings] if answer.status in (400, 401, 403, 405) and answer.lost_settings else []
    if 300 <= answer.status < 400 and answer.headers.get("location"):
        reasons.append("its Location is not followed" + (", redirects is 0" if not check.redirects else ""))
    if answer.status == 401 and (challenge := _describe_challenge(check, answer)):
        reasons.append(f"the server wants {challenge}")
    if answer.status == 400 and answer.url.scheme == "http" and answer.url.port % 1000 == PORTS["https"]:
        reasons.append("perhaps it speaks TLS, write https://")
    if check.proxy and answer.url.scheme == "http" and answer.status in OF_A_PROXY:
        reasons.append(f"perhaps the proxy's own answer: {check.proxy}")
    if answer.status == 426 and (other := answer.headers.get("upgrade")):
        reasons.append(f"the server wants {other[:40]!a}")
    return f" ({'; '.join(reasons)})" if reasons else ""


def _describe_challenge(check: Http, answer: Answer) -> str:
    """Say how the server wants to know who asks; nothing where it does not say, or we have told."""
    lines = answer.headers.all("www-authenticate")
    schemes = list(dict.fromkeys(scheme[:20] for line in lines for scheme in _SCHEME.findall(line)))
    usable = {
        scheme.lower(): SETTINGS_BY_SCHEME[scheme.lower()] for scheme in schemes if scheme.lower() in SETTINGS_BY_SCHEME
    }
    if schemes and not usable:
        return f"{', '.join(schemes[:5])} authentication, which is not spoken here"
    ours = check.auth if check.user else "bearer" if check.bearer_token else ""
    has_credentials = ours in usable or any(name.lower() == "authorization" for name in check.headers)
    return "" if has_credentials else " or ".join(usable.values())


def _details(answer: Answer, progress: Progress) -> str:
    parts = [where(answer.url, progress), progress.phases(), answer.tls_version, answer.lost_settings]
    if answer.cut:
        parts.append("body cut at body_limit")
    return "; ".join(part for part in parts if part)


def where(url: HttpUrl, progress: Progress) -> str:
    return f"{url} at {progress.address}" if progress.address else str(url)
