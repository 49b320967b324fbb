"""`${file:PATH}` and `${env:NAME}` in string values; what comes out of a file, or is a secret by its name, never shows.

Containers get all of their settings by the environment: a port or a role is not hidden, for it would be cut out of
every text. `${env:NAME!secret}` and `${env:NAME!plain}` say what a name does not.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from agent.config.files.content import Unreadable, regular_file, with_version
from agent.config.files.patience import Patience
from agent.config.located_yaml.tree import Node, Origin, Refusal
from agent.config.secrets.secrecy import names_a_secret, passwords_in

MOST_BYTES = 64 * 1024
HIDDEN = "***"
_REFERENCE = re.compile(r"\$\$\{|\$\{(?:([^}]*)\})?")


class Secrets:
    """Expands references, and remembers every value that came out."""

    def __init__(self, environ: Mapping[str, str], patience: Patience | None = None) -> None:
        self.values: set[str] = set()
        self._environ = environ
        self._files: dict[Path, str | Unreadable] = {}
        self._patience = patience or Patience()
        self.sources: dict[str, tuple[int, int, int]] = {}
        """The files that were read, and their versions."""

    def expand(self, node: Node, folder: Path, path: tuple[str, ...] = ()) -> Node:
        """Return the tree with every reference replaced; where that fails, a Refusal. Relative to `folder`.

        `path` is where the node stands. Texts that are only shown to people get no secret at all.
        """
        value = node.value
        if isinstance(value, str):
            return self._text(node, value, folder, path) if "${" in value else node
        if isinstance(value, dict):
            values = {key: self.expand(sub, folder, (*path, str(key))) for key, sub in value.items()}
            return _with_value(node, values, zip(values.values(), value.values(), strict=True))
        if isinstance(value, list):
            items = [self.expand(sub, folder, path) for sub in value]
            return _with_value(node, items, zip(items, value, strict=True))
        if isinstance(value, Refusal) and value.first:
            refusal = Refusal(value.text, self.expand(value.first, folder, path))
            return msgspec.structs.replace(node, value=refusal)
        return node

    def _text(self, node: Node, text: str, folder: Path, path: tuple[str, ...]) -> Node:
        sources: list[str] = []
        parts: list[str] = []

        def value_of(match: re.Match[str]) -> str:
            if match[0] == "$${":
                return "${"
            sources.append(match[0])
            value, secret = self._value(match[1], folder)
            if secret:
                self.values.add(value)
            else:
                parts.append(value)
            if not match[0].endswith("!plain}"):
                self.values.update(passwords_in(value))
            return HIDDEN if secret and _only_shown(path) else value

        try:
            new_text = _REFERENCE.sub(value_of, text)
        except Unreadable as error:
            return msgspec.structs.replace(node, value=Refusal(f"{_short(sources[-1])} {error}"))
        origin = Origin(literal=text, source=_short(" ".join(sources)), parts=tuple(parts))
        return msgspec.structs.replace(node, value=new_text, origin=origin)

    def _value(self, reference: str | None, folder: Path) -> tuple[str, bool]:
        """Return what a reference stands for, and whether it is a secret."""
        kind, _, name = (reference or "").partition(":")
        if kind == "file" and name:
            return self._file(folder / name), True
        name, bang, mark = name.partition("!")
        if kind == "env" and re.search(r":[-=?+]", name):
            raise Unreadable("is of a shell: no default is taken here, write ${env:NAME} and set the variable")
        if kind == "env" and name and (not bang or mark in ("secret", "plain")):
            value = self._environ.get(name)
            if not value:
                raise Unreadable("is empty" if value == "" else "is not set in the environment of the agent")
            secret = mark == "secret" or (not bang and names_a_secret(name))
            return _decode(value.encode(errors="surrogateescape")), secret
        raise Unreadable("is not understood: write ${file:PATH} or ${env:NAME}, or $${ for a plain ${")

    def _file(self, path: Path) -> str:
        if path not in self._files:
            self.read([path])
        content = self._files[path]
        if isinstance(content, Unreadable):
            raise content.with_traceback(None)
        return content

    def read(self, files: Iterable[Path]) -> None:
        """Read these files together; what hangs is not watched for changes either."""
        paths = [path for path in dict.fromkeys(files) if path not in self._files]
        questions = {str(path): partial(with_version, path, _content) for path in paths}
        for path, (key, content) in zip(paths, self._patience.all(questions).items(), strict=True):
            if isinstance(content, Unreadable):
                self._files[path] = content
            elif isinstance(content, BaseException):
                raise content
            else:
                self.sources[key], self._files[path] = content


def _with_value(node: Node, value: Any, parts: Iterable[tuple[Node, Node]]) -> Node:
    """Return the node with this value; itself where no part is another one, as nearly all have no reference."""
    return msgspec.structs.replace(node, value=value) if any(one is not before for one, before in parts) else node


def files_in(node: Node, folder: Path) -> Iterator[Path]:
    """Yield the files that a tree refers to, relative to `folder`."""
    value = node.value
    if isinstance(value, str):
        matches = (_REFERENCE.finditer(value)) if "${file:" in value else ()
        yield from (folder / name for match in matches if (name := (match[1] or "").removeprefix("file:")) != match[1])
    elif isinstance(value, dict):
        for one in value.values():
            yield from files_in(one, folder)
    elif isinstance(value, list):
        for one in value:
            yield from files_in(one, folder)
    elif isinstance(value, Refusal) and value.first:
        yield from files_in(value.first, folder)


def _only_shown(path: tuple[str, ...]) -> bool:
    """Tell whether a secret has no use there but to be read by people."""
    place = path[2:] if path[:1] == ("checks",) else path[1:]
    return place[:1] == ("tags",) or place in (("description",), ("runbook",))


def _content(path: Path) -> str:
    content = regular_file(path, MOST_BYTES).removeprefix(codecs.BOM_UTF8)  # an editor's mark, no part of a key
    return _decode(content.removesuffix(b"\n").removesuffix(b"\r"))


def _decode(content: bytes) -> str:
    if not content:
        raise Unreadable("is empty")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise Unreadable("is not UTF-8 text") from None
    if "\0" in text:
        raise Unreadable("has a NUL byte in it, which no setting can hold")
    return text


def _short(text: str) -> str:
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= 80 else text[:77] + "..."
