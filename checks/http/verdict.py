"""Pure: an answer -> results and metrics, in words for the admin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent.api import Metric, Result, Status, critical, duration_text, judge, warning
from checks._network import tls
from checks._network.progress import Progress
from checks.http.addresses import HttpUrl
from checks.http.conditions import broken
from checks.http.exchange import Answer

if TYPE_CHECKING:
    from checks.http.check import Http


def verdict(check: Http, answer: Answer, progress: Progress, now: float) -> Iterator[Result | Metric]:
    """Judge status, time, conditions and certificate; `now` is Unix seconds."""
    took = progress.elapsed()
    said = f"{answer.status} in {duration_text(took)}" + (" after a redirect from https to http" * answer.lost_tls)
    timed = judge("time", took, check.warning, check.critical, unit="s", summary=said, minimum=0)
    details = _details(answer, progress)
    if answer.status in check.expect_status:
        yield replace(timed, details=details)
    else:
        mild = check.warning_status is not None and answer.status in check.warning_status
        say = warning if mild else critical
        yield say(f"{said}, expected {check.expect_status}{_why(check, answer)}", details=details)
        yield from (timed,) if mild and timed.status is Status.CRITICAL else timed.metrics
    if check.require_tls and (answer.lost_tls or answer.url.scheme != "https"):
        yield critical(f"the answer came without TLS, from {answer.url}")
    yield from broken(check, answer)
    if answer.certificate:
        yield from tls.judged(answer.certificate, now, check.certificate_warning, check.certificate_critical)
    yield Metric("size", answer.size, "B", minimum=0)


def _why(check: Http, answer: Answer) -> str:
    """Say what may explain an unexpected status; nothing where nothing is known."""
    reasons = []
    if answer.status in (401, 403) and answer.left_behind:
        reasons.append(answer.left_behind)
    if answer.status == 401:
        schemes = dict.fromkeys(value.split(" ")[0].lower() for value in answer.headers.all("www-authenticate"))
        spoken = {"basic": "user and password", "bearer": "bearer_token"}
        settings = [setting for scheme, setting in spoken.items() if scheme in schemes]
        if schemes and not settings:
            named = ", ".join(scheme[:20].title() for scheme in schemes if scheme.isascii() and scheme.isprintable())
            reasons.append(f"the server wants {named} authentication, which is not spoken here")
        elif settings and not (check.user or check.bearer_token or "authorization" in map(str.lower, check.headers)):
            reasons.append(f"the server wants {' or '.join(settings)}")
    return f" ({'; '.join(reasons)})" if reasons else ""


def _details(answer: Answer, progress: Progress) -> str:
    parts = [where(answer.url, progress), progress.phases(), answer.tls_version, answer.left_behind]
    if answer.cut:
        parts.append("body cut at body_limit")
    return "; ".join(part for part in parts if part)


def where(url: HttpUrl, progress: Progress) -> str:
    return f"{url} at {progress.address}" if progress.address else str(url)
