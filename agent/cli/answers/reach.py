"""Whether destinations can be reached from here: name, connection, certificate, clock. Nothing is sent to them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from agent.cli.answers.finding import Finding
from agent.config.sections.destination import MAIN, WebhookSettings
from agent.config.settings import Config, EventsSettings
from agent.config.web_address import proxy_url
from agent.delivery.named_files import require_readable
from agent.plugin.shared_work import Call
from agent.plugin.units import duration_text

SECONDS = 10.0
PORTS = {"https": 443, "socks5": 1080, "socks5h": 1080}
MOST_SKEW = 60.0
"""Seconds that the clock may differ from the API's: an event belongs to the minute in which it happened."""


class Target(msgspec.Struct, frozen=True):
    """Where a destination is."""

    name: str
    host: str
    port: int
    tls: bool
    settings: EventsSettings | WebhookSettings
    by_proxy: bool


def destinations(config: Config) -> Iterator[Finding]:
    """Yield for each destination whether it can be reached, and how the clock compares to the API's."""
    agent = config.agent
    if agent.events.broker:
        yield Finding("events", "they go to a broker; its relay says more: hostvigil relay status")
    elif not agent.events.endpoint and not agent.destinations:
        yield Finding("events", "no destination is configured: events are printed, and kept here")
    elif agent.events.endpoint:
        yield from _endpoint(agent.events)
    for name, one in agent.destinations.items():
        yield from _reach(_target(name, one.url, one))


def _endpoint(events: EventsSettings) -> Iterator[Finding]:
    yield from _reach(_target(MAIN, events.endpoint, events))
    yield from _skew(events)


def _target(name: str, url: str, settings: EventsSettings | WebhookSettings) -> Target:
    """A connection goes to the proxy, where there is one; what is behind it, it must know."""
    address = urlsplit(proxy_url(settings.proxy) or url)
    tls = address.scheme == "https"
    port = address.port or PORTS.get(address.scheme, 80)
    return Target(name, _in_ascii(address.hostname or ""), port, tls, settings, bool(settings.proxy))


def _in_ascii(host: str) -> str:
    """Write a host as requests asks for it: Python's own codec would ask for fass.de instead of faß.de."""
    import idna

    try:
        return host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return host


def _reach(to: Target) -> Iterator[Finding]:
    where = f"{'the proxy ' if to.by_proxy else ''}{to.host}:{to.port}"
    if trouble := _trouble(to):
        yield Finding(to.name, f"{where}: {trouble}", _mend(trouble, to))
    else:
        yield Finding(to.name, f"{where} answers{', its certificate is trusted' if to.tls else ''}")


def _trouble(to: Target) -> str:
    """Connect once; return why that does not work. A look-up of a name has no deadline of its own, so it gets one."""
    from agent.delivery.sinks.reasons import reason

    call = Call(lambda: _connect(to))
    call.begin()
    if not call.done.wait(SECONDS):
        return f"no answer within {SECONDS:g}s"
    try:
        trouble: str = call.result()
    except (OSError, ValueError) as error:
        return reason(error)
    return trouble


def _connect(to: Target) -> str:
    """Connect; return what is wrong with a file that is needed for it, OSError or ValueError where it does not work."""
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    from agent.delivery.sinks.tls import tls_context
    from agent.delivery.sinks.wire import connect_seconds

    ca_file = to.settings.ca_file
    try:
        if to.tls and ca_file:
            require_readable("ca_file", ca_file)
    except OSError as error:
        return str(error)
    with socket.create_connection((to.host, to.port), connect_seconds(SECONDS)) as connection:
        connection.settimeout(SECONDS)
        if to.tls:
            context = tls_context(host_cas=not ca_file)
            is_folder = bool(ca_file) and Path(ca_file).is_dir()
            context.load_verify_locations(**{"capath" if is_folder else "cafile": ca_file or DEFAULT_CA_BUNDLE_PATH})
            context.wrap_socket(connection, server_hostname=to.host).close()
    return ""


def _mend(trouble: str, to: Target) -> str:
    if trouble.startswith("ca_file "):
        return "write a file in PEM that the agent may read"
    if "cannot be resolved" in trouble:
        return f"getent hosts {to.host}; the name servers stand in /etc/resolv.conf"
    if "not trusted" in trouble:
        return "its CA belongs into this host's store or into ca_file; or set the clock right, or a proxy opens TLS"
    if "refused" in trouble:
        return f"nothing listens there, or a firewall refuses: is port {to.port} right?"
    return f"a firewall may be in the way, or a `proxy` is missing: curl -v telnet://{to.host}:{to.port}"


def _skew(events: EventsSettings) -> Iterator[Finding]:
    """Compare the clock with what the API's server says; it is asked for its front page, without the key."""
    from agent.delivery.sinks.wire import Client, NoAnswer, Way

    way = Way(SECONDS, events.proxy, events.ca_file, events.client_cert, events.client_key)
    try:
        answer = Client(way).ask("GET", events.endpoint, {"Accept-Encoding": "identity"}, None)
        server_time = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except (NoAnswer, ValueError):
        return
    skew = time.time() - server_time
    if abs(skew) > MOST_SKEW:
        direction = "behind" if skew < 0 else "ahead of"
        difference = f"{duration_text(round(abs(skew)))} {direction} {MAIN}'s server"
        yield Finding("clock", difference, "set it: timedatectl set-ntp true, or install chrony")
    yield Finding("key", "whether the API takes it, hostvigil test-event tells, by one info event")
