"""Files in the form of another program, and which it is: said once, at the place that shows it."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterable
from typing import NamedTuple

HERE = "here a check is `name: {type: disk, ...}` under `checks:`"


class Form(NamedTuple):
    """What a file is instead of a drop-in."""

    at: int
    """The first character that shows it."""
    text: str


_TEXTS = (
    (
        r"(?:\A|[\r\n])[ \t]*(define[ \t]+(?:host|service|command|contact)\w*|(?:object|apply)[ \t]+\w+)",
        "Nagios and Icinga",
        HERE,
    ),
    (
        r"(?:\A|[\r\n])(command\[\w+\][ \t]*=)",
        "NRPE",
        "move the file to another folder and run `hostvigil import nrpe FILE`, which writes the drop-in",
    ),
    (
        r"(?:\A|[\r\n])(check[ \t]+(?:process|filesystem|host|file|system|program|network)|set[ \t]+daemon)\b",
        "Monit",
        HERE,
    ),
    (r"(?:\A|[\r\n])(UserParameter[ \t]*=)", "Zabbix", HERE),
    (r"(?:\A|[\r\n])(LoadPlugin[ \t]+\w+|<Plugin\b)", "collectd", HERE),
    (
        r"\A[ \t\r\n]*(<(?:!doctype[ \t]+html|html|head|body)\b)",
        "a web page",
        "what was downloaded is no drop-in, look at its address",
    ),
    (
        r"(?:\A|[\r\n])(@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@)",
        "a patch",
        "apply it with `patch`, and leave it elsewhere",
    ),
    (r"\A(#![ \t]*/\S+)", "a script", "name it in `command:` of a check of type script, and leave it elsewhere"),
    (
        r"\A(?:[ \t]*(?:[#;][^\r\n]*)?(?:\r\n?|\n))*[ \t]*(\[{1,2}[\w.\" -]{1,60}\]{1,2})[ \t]*[\r\n]",
        "TOML and INI files",
        HERE,
    ),
)
_FORMS = tuple((re.compile(pattern.encode(), re.IGNORECASE), whose, instead) for pattern, whose, instead in _TEXTS)
_CONFLICT = re.compile(rb"(?:\A|[\r\n])(<{7}|>{7})(?: |[\r\n]|\Z)")

_SECTIONS = {
    "init_config": "Datadog",
    "instances": "Datadog",
    "route": "Alertmanager",
    "scrape_configs": "Prometheus",
    "groups": "Prometheus",
    "modules": "the blackbox exporter",
    "inputs": "Telegraf",
    "receivers": "OpenTelemetry",
    "metricbeat.modules": "Metricbeat",
    "heartbeat.monitors": "Heartbeat",
    "endpoints": "Gatus",
    "zabbix_export": "Zabbix",
    "apiVersion": "Kubernetes",
    "api_version": "Sensu",
    "services": "Docker Compose",
    "monitorList": "Uptime Kuma",
    "logs_enabled": "Datadog",
    "dd_url": "Datadog",
    "datadog": "Datadog",
    "tasks": "Ansible",
    "hosts": "Ansible",
}
"""Sections by which a file is known, and of which program; the first that a file has says it."""


def tool_of_section(name: str) -> str:
    """Return the program whose section this is; '' for none that is known."""
    return _SECTIONS.get(name, "")


def tool_of_file(names: Iterable[str]) -> str:
    """Return the program whose file has these sections; '' where that is not known."""
    names = set(names)
    return next((tool for name, tool in _SECTIONS.items() if name in names), "")


def form_of(content: bytes) -> Form | None:
    """Say in which other form than YAML a file is written; None where nothing shows that.

    Characters are counted without a mark at the beginning.
    """
    content = content.removeprefix(BOM_UTF8)
    for pattern, whose, instead in _FORMS:
        if match := pattern.search(content):
            shown = match[1].decode(errors="replace")
            return Form(_index(content, match.start(1)), f"`{shown}` is the form of {whose}, not YAML: {instead}")
    if match := _CONFLICT.search(content):
        text = f"`{match[1].decode()}` is left from a merge that is not done: keep one side of it"
        return Form(_index(content, match.start(1)), text)
    return None


def _index(content: bytes, at: int) -> int:
    """Return which character the byte is."""
    return len(content[:at].decode(errors="replace"))
