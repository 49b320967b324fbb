"""What is a secret by its nature, however it is written: settings marked so, and names that say so. Pure."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from agent.api import Check
from agent.config.located_yaml.tree import UNSAID, Node
from agent.config.secrets.credentials import in_address, in_command, in_protocol, in_secret_address
from agent.config.sections.agent import fields
from agent.config.words.wording import members_of

_NAME = re.compile(r"PASS|[_-]PWD|SECRET|TOKEN|KEY|CRED|AUTH|COOKIE")
_OTHER_WORDS = re.compile(
    r"AUTHOR(?!I[SZ])|BYPASS|COMPASS|CREDIT|DONKEY|INCREDIB|KEY(?:BOARD|CLOAK|MAP|NOTE|SPACE|WORD)|MONKEY"
    r"|PASS(?:AGE|ENGER|IVE|PORT|THR)|SACRED|SECRETAR|TOKENI[SZ]|TURKEY"
)
"""Words with the same letters in them."""
_NAMED_SO = re.compile(r"(?:\w+_)?(?:password|passwd|passphrase|secret|(?:auth|bearer|access|api)_token|token|api_key)")
_SPOKEN = ("send", "steps")
"""Settings that say what is sent in a protocol of words."""
_ABOUT = re.compile(
    r"[_-](?:ALGORITHM|DIR|DOMAIN|FILE|HOST|HOSTNAME|LENGTH|METHOD|NAME|PATH|PORT|REALM|SIZE|SOCK|SOCKET|TIMEOUT|TTL|TYPE"
    r"|USER|USERNAME|SERVICE_PORT_\w+|TCP_ADDR|TCP_PORT|TCP_PROTO)$"
)
"""What a secret is kept in, or a service is reached at: AUTH_SERVICE_HOST, as Kubernetes sets it, is an address."""

_IN_A_URL = re.compile(r"://[^\s/?#@:]*:([^\s/?#@]+)@")
_BEHIND_ITS_NAME = re.compile(
    r"(?i)(?:pass(?:word|wd|phrase)|pwd|secret|token|(?:access|api|private|secret)[_-]?key)"
    r"[\"']?\s*[:=]\s*(?:(\"(?:[^\"\\]|\\.)*\")|'([^']*)'|([^\s\"';&,}]+))"
)
_NO_VALUE = "$<{*/"
"""What begins so is a variable, a placeholder, a structure or a path."""
_ANSWERS = frozenset(("true", "false", "yes", "no", "on", "off", "null", "none"))
Nodes = Mapping[str, Node]


def names_a_secret(name: str) -> bool:
    """Tell whether a variable or a header of this name holds a secret: DB_PASSWORD, API_KEY, Authorization."""
    upper = name.upper()
    return not _ABOUT.search(upper) and bool(_NAME.search(_OTHER_WORDS.sub("", upper)))


def passwords_in(text: str) -> Iterator[str]:
    """Yield the passwords in a text: of addresses (`postgres://user:PASSWORD@host`), behind their names, in JSON."""
    for word in _IN_A_URL.findall(text):
        yield word
        if "%" in word:
            from urllib.parse import unquote

            yield unquote(word)
    for quoted, *plain in _BEHIND_ITS_NAME.findall(text):
        for word in (quoted[1:-1], _unquote(quoted), *plain):
            if word and word[0] not in _NO_VALUE and word.lower() not in _ANSWERS:
                yield word


def _unquote(word: str) -> str:
    """Return a text of JSON as it is meant, which may have several lines; '' where it is none."""
    try:
        return msgspec.json.decode(word, type=str) if "\\" in word else ""
    except msgspec.DecodeError:
        return ""


def is_secret(struct: type[msgspec.Struct], name: str) -> bool:
    """Tell whether a setting is a secret by its nature: `Meta(extra={"secret": True})` says so."""
    return name in _secrets(struct)


@lru_cache(100)  # bounded: own types change while the agent runs
def _secrets(struct: type[msgspec.Struct]) -> frozenset[str]:
    of_a_type = issubclass(struct, Check)  # our own sections are marked
    return frozenset(
        name
        for name, field in fields(struct).items()
        if any(_marks(field.type)) or (of_a_type and _is_named_so(name, field.type))
    )


def _is_named_so(name: str, kind: Any) -> bool:
    """Tell a text whose name leaves no doubt, though its author did not mark it."""
    return bool(_NAMED_SO.fullmatch(name)) and str in members_of(kind)


def _marks(kind: Any) -> Iterator[bool]:
    for part in typing.get_args(kind):
        if isinstance(part, msgspec.Meta):
            if (part.extra or {}).get("secret"):
                yield True
        else:
            yield from _marks(part)


def mark_secrets(struct: type[msgspec.Struct], nodes: Nodes) -> dict[str, Node]:
    """Return the settings with those that are secrets marked, so that no message quotes them."""
    return {name: _mark(node) if is_secret(struct, name) else node for name, node in nodes.items()}


def _mark(node: Node) -> Node:
    value = node.value
    if isinstance(value, dict):
        value = {key: _mark(part) for key, part in value.items()}
    elif isinstance(value, list):
        value = [_mark(part) for part in value]
    origin = msgspec.structs.replace(node.origin, source=node.source or UNSAID)
    return msgspec.structs.replace(node, value=value, origin=origin)


def secret_values(struct: type[msgspec.Struct], nodes: Nodes) -> Iterator[str]:
    """Yield what must not show of these settings, those of sections inside included.

    Of a marked setting what came from the environment, and all of it where its name says so: a password, but not the
    body of a request. Of a mapping (headers, variables) the parts whose names say so. Of others the passwords in them.
    """
    for name, node in nodes.items():
        if is_secret(struct, name):
            yield from _values(node, name)
        elif name in fields(struct) and not isinstance(node.value, dict):
            yield from _credentials(name, node)
        elif name in fields(struct) and isinstance(node.value, dict):
            kind = fields(struct)[name].type
            for section in _sections(kind):
                yield from secret_values(section, node.value)
            parts = [part.value for part in node.value.values() if isinstance(part.value, dict)]
            for section in _sections(_items(kind)):
                yield from (secret for part in parts for secret in secret_values(section, part))


def _credentials(name: str, node: Node) -> Iterator[str]:
    """Yield the passwords in a command, or in what is an address, though the setting itself is no secret."""
    texts = [leaf.value for leaf in node.leaves() if isinstance(leaf.value, str) and not leaf.source]
    if name == "command":
        yield from in_command(texts if isinstance(node.value, list) else "".join(texts))
        return
    for text in (_with_scheme(name, text) for text in texts):
        if "://" in text:
            yield from in_address(text)
        if name in _SPOKEN:
            yield from in_protocol(text)


def _values(node: Node, name: str) -> Iterator[str]:
    if isinstance(node.value, dict):
        for key, part in node.value.items():
            if names_a_secret(key):
                yield from _values(part, key)
            elif isinstance(part.value, str):
                yield from passwords_in(part.value)
    elif isinstance(node.value, list):
        for part in node.value:
            yield from _values(part, name)
    else:
        yield from node.origin.parts
        if isinstance(node.value, str):
            yield from [node.value] if names_a_secret(name) else passwords_in(_with_scheme(name, node.value))
            if not node.source:
                yield from in_secret_address(node.value)


def _with_scheme(name: str, text: str) -> str:
    """Return the address of a proxy with a scheme, which many leave out, and anything else as it is."""
    return f"http://{text}" if name == "proxy" and "@" in text and "://" not in text else text


def _sections(kind: Any) -> list[type[msgspec.Struct]]:
    return [one for one in members_of(kind) if isinstance(one, type) and issubclass(one, msgspec.Struct)]


def _items(kind: Any) -> Any:
    """Return the type of a mapping's values; of anything else one that holds nothing."""
    mapping = [one for one in members_of(kind) if typing.get_origin(one) is dict]
    return typing.get_args(mapping[0])[1] if mapping else str
