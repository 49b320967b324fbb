"""The section `agent.destinations`, merged over all files: each destination that is right, or what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from agent.config import selector, template
from agent.config.convert import settings
from agent.config.fault import Fault
from agent.config.file_path import file_fault
from agent.config.located_yaml.tree import Node
from agent.config.secrets.secrecy import mark_secrets
from agent.config.sections.destination import MAIN, TERMINAL, WebhookSettings
from agent.config.web_address import ZONE, host_of, proxy_fault, proxy_url, timeout_fault
from agent.config.words.names import nearest
from agent.config.words.quoting import quote

NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
OF_THE_AGENT = ("content-length", "transfer-encoding", "connection")
_BY_CHECK = "each change of the checks that `only` names is told: statuses are not chosen here, leave it out"
_IN_BODY = "goes into `body`, as the service wants it"
_ELSEWHERE = {
    **dict.fromkeys(
        ("severity", "severities", "level", "status", "statuses", "min_severity", "send_resolved"), _BY_CHECK
    ),
    **dict.fromkeys(
        ("channel", "room", "chat_id", "username", "icon_emoji", "to", "from", "subject", "text"), _IN_BODY
    ),
    **dict.fromkeys(("retries", "retry", "max_retries"), "is not needed: each event is tried until it is taken"),
}
STATUSES = ("ok", "warning", "critical", "nodata", "flapping", "info", "other")


def read(nodes: Mapping[str, Node]) -> tuple[dict[str, WebhookSettings], list[Fault]]:
    """Return those that are right, and what is wrong with the others."""
    destinations: dict[str, WebhookSettings] = {}
    faults: list[Fault] = []
    if (url := nodes.get("url")) and not isinstance(url.value, dict):
        text = "a destination has a name: write `name: {type: webhook, url: ...}` under it"
        return {}, [Fault(url.key or url.place, "agent.destinations", text)]
    for name, node in nodes.items():
        setting = f"agent.destinations.{name}"
        if not NAME.fullmatch(name) or name in (MAIN, TERMINAL):
            text = "must be a-z, 0-9, - or _, begin with a letter, and be neither 'events' nor 'terminal'"
            faults.append(Fault(node.key or node.place, setting, text))
        elif not isinstance(node.value, dict):
            faults.append(
                Fault(node.place, setting, f"must be settings such as {{type: webhook, url: ...}}, not {quote(node)}")
            )
        else:
            if text := _type_problem(node.value):
                faults.append(Fault(node.value["type"].place, f"{setting}.type", text))
                continue
            own = mark_secrets(WebhookSettings, node.value)
            values, wrong = settings(WebhookSettings, own, node.key or node.place, setting, elsewhere=_ELSEWHERE)
            wrong += [Fault(node.value[part].place, f"{setting}.{part}", text) for part, text in _problems(values)]
            faults += wrong
            if not wrong:
                destinations[name] = WebhookSettings(**values)
    return destinations, faults


def _type_problem(nodes: Mapping[str, Node]) -> str:
    """Say that a kind is not spoken here; what else is written may fit it, and is not judged."""
    node = nodes.get("type")
    if node is None or node.value == "webhook" or not isinstance(node.value, str) or nearest(node.value, ["webhook"]):
        return ""
    return f"must be 'webhook', not text {quote(node)}: most services take one, with a `body` of theirs"


def _problems(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield setting and what is wrong, for what its form does not show; only what was written can be wrong."""
    url, words = values.get("url", "http://x"), values.get("words", {})
    if text := _url_problem(url) or template.place_problem(url, words):
        yield "url", text
    if text := template.problem(values.get("body", "x"), words):
        yield "body", text
    if text := _only_problem(values.get("only", "*")):
        yield "only", text
    yield from (("headers", text) for text in _header_problems(values.get("headers", {})))
    yield from (("words", text) for text in _word_problems(values.get("words", {})))
    proxy = values.get("proxy", "")
    if proxy and (text := proxy_fault(proxy_url(proxy))):
        yield "proxy", text
    if text := file_fault(values.get("ca_file", "")):
        yield "ca_file", text
    if text := timeout_fault(values.get("timeout", 15)):
        yield "timeout", text


def _only_problem(only: str) -> str:
    """Say what no check can fit. Who writes a status means changes; a check of that name would be another thing."""
    word = only.strip().lower()
    if word in (*STATUSES, "crit", "warn") or word.startswith("status="):
        how = "write a name, web-*, or a tag, env=prod; each change of what fits is told"
        return f"says which checks, not which statuses: {how}"
    return selector.problem_in_file(only)


def _header_problems(headers: Mapping[str, str]) -> Iterator[str]:
    """Yield what cannot be sent; a value may be a key, and is not shown."""
    for name, value in headers.items():
        if not HEADER.fullmatch(name):
            start = HEADER.match(name)  # who writes `Authorization: Bearer x` as the name has a key in it
            yield f"a name of a header ends at its colon, and has no blanks: {start[0] if start else ''!r}"
        elif name.lower() in OF_THE_AGENT:
            yield f"{name} is set by the agent, leave it out"
        elif not value.isprintable() or value != value.strip():
            yield f"{name} must be one line, without blanks around it"
        elif place := template.first_place(value):
            yield f"{name}: {place} stands for something in `body` and `url` only"


def _word_problems(words: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for name, by_status in words.items():
        if unknown := sorted(set(by_status) - set(STATUSES)):
            yield f"{name}: {unknown[0]!r} is no status, write one of: {', '.join(STATUSES)}"


def _url_problem(text: str) -> str:
    host = host_of(text, ("http", "https"))
    if not host:
        return "is not an address, write for example https://ntfy.sh/my-topic"
    if ":" in host and "%" in host:
        return ZONE
    return ""
