"""Reads YAML into a tree; refuses double keys, bombs and surprises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec
import yaml

from agent.config.located_yaml.advice import explain, short, tag_advice, without_sign
from agent.config.located_yaml.lines import Lines
from agent.config.located_yaml.tree import AS_WRITTEN, EMPTY, Node, Origin, Refusal
from agent.config.settings import Place

MOST_DEPTH = 32
"""Far beyond what anybody writes, and far below where Python ends a recursion."""
MOST_VALUES = 100_000
"""Aliases of aliases make millions of values out of one page."""
LONG = 256
"""So many characters count as one more value: a long text that thousands of aliases name is as much work as many."""

_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]{0,17})(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,2})?")
_CONTROL = yaml.reader.Reader.NON_PRINTABLE  # compiled already, which takes 3 ms
_TOO_DEEP = f"nested more than {MOST_DEPTH} levels deep"
_WORDS = {"true": True, "false": False, "null": None, "~": None}

# YAML libraries come with and without libyaml; without it the same events arrive, more slowly.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(Exception):
    """The file as a whole cannot be read as YAML."""

    def __init__(self, place: Place, text: str) -> None:
        super().__init__(text)
        self.place, self.text = place, text


def parse(content: bytes, file: str) -> Node:
    """Read one YAML document; YamlError where it is none. `file` is the name that places carry."""
    text = _decode(content, file)
    lines = Lines(text, file)
    try:
        return _Composer(yaml.parse(text, Loader=_LOADER), lines, file).document()
    except yaml.MarkedYAMLError as error:
        raise YamlError(*explain(error, lines, file)) from None
    except yaml.YAMLError as error:
        raise YamlError(Place(file), f"not YAML: {error}") from None


def scalar(text: str) -> str | int | float | bool | None:
    """Read an unquoted value as YAML 1.2 does, and stricter: `no`, `0755`, `1:30` and dates are text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


class _Composer:
    """Builds the tree out of the parser's events, so that depth and size are bounded before anything is built."""

    def __init__(self, events: Iterator[Any], lines: Lines, file: str) -> None:
        self._events = events
        self._lines = lines
        self._file = file
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._size = 0
        self._names: dict[str, str] = {}
        """Of equal keys the first: the same few stand in thousands of checks."""
        self._origins: dict[str, Origin] = {}

    def document(self) -> Node:
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return Node({}, Place(self._file))
        tree = self._node(next(self._events), 0)
        next(self._events)
        more = next(self._events)
        if not isinstance(more, yaml.StreamEndEvent):
            self._stop(more, "a second YAML document begins here, write one document a file: remove this line")
        return tree

    def _node(self, event: Any, depth: int) -> Node:
        if depth > MOST_DEPTH:
            self._stop(event, _TOO_DEEP)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        before = self._size
        self._grow(event, 1 + len(getattr(event, "value", "")) // LONG)
        value = self._value(event, depth)
        if event.tag is not None and event.tag.startswith("!="):
            value = Refusal("a value cannot begin with '!', put quotes around it")
        elif event.tag is not None:
            value = Refusal(f"the tag {short(event.tag)} is not supported, {tag_advice(event.tag)}")
        node = Node(value, self._place(event), origin=self._origin(event, value))
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self._size - before, _height(node))
        return node

    def _origin(self, event: Any, value: Any) -> Origin:
        """Return what is known of a value beside it: of those written alike one."""
        if value is not None and not isinstance(value, int | float):
            return AS_WRITTEN
        return self._origins.setdefault(event.value, Origin(event.value))

    def _value(self, event: Any, depth: int) -> Any:
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(depth)
        if _CONTROL.search(event.value):
            return Refusal("control characters are not allowed in a value")
        if not event.value and event.implicit[0]:
            return EMPTY
        if not event.value and event.style in (">", "|") and (sign := self._sign(event)):
            return Refusal(f"{sign} begins a text on the lines below: {without_sign(sign)}")
        return scalar(event.value) if event.implicit[0] else event.value

    def _sign(self, event: Any) -> str:
        """Return a comparison such as `>3`, which to YAML is a text indented by three; empty where it is another."""
        place = self._place(event)
        sign = re.match(r"[>|]\d", self._lines.line(place.line)[place.column - 1 :])
        return sign[0] if sign else ""

    def _sequence(self, depth: int) -> list[Node]:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, Node]:
        nodes: dict[str, Node] = {}
        merges: list[Node] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            is_merge = isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]
            key = self._node(event, depth + 1)
            value = msgspec.structs.replace(self._node(next(self._events), depth + 1), key=key.place)
            if is_merge:
                merges.append(value)
            else:
                self._put(nodes, key, value)
        for value in merges:
            self._merge(nodes, value)
        return nodes

    def _put(self, nodes: dict[str, Node], key: Node, value: Node) -> None:
        place, name = key.place, key.value
        if not isinstance(name, str):
            refusal = name if isinstance(name, Refusal) else Refusal(_key_fault(name))
            nodes[f"key at {place}"] = Node(refusal, place, place)
        elif name in nodes:
            earlier = nodes[name].value
            first = nodes[name] if not (isinstance(earlier, Refusal) and earlier.first) else earlier.first
            text = f"{short(name)} is written twice, first at {first.key}: remove one"
            nodes[name] = Node(Refusal(text, first), place, first.key)
        else:
            nodes[self._names.setdefault(name, name)] = value

    def _merge(self, nodes: dict[str, Node], value: Node) -> None:
        """Take in what `<<` names; what the mapping says itself, or an earlier `<<`, wins."""
        for source in value.value if isinstance(value.value, list) else [value]:
            if isinstance(source.value, dict):
                for name, node in source.value.items():
                    nodes.setdefault(name, node)
            else:
                text = "<< needs a mapping, or an alias of one"
                nodes[f"key at {source.place}"] = Node(Refusal(text), source.place, value.key)

    def _alias(self, event: Any, depth: int) -> Node:
        if event.anchor not in self._anchors:
            name = f"*{short(event.anchor)[1:-1]}"
            below = self._lines.number_of(f"&{event.anchor}", self._place(event).line)
            how = (
                f"move up what &{name[1:]} names in line {below}"
                if below
                else "put quotes around text that begins with *"
            )
            self._stop(event, f"{name} names no complete value above; {how}")
        node, size, height = self._anchors[event.anchor]
        self._grow(event, size)
        if depth + height > MOST_DEPTH:
            self._stop(event, _TOO_DEEP)
        return node

    def _grow(self, event: Any, size: int) -> None:
        self._size += size
        if self._size > MOST_VALUES:
            self._stop(event, f"more than {MOST_VALUES} values, aliases included; split the file")

    def _place(self, event: Any) -> Place:
        return self._lines.place(event.start_mark.index)

    def _stop(self, event: Any, text: str) -> NoReturn:
        raise YamlError(self._place(event), text)


def _height(node: Node) -> int:
    below = node.value.values() if isinstance(node.value, dict) else node.value if isinstance(node.value, list) else ()
    return 1 + max(map(_height, below), default=-1)


def _key_fault(key: object) -> str:
    if isinstance(key, dict):
        return "a key must be text: put quotes around what begins with {; {{ is of a template that was not filled in"
    if isinstance(key, list):
        return "a key must be text: put quotes around what begins with { or ["
    literal = key if isinstance(key, float) else msgspec.json.encode(key).decode()
    return f'a key must be text: write "{literal}"'


def _decode(content: bytes, file: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace").removeprefix("\ufeff")
        place = Lines(f"{before}x", file).place(len(before))
        raise YamlError(place, f"byte {error.start + 1} of the file is not UTF-8: save the file as UTF-8") from None
    if match := _CONTROL.search(text):
        place = Lines(text, file).place(match.start())
        raise YamlError(place, f"control character {match[0]!r} is not allowed: remove it") from None
    return text
