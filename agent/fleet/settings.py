"""relay.yaml: one class is the settings, their defaults and their documentation; read like the agent's drop-ins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from agent.config import parents
from agent.config.agent_section import FILES, events_fault, page_fault
from agent.config.calendar import windows
from agent.config.convert import settings
from agent.config.fault import Fault
from agent.config.file_path import file_fault
from agent.config.files.content import Unreadable, format_path, regular_file
from agent.config.located_yaml.parser import YamlError, parse
from agent.config.located_yaml.tree import Node, Refusal
from agent.config.parents import depends_on
from agent.config.secrets.references import Secrets
from agent.config.sections.agent import AgentWindow, EventsSettings, Section
from agent.config.sections.check import Parents
from agent.config.sections.values import Rate
from agent.config.selector import problem_in_file
from agent.config.settings import Maintenance, Place
from agent.config.words.quoting import quote
from agent.fleet.holding import Rule
from agent.plugin.units import Duration

MOST_BYTES = 1024 * 1024


class RelayEvents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the relay reaches the API."""

    endpoint: Annotated[str, Meta(description="The API's address, such as https://us1-openapi.truewatch.com.")]
    api_keys: Annotated[tuple[str, ...], Meta(description="Key ids of one workspace, best as ${file:...}.")]
    rate_limit: Annotated[Rate, Meta(description="Most requests with one key.")] = Rate(20)
    workspace_limit: Annotated[Rate, Meta(description="Most requests with all keys together.")] = Rate(200)
    timeout: Annotated[Duration, Meta(description="Longest wait for one request, 1s to 10m.")] = Duration(15)
    proxy: Annotated[str, Meta(description="Address of an HTTP proxy, whatever the environment says.")] = ""
    ca_file: Annotated[
        str, Meta(description="PEM file of the CAs to trust instead of the host's and the usual ones (Mozilla's).")
    ] = ""
    client_cert: Annotated[str, Meta(description="File with the client's certificate, PEM.")] = ""
    client_key: Annotated[str, Meta(description="File with the client certificate's key, PEM.")] = ""

    def of_key(self, key: str) -> EventsSettings:
        """Return the same as an agent's settings with one of the keys."""
        names = ("endpoint", "timeout", "proxy", "ca_file", "client_cert", "client_key")
        return EventsSettings(api_key=key, **{name: getattr(self, name) for name in names})


class Site(Section, frozen=True):
    """Hosts behind others."""

    select: Annotated[str, Meta(description="Which changes: site=berlin, host=web-*, check names; all must fit.")]
    on: Annotated[
        str | tuple[str, ...] | Parents,
        Meta(description="What they depend on: HOST/CHECK, or HOST for its signs of life; several, or {all: ...}."),
    ]
    wait: Annotated[
        Duration, Meta(description="How long a problem waits, so that what it depends on is heard first, 0s to 10m.")
    ] = Duration(60)


class RelaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the relay."""

    broker: Annotated[str, Meta(description="The NATS servers, nats://HOST:4222, several with commas.")]
    state: Annotated[str, Meta(description="Directory that this relay keeps what it told in; each has its own.")]
    events: Annotated[RelayEvents, Meta(description="How the relay reaches the API.")]
    credentials: Annotated[str, Meta(description="File with the relay's nkey seed.")] = ""
    ca_file: Annotated[str, Meta(description="PEM file of the CAs to trust instead of the host's.")] = ""
    client_cert: Annotated[str, Meta(description="File with the relay's certificate for the broker, PEM.")] = ""
    client_key: Annotated[str, Meta(description="File with that certificate's key, PEM.")] = ""
    lease: Annotated[Duration, Meta(description="How long after a relay's end the next one begins, 1s to 5m.")] = (
        Duration(5)
    )
    depends_on: Annotated[
        tuple[Site, ...], Meta(description="What is not told while checks of other hosts are critical or nodata.")
    ] = ()
    maintenance: Annotated[
        AgentWindow | tuple[AgentWindow, ...] | None,
        Meta(description="One window or a list of them in which nothing is told of what `select` chooses."),
    ] = None
    page: Annotated[
        str, Meta(description="Where its page and /metrics are served: 127.0.0.1:8742 or unix:/path; unless set: none.")
    ] = ""
    replicas: Annotated[int, Meta(ge=1, le=5, description="On how many NATS servers each change is kept.")] = 1

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(Rule(one.select, depends_on(one.on), float(one.wait)) for one in self.depends_on)

    @property
    def windows(self) -> tuple[Maintenance, ...]:
        return windows.windows(self.maintenance)


class RelayConfigError(Exception):
    """The settings cannot be read. Its text says where and what to write instead."""


def read(path: Path, environ: Mapping[str, str]) -> tuple[RelaySettings, frozenset[str]]:
    """Return the settings and the values that must not show; RelayConfigError names every mistake."""
    secrets = Secrets(environ)
    try:
        tree = secrets.expand(parse(regular_file(path, MOST_BYTES), format_path(path)), path.parent)
    except Unreadable as error:
        raise RelayConfigError(f"{format_path(path)}: {error}") from None
    except YamlError as error:
        raise RelayConfigError(f"{error.place}: {error.text}") from None
    node = _section(tree)
    values, faults = settings(RelaySettings, node.value, node.place, "relay")
    faults += [*_find_strays(tree.value), *_wrong(values, node.value)]
    if faults:
        raise RelayConfigError("\n".join(f"{fault.place}: {fault}" for fault in faults))
    config = RelaySettings(**values)
    state = str(path.parent / config.state)
    return msgspec.structs.replace(config, state=state), frozenset({*secrets.values, *config.events.api_keys} - {""})


def _section(tree: Node) -> Node:
    node = tree.value.get("relay") if isinstance(tree.value, dict) else None
    if isinstance(node, Node) and isinstance(node.value, dict):
        return node
    if isinstance(node, Node) and isinstance(node.value, Refusal) and node.value.first:
        raise RelayConfigError(f"{node.place}: {node.value.text}")
    raise RelayConfigError(f"{tree.place}: write a section `relay:` with broker, state and events")


def _find_strays(tree: Mapping[str, Node]) -> Iterator[Fault]:
    """Yield what stands beside `relay:`, but for what only holds anchors: nobody would read it."""
    for name, node in tree.items():
        if name == "relay" or name.startswith(("x-", "_", ".")):
            continue
        text = f"unknown section {name!r}: all settings stand under `relay:`"
        if name in RelaySettings.__struct_fields__:
            text = f"{name!r} stands under `relay:`: indent it and all below it"
        yield Fault(node.key or node.place, "", node.value.text if isinstance(node.value, Refusal) else text)


def _wrong(values: Mapping[str, Any], nodes: Mapping[str, Node]) -> Iterator[Fault]:
    """Judge what the form does not show."""
    if "broker" in values and (text := events_fault("broker", values["broker"])):
        yield _fault(nodes["broker"], "broker", text)
    yield from _wrong_files(values, nodes, "")
    if "lease" in values and not 1 <= values["lease"] <= 300:
        yield _fault(nodes["lease"], "lease", "must be between 1s and 5m")
    if values.get("page") and (text := page_fault(values["page"])):
        yield _fault(nodes["page"], "page", f"{quote(nodes['page'])} {text}")
    if values.get("maintenance"):
        yield from windows.faults(nodes["maintenance"], values["maintenance"], "relay.maintenance")
    for at, site in enumerate(values.get("depends_on", ())):
        yield from _site(site, nodes["depends_on"].value[at], f"depends_on.{at}")
    if isinstance(nodes.get("events"), Node) and isinstance(nodes["events"].value, dict):
        yield from _wrong_events(nodes["events"].value)


def _wrong_events(nodes: Mapping[str, Node]) -> Iterator[Fault]:
    values, _ = settings(RelayEvents, nodes, Place(""))
    for name in ("endpoint", "timeout", "proxy"):
        if values.get(name) and (text := events_fault(name, values[name])):
            yield _fault(nodes[name], f"events.{name}", f"{quote(nodes[name])} {text}")
    yield from _wrong_files(values, nodes, "events.")
    if "timeout" in values and not values["timeout"]:
        yield _fault(nodes["timeout"], "events.timeout", "must be between 1s and 10m")
    keys = values.get("api_keys", ("",))
    if not keys:
        yield _fault(nodes["api_keys"], "events.api_keys", "must be a list of keys, at least one")
    for at, key in enumerate(keys if "api_keys" in values else ()):
        if text := events_fault("api_key", key):
            yield _fault(nodes["api_keys"].value[at], f"events.api_keys.{at}", text)
    if len(set(keys)) < len(keys):
        yield _fault(nodes["api_keys"], "events.api_keys", "names a key twice: each has its own limit only once")


def _wrong_files(values: Mapping[str, Any], nodes: Mapping[str, Node], section: str) -> Iterator[Fault]:
    for name in FILES:
        if text := file_fault(values.get(name, "")):
            yield _fault(nodes[name], f"{section}{name}", text)


def _site(site: Site, node: Node, setting: str) -> Iterator[Fault]:
    if text := problem_in_file(site.select):
        yield _fault(
            node.value["select"], f"{setting}.select", f"{quote(node.value['select'])} does not select: {text}"
        )
    if not 0 <= site.wait <= 600:
        yield _fault(node.value["wait"], f"{setting}.wait", "must be between 0s and 10m")
    on = node.value["on"]
    for fault in parents.faults(on, site.on):
        yield _fault(on, f"{setting}.on", fault.text)
    for name in parents.name_nodes(on):
        host, slash, check = str(name.value).partition("/")
        if not host or " " in host or bool(slash) != bool(check):
            yield _fault(name, f"{setting}.on", f"{quote(name)} is no HOST/CHECK and no HOST")


def _fault(node: Node, setting: str, text: str) -> Fault:
    return Fault(node.place, f"relay.{setting}", text)
