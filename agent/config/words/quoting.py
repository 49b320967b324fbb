"""How what stands in a file is shown in a message: on one line, cut, and without secrets."""

from __future__ import annotations

import re

import msgspec

from agent.config.located_yaml.tree import Node

MOST_TEXT = 600
"""Characters of a message."""


def quote(node: Node) -> str:
    """Show a value in a message, briefly; an expanded one only by its `${...}`."""
    if node.source:
        return f"the value of {node.source}"
    if isinstance(node.value, str):
        return short(node.value)
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, list):
        return "a list"
    if node.value is None or isinstance(node.value, bool):
        return str(msgspec.json.encode(node.value).decode())
    return f"the number {node.value}"


_USER = re.compile(r"(?<=://)[^/\s@]+(?=@)")


def without_user(text: str) -> str:
    """Hide user and password of addresses in a text."""
    return _USER.sub("***", text)


def short(text: str) -> str:
    text = without_user(text)
    return repr(text if len(text) <= 60 else text[:57] + "...")


def one_line(text: str) -> str:
    text = without_user(text)
    text = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 3] + "..."


def safe(text: str, node: Node) -> str:
    """A complaint about an expanded value may quote it, so only the fact remains."""
    return "does not fit here" if node.source else one_line(text)
