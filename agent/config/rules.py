"""What settings must fulfil together, and tags: the rules behind the types. Pure: values in, faults out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agent.api import Check
from agent.config.calendar.cron import normal
from agent.config.calendar.spans import LONGEST, SHORTEST, span
from agent.config.calendar.zones import zone_fault
from agent.config.fault import Fault
from agent.config.located_yaml.tree import Node
from agent.config.sections.agent import fields, usual
from agent.config.sections.check import CheckSection
from agent.config.settings import Place
from agent.config.tags import OURS, RESERVED
from agent.config.words.quoting import one_line, quote, safe, short
from agent.config.words.unfilled import is_unfilled
from agent.plugin.units import Level, duration_text

MOST_TAGS = 100

SHARE_OF_INTERVAL = 0.8
"""The timeout of a check whose interval is not longer than the usual timeout."""

OWN_NAME = "hostvigil"
"""The check by which the agent speaks of itself."""

NAME = r"^(?!\.\.?$)[^\s:=*?\[\]-][^\s:=*?\[\]]{0,99}$"
"""What a check may be called: selectors and commands read the other characters differently."""

Nodes = Mapping[str, Node]


def tags(nodes: Nodes, place: str = "tags") -> Iterator[Fault]:
    """Check tags by the API's rules: names, one-line values, lengths."""
    if len(nodes) > MOST_TAGS:
        first = next(iter(nodes.values()))
        yield Fault(first.key or first.place, place, f"has {len(nodes)} tags, at most {MOST_TAGS} are sent")
    for name, node in nodes.items():
        if node.place == node.key:
            continue  # its name is no text, or stands twice, which is said already
        if text := _tag_name(name):
            yield Fault(node.key or node.place, place, text)
        if isinstance(node.value, str) and (text := _tag_value(node.value)):
            yield Fault(node.place, f"{place}.{name}", f"{quote(node)} {text}")


def _tag_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,255}", name):
        usual = re.sub(r"[^a-z0-9_]", "_", name.lower()).lstrip("_0123456789")[:60]
        return f"the name {short(name)} may have only a-z, 0-9 and _, and begins with a letter" + (
            f": write {usual}" if usual else ""
        )
    if name in RESERVED or name.startswith("df_"):
        return f"the name '{name}' is reserved by the API, choose another"
    if name == "host":
        return "the name 'host' is set by the agent itself: set agent.hostname instead"
    if name in OURS:
        return f"the name '{name}' is set by the agent itself, choose another"
    return ""


def _tag_value(value: str) -> str:
    if not value.strip():
        return "is empty, which the API does not take: remove the tag"
    if not value.isprintable():
        return "must be one line without control characters"
    if is_unfilled(value):
        return "is not filled in here: write what is meant, or ${env:NAME} for a variable of the agent"
    return "is longer than 1024 bytes" if len(value.encode()) > 1024 else ""


def check_name(name: str) -> str:
    """Say what is wrong with a check's name; nothing is ''."""
    if name == OWN_NAME:
        return "is the agent's own, choose another"
    if not name.strip() or not name.isprintable():
        return "must be one line of text without control characters"
    if name.startswith("-"):
        return "must not begin with '-', which begins options of commands"
    if name in (".", ".."):
        return "must not be . or .., which lead elsewhere in addresses and paths"
    if wrong := re.search(r"[\s:=*?\[\]]", name):
        usual = re.sub(r"[\s:=*?\[\]]+", "-", name).strip("-")[:60] or "shop"
        return f"must be without {wrong[0]!r}, which means something else in selectors: write {usual}"
    return "is longer than 100 characters" if len(name) > 100 else ""


def patience(common: CheckSection, timeout: float) -> float:
    """Return for how many seconds one result can speak: until the next one must have come."""
    return 86_400.0 if common.cron else float(common.interval) + timeout + 5.0


def times(values: Mapping[str, Any], nodes: Nodes) -> Iterator[Fault]:
    """Check interval, timeout, retry interval and cron against each other; `values` are those that are understood."""
    for name in ("interval", "timeout", "retry_interval"):
        shortest = 0.001 if name == "timeout" else SHORTEST
        if name in nodes:
            yield from span(nodes[name], values.get(name), name, shortest, LONGEST)
    if "cron" in nodes:
        yield from _cron(values, nodes)
        return
    if "timezone" in nodes:
        node = nodes["timezone"]
        yield Fault(node.key or node.place, "timezone", "belongs to `cron`, which this check does not have: remove it")
    interval = values.get("interval", usual(CheckSection, "interval"))
    if "timeout" in nodes and values.get("timeout", 0) >= interval >= SHORTEST:
        text = f"{quote(nodes['timeout'])} must be below the interval of {duration_text(interval)}"
        yield Fault(nodes["timeout"].place, "timeout", text)
    if "retry_interval" in nodes and values.get("retry_interval", 0) > interval:
        text = f"{quote(nodes['retry_interval'])} must not be above the interval of {duration_text(interval)}"
        yield Fault(nodes["retry_interval"].place, "retry_interval", text)


def _cron(values: Mapping[str, Any], nodes: Nodes) -> Iterator[Fault]:
    if "interval" in nodes:
        node = nodes["cron"]
        yield Fault(node.key or node.place, "cron", "stands beside `interval`: remove one of them")
    zone = values.get("timezone", "")
    if "timezone" in nodes and "timezone" in values and (text := zone_fault(zone)):
        node = nodes["timezone"]
        yield Fault(node.place, "timezone", f"{quote(node)} {safe(text, node)}")
        zone = ""
    if "cron" in values:
        try:
            normal(values["cron"], zone)
        except ValueError as error:
            yield Fault(nodes["cron"].place, "cron", f"{quote(nodes['cron'])} {safe(str(error), nodes['cron'])}")


def timeout(common: CheckSection, nodes: Nodes) -> float:
    """Return the timeout in seconds: as written or by default, or a share of an interval that is too short for it."""
    if "timeout" in nodes or common.cron or common.timeout < common.interval:
        return float(common.timeout)
    return float(common.interval) * SHARE_OF_INTERVAL


def levels(kind: type[Check], values: Mapping[str, Any], nodes: Nodes) -> Iterator[Fault]:
    """Compare each `warning` with its `critical`: what is critical must be a warning as well."""
    defaults = {name: field.default for name, field in fields(kind).items()}
    for name in defaults:
        other = name.replace("warning", "critical")
        if name == other or not (name in nodes or other in nodes):
            continue
        low, high = (values.get(setting) if setting in nodes else defaults.get(setting) for setting in (name, other))
        if isinstance(low, Level) and low.plain == 0 and not low.upper:
            continue  # below zero: switched off
        if isinstance(low, Level) and isinstance(high, Level) and not high.range.implies(low.range):
            at = nodes[other] if other in nodes else nodes[name]
            text = f"{_level(high, other, nodes)} comes before {name} {_level(low, name, nodes)}: swap or move them"
            yield Fault(at.place, other, text)


def _level(level: Level, name: str, nodes: Nodes) -> str:
    if name not in nodes:
        return f"{level} (the default)"
    sources = [leaf.source for leaf in nodes[name].leaves() if leaf.source]
    return f"the value of {sources[0]}" if sources else str(level)


def own(check: Check, nodes: Nodes, place: Place) -> Iterator[Fault]:
    """Ask the type itself what is wrong with its settings."""
    expanded = [leaf for node in nodes.values() for leaf in node.leaves() if leaf.source]
    try:
        problems = list(check.problems())
    except Exception as error:  # noqa: BLE001 - a type is foreign code
        text = "" if expanded else f": {one_line(str(error))}"
        yield Fault(place, "", f"cannot be judged: `problems` of its type raised {type(error).__name__}{text}")
        return
    for problem in problems:
        if not _is_pair_of_texts(problem):
            fault = f"gave a {type(problem).__name__}, write `yield setting, text`"
            yield Fault(place, "", f"cannot be judged: `problems` of its type {fault}")
            continue
        setting, text = problem
        node = nodes.get(setting)
        leak = _leak(text, node.leaves() if node else (), 3) or _leak(text, expanded, 6)
        advice = f"the value of {leak} does not fit (why might quote it)" if leak else ""
        yield Fault(node.place if node else place, setting, advice or one_line(text))


def _is_pair_of_texts(problem: object) -> bool:
    return isinstance(problem, tuple | list) and len(problem) == 2 and all(isinstance(part, str) for part in problem)


def _leak(text: str, leaves: Iterable[Node], most: int) -> str:
    """Return the `${...}` whose value a text quotes, by `most` characters in a row; '' for none."""
    return next((leaf.source for leaf in leaves if leaf.source and _quotes(text, leaf.value, most)), "")


def _quotes(text: str, secret: str, most: int) -> bool:
    """Tell whether a text has so many characters in a row of a secret, in either case, or a whole shorter one."""
    size, secret, text = min(most, len(secret)), secret.lower(), text.lower()
    if len(secret) < most:  # within words each text has such letters
        return re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", text) is not None
    return any(secret[at : at + size] in text for at in range(len(secret) - size + 1))
