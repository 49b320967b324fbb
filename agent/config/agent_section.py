"""The `agent:` sections of all files, merged: later files win key by key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import msgspec

from agent.config import destination_section, page_address, page_token, rules
from agent.config.calendar import windows
from agent.config.checksums import checksum_as_written
from agent.config.convert import settings
from agent.config.fault import Fault
from agent.config.file_path import file_fault
from agent.config.files.patience import Patience
from agent.config.located_yaml.tree import Node
from agent.config.nesting import section
from agent.config.secrets.secrecy import mark_secrets
from agent.config.sections.agent import AgentSection, EventsSettings, HistorySection, fields
from agent.config.sections.check import CheckSection
from agent.config.settings import AgentSettings, Maintenance, Place
from agent.config.web_address import ZONE, host_of, proxy_fault, proxy_url, timeout_fault
from agent.config.words.quoting import quote
from agent.config.words.unfilled import is_unfilled

Nodes = Mapping[str, Node]
BROKERS = ("nats", "tls")
FILES = ("credentials", "ca_file", "client_cert", "client_key")
_PLACEHOLDER = re.compile(r"(?i:<.*>|\{\{.*\}\}|(?:your|insert|enter)[-_ ].*key.*|x{4,}|\*{3,}|\.{3,}|change[-_ ]?me)")
_ELSEWHERE = {
    **dict.fromkeys(fields(CheckSection), "every check has it: write it there, or under `defaults:` of its file"),
    **dict.fromkeys(("key", "token", "apikey"), "stands under `events:` in `agent:`, as `api_key`"),
    **dict.fromkeys(
        ("region", "site", "url"), "write the address of your region as `endpoint`, under `events:` in `agent:`"
    ),
    **dict.fromkeys(("log_level", "logging", "debug"), "is no setting: `hostvigil run --verbose` logs more"),
    **dict.fromkeys(
        ("state", "state_dir", "data_dir"), "the unit says it (StateDirectory=), or `hostvigil run --state`"
    ),
    **dict.fromkeys(fields(EventsSettings), "stands under `events:` in `agent:`"),
    **dict.fromkeys(("checks", "defaults"), "is a section of its own: write it as far left as `agent:`"),
}


def read_agent(sections: Sequence[Node], patience: Patience) -> tuple[AgentSettings, list[Fault]]:
    """Return the settings, without those that are wrong, and what is wrong with them."""
    faults: list[Fault] = []
    all_nodes: dict[str, Node] = {}
    maintenance: tuple[Maintenance, ...] = ()
    for node in sections:
        nodes, wrong = section(node, "agent")
        faults += [*wrong, *_faults(nodes), *_token_faults(nodes, patience)]
        maintenance += _windows(nodes)[0]
        all_nodes = _merge(all_nodes, nodes)
    events, _ = _events(all_nodes)
    faults += _delivery(events, _mapping(all_nodes, "events"))
    webhooks, wrong = destination_section.read(_mapping(all_nodes, "destinations"))
    faults += wrong
    values, _ = settings(AgentSection, _others(all_nodes), Place(""))
    wrong_names = {fault.setting.split(".")[1] for fault in faults if "." in fault.setting and not fault.aside}
    good = {name: value for name, value in values.items() if name not in wrong_names}
    return AgentSettings(
        events=EventsSettings(**events),
        maintenance=maintenance,
        written_checksum=checksum_as_written({str(number): node for number, node in enumerate(sections)}),
        **good | {"destinations": webhooks},
    ), faults


def _faults(nodes: Nodes) -> Iterator[Fault]:
    """Judge the section of one file by itself: what a later file replaces must be right as well."""
    values, faults = settings(AgentSection, _others(nodes), Place(""), "agent", elsewhere=_ELSEWHERE)
    yield from faults
    yield from _events(nodes)[1]
    yield from _windows(nodes)[1]
    if "tags" in nodes and isinstance(nodes["tags"].value, dict):
        yield from rules.tags(nodes["tags"].value, "agent.tags")
    if isinstance(history := values.get("history"), HistorySection):
        yield from _history(history, _mapping(nodes, "history"))
    if values.get("heartbeat_url") and not host_of(values["heartbeat_url"], ("http", "https")):
        node = nodes["heartbeat_url"]
        yield Fault(node.place, "agent.heartbeat_url", "is not an address, write for example https://hc-ping.com/...")
    if values.get("page") and (text := page_fault(values["page"])):
        yield Fault(nodes["page"].place, "agent.page", f"{quote(nodes['page'])} {text}")
    if values.get("page_token") and (text := page_token.no_path(values["page_token"])):
        yield Fault(nodes["page_token"].place, "agent.page_token", text)  # without it: it may be the token itself
    if "hostname" in values and not re.fullmatch(r"[^\s\x00-\x20]{1,255}", values["hostname"]):
        node = nodes["hostname"]
        yield Fault(node.place, "agent.hostname", f"{quote(node)} must be one word of at most 255 characters")
    elif is_unfilled(values.get("hostname", "")):
        node = nodes["hostname"]
        text = (
            f"{quote(node)} is not filled in here: leave the line out for the host's own name, or write ${{env:NAME}}"
        )
        yield Fault(node.place, "agent.hostname", text)


def _token_faults(nodes: Nodes, patience: Patience) -> Iterator[Fault]:
    """Look at the file of the page's token: without it nobody may act there, and all else is as it is written."""
    node = nodes.get("page_token")
    path = node.value if node and isinstance(node.value, str) else ""
    if node and path and not page_token.no_path(path) and (text := page_token.problem(path, patience)):
        yield Fault(node.place, "agent.page_token", f"{quote(node)} {text}", aside=True)


def _others(nodes: Nodes) -> Nodes:
    """Return what needs no treatment of its own."""
    own_reader = ("events", "destinations")
    special = {name for name, node in nodes.items() if name in own_reader and isinstance(node.value, dict)}
    rest = {name: node for name, node in nodes.items() if name not in special | {"maintenance"}}
    return mark_secrets(AgentSection, rest)


def _windows(nodes: Nodes) -> tuple[tuple[Maintenance, ...], list[Fault]]:
    """Read the windows of one file: those of all files add up, for a window that is lost wakes people up."""
    node = {name: node for name, node in nodes.items() if name == "maintenance"}
    values, faults = settings(AgentSection, node, Place(""), "agent")
    if values:
        faults += windows.faults(node["maintenance"], values["maintenance"], "agent.maintenance")
    return (() if faults else windows.windows(values.get("maintenance"))), faults


def _events(nodes: Nodes) -> tuple[dict[str, Any], list[Fault]]:
    node = _mapping(nodes, "events")
    node = mark_secrets(EventsSettings, node)
    values, faults = settings(EventsSettings, node, Place(""), "agent.events")
    for name, judge in _JUDGES.items():
        if values.get(name) is not None and (text := judge(values[name])):
            faults.append(Fault(node[name].place, f"agent.events.{name}", f"{quote(node[name])} {text}"))
            del values[name]
    for name in FILES:
        if text := file_fault(values.get(name, "")):
            faults.append(Fault(node[name].place, f"agent.events.{name}", text))
            del values[name]
    return values, faults


def _mapping(nodes: Nodes, name: str) -> Nodes:
    node = nodes.get(name)
    return node.value if node and isinstance(node.value, dict) else {}


def _merge(earlier: Nodes, later: Nodes) -> dict[str, Node]:
    nodes = dict(earlier)
    for name, node in later.items():
        before = earlier.get(name)
        both = before and isinstance(before.value, dict) and isinstance(node.value, dict)
        nodes[name] = msgspec.structs.replace(node, value=_merge(before.value, node.value)) if before and both else node
    return nodes


def _delivery(values: Mapping[str, Any], nodes: Nodes) -> Iterator[Fault]:
    """An endpoint needs a key, and a key an endpoint; a client's key needs its certificate."""
    for name, other, text in (
        ("endpoint", "api_key", "write the key as well, best as ${file:/etc/hostvigil/api_key}"),
        ("api_key", "endpoint", "write the endpoint as well, such as https://us1-openapi.truewatch.com"),
        ("client_key", "client_cert", "write the certificate as well"),
        ("credentials", "broker", "write the broker as well, such as nats://broker.example.com:4222"),
    ):
        if values.get(name) and other not in nodes:
            node = nodes[name]
            yield Fault(node.key or node.place, f"agent.events.{name}", f"needs '{other}' beside it: {text}")
    if values.get("broker"):
        yield from _handing_over(values, nodes)


def _handing_over(values: Mapping[str, Any], nodes: Nodes) -> Iterator[Fault]:
    """With a broker the relay has the key and sends; off this host the broker has to know who hands over."""
    for name in ("endpoint", "api_key"):
        if values.get(name):
            node = nodes[name]
            text = "does not go with `broker`, whose relay sends: remove one of them"
            yield Fault(node.key or node.place, f"agent.events.{name}", text)
    hosts = [host_of(one.strip(), BROKERS) for one in values["broker"].split(",")]
    if not all(host and _is_loopback(host) for host in hosts) and not (
        values.get("credentials") or values.get("client_cert")
    ):
        node = nodes["broker"]
        text = "needs 'credentials' beside it: write the file that `hostvigil relay enrol` made for this host"
        yield Fault(node.key or node.place, "agent.events.broker", text)


def _endpoint(text: str) -> str:
    host = host_of(text, ("http", "https"))
    if not host:
        return "is not an address, write for example https://us1-openapi.truewatch.com"
    url = urlsplit(text)
    if ":" in host and "%" in host:
        return ZONE
    if url.query or url.fragment or "@" in url.netloc:
        return "must be only https://host, without user, ? or #"
    if re.match(r"(?:\w+-)?(?:console|openway|auth)\.(?:truewatch|guance|guanceyun)\.", host):
        return "is not the address of the API: write the region's own, such as https://us1-openapi.truewatch.com"
    if url.path.rstrip("/").endswith("/events/create"):
        return "must be without the path /api/v1/events/create, the agent adds it"
    if url.scheme == "http" and not _is_loopback(host):
        return "would send the key unencrypted, write https://"
    return ""


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address

    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _broker(text: str) -> str:
    for one in text.split(","):
        if not host_of(one.strip(), BROKERS):
            return "is not an address, write for example nats://broker.example.com:4222"
        if urlsplit(one.strip()).username:
            return "must be without user and password: write `credentials`, a file"
    return "" if find_spec("nats") else "needs the package nats-py: pip install 'hostvigil[fleet]'"


def _proxy(text: str) -> str:
    # Without scheme it has a port, else it may be a word such as `none`.
    return proxy_fault(proxy_url(text) if ":" in text else text) if text else ""


def _republish_after(seconds: float) -> str:
    return "" if 10 <= seconds <= 86400 else "must be between 10s and 1d"


def _api_key(text: str) -> str:
    if re.match(r"file:|[/~]|\./|\$[A-Z]", text):
        return "is no key but where one stands: write ${file:/etc/hostvigil/api_key} or ${env:NAME}"
    if _PLACEHOLDER.fullmatch(text) or is_unfilled(text):
        return "is a placeholder: write the key itself, or ${file:/etc/hostvigil/api_key}"
    good = text.isascii() and text.isprintable() and text and " " not in text
    return "" if good else "must be one word, as the workspace shows the key id"


def _history(history: HistorySection, nodes: Nodes) -> Iterator[Fault]:
    bounds = {
        "fine": (86_400, 365 * 86_400, "1d and 365d"),
        "hourly": (86_400, 3650 * 86_400, "1d and 3650d"),
        "most_bytes": (1024**2, 1024**4, "1MiB and 1TiB"),
    }
    for name, (least, most, words) in bounds.items():
        if not least <= getattr(history, name) <= most:
            node = nodes[name]
            yield Fault(node.place, f"agent.history.{name}", f"{quote(node)} must be between {words}")


def page_fault(text: str) -> str:
    """Say what is wrong with where a page is served; '' if nothing is."""
    try:
        page_address.parse(text)
    except ValueError as error:
        return str(error)
    return ""


def _most_bytes(size: int) -> str:
    return "" if 16 * 1024**2 <= size <= 1024**4 else "must be between 16MiB and 1TiB"


def _heartbeat(seconds: float) -> str:
    return "" if 10 <= seconds <= 86400 else "must be between 10s and 1d, or null for none"


_JUDGES: dict[str, Callable[[Any], str]] = {
    "endpoint": _endpoint,
    "broker": _broker,
    "republish_after": _republish_after,
    "api_key": _api_key,
    "timeout": timeout_fault,
    "proxy": _proxy,
    "most_bytes": _most_bytes,
    "heartbeat": _heartbeat,
}


def events_fault(name: str, value: Any) -> str:
    """Say what is wrong with a setting of `agent.events`, for who has the same setting elsewhere; '' if nothing is."""
    return _JUDGES[name](value)
