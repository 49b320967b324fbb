"""The scripts folder: an executable file in it is a check, and a comment in its head says the settings.

Each script is given to the readers of drop-ins as if it had been written there: what is wrong is found in the same way,
and named at its place in the script.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from agent.config.files.content import Unreadable, beginning, format_path, version
from agent.config.located_yaml.parser import scalar
from agent.config.located_yaml.tree import Node, Refusal
from agent.config.settings import Place
from agent.config.words.quoting import short
from agent.plugin.ownership import weak_spot
from agent.plugin.units import spelling

HEAD_LINES = 20
_HEAD_BYTES = 8192

_INTERVAL = re.compile(r"[0-9]+(?:s|m|h|d)?")
_HEADER = re.compile(r"\W*hostvigil:\s+|\W*(?i:hostvigil)\s*[:-]?\s*(?=[\w.]+\s*=)")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_SPACED = re.compile(r"(?P<name>[a-z_.]+)(?:\s+=\s*|\s*=\s+|:\s+)(?P<value>[^\s=,]+),?(?=\s|$)")
"""A setting with blanks around its =, or as YAML has it."""
_SETTING = re.compile(r"""(?P<name>[^\s=]+)(?:=(?P<value>"[^"]*"|'[^']*'|\S*))?""")
_NO_NAME_PART = re.compile(r"\.(?:sh|bash|py|pl|rb|php|lua|js)$")
# Files that editors and packages leave beside the real ones.
_LEFT_BEHIND = re.compile(
    r"\..*|#.*#|.*(?:~|\.(?:bak|orig|rej|old|swp|disabled|dpkg-[a-z]+|ucf-[a-z]+|rpm(?:save|new|orig)))"
)

_TEXT = re.compile(r"README.*|.*\.(?:md|rst|txt)")

Sections = Mapping[str, Node]


def folders(folder: Path) -> list[Path]:
    """Return the folder and those in it that are named by an interval, as far as they are there."""
    inside = sorted(path for path in folder.glob("[0-9]*") if _INTERVAL.fullmatch(path.name) and path.is_dir())
    return [folder, *inside] if folder.is_dir() else []


def list_scripts(
    folder: Path,
) -> tuple[dict[str, tuple[int, int, int]], list[tuple[Path, str]], list[tuple[Path, str]]]:
    """Return the folders with their versions, what may be scripts, each with its folder's interval, and wrong folders.

    Unreadable where there is no such folder.
    """
    versions = {str(place): version(place) for place in folders(folder)}
    try:
        os.scandir(folder).close()
    except OSError as error:
        text = f"cannot be read: {error.strerror}; create it, or correct `scripts` of the section agent"
        raise Unreadable(text) from None
    return versions, list(_files(folder)), list(_folders_of_no_interval(folder))


def _folders_of_no_interval(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield folders with programs in them that are called by a time in another spelling, and how it is written."""
    for path in sorted(folder.iterdir()):
        interval = "" if _INTERVAL.fullmatch(path.name) else spelling.suggest(path.name, spelling.TIMES)
        if interval and path.is_dir() and any(_executable(inside) for inside in path.iterdir()):
            yield path, f"is no interval, so nothing in it runs: call the folder {interval}"


def look(path: Path, interval: str) -> tuple[Sections, str]:
    """Return a script as the sections of a drop-in, and what is wrong with it: what others could change is left out."""
    if _executable(path):
        weak = weak_spot(str(path)) if os.geteuid() == 0 else ""
        return ({}, f"refused to run it: {weak}") if weak else (_sections(name_of(path), path, interval), "")
    if not _TEXT.fullmatch(path.name) and _plain_script(path):
        # Somebody surely wanted it to be a check.
        text = f"begins with #! and is not executable, so it is no check: chmod +x {path.name}, or put it elsewhere"
        return {}, text
    return {}, ""


def name_of(path: Path) -> str:
    return _NO_NAME_PART.sub("", path.name)


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Walk over what may be scripts, each with the interval that its folder says."""
    for place in folders(folder):
        for name in sorted(os.listdir(place), key=os.fsencode):  # noqa: PTH208 - names, in the order of their bytes
            if not _LEFT_BEHIND.fullmatch(name):
                yield place / name, place.name if place != folder else ""


def _plain_script(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) or mode & 0o111:
            return False
        return beginning(path, 2) == b"#!"
    except OSError:
        return False


def _executable(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & 0o111)


def _sections(name: str, path: Path, interval: str) -> Sections:
    place = Place(format_path(path))
    settings: dict[str, Node] = {}
    if interval:
        where = Place(format_path(path.parent))
        settings["interval"] = Node(interval if interval[-1].isalpha() else f"{interval}s", where)
    settings |= _header(path)
    for own, text in (("type", "script"), ("command", "")):
        if own in settings:
            refusal = Refusal("cannot be set here: it is the script itself")
            settings[own] = Node(refusal, settings[own].place, settings[own].key)
        else:
            settings[own] = Node(text or [Node(os.fspath(path.absolute()), place)], place)
    return {"checks": Node({name: Node(settings, place)}, place)}


def _header(path: Path) -> dict[str, Node]:
    """Return the settings in the comment `# hostvigil: name=value ...`, of which there may be several lines."""
    try:
        head = beginning(path, _HEAD_BYTES)
    except OSError:
        return {}
    settings: dict[str, Node] = {}
    if head.startswith(b"#!"):
        for number, line in enumerate(head.decode("utf-8", "replace").split("\n")[:HEAD_LINES], 1):
            if begin := _HEADER.match(line):
                for name, node in _settings(line, begin.end(), format_path(path), number):
                    _put(settings, name, node)
    return settings


def _settings(line: str, begin: int, file: str, number: int) -> Iterator[tuple[str, Node]]:
    line = line.rstrip("\r")
    for match in _SPACED.finditer(_QUOTED.sub(lambda text: "_" * len(text[0]), line), begin):
        key = Place(file, number, match.start() + 1)
        instead = f"{match['name']}={line[match.start('value') : match.end('value')]}"
        why = f"{short(line[match.start() : match.end()])} is not written so in a comment: write {instead}"
        yield match["name"], Node(Refusal(why), key, key)
        line = line[: match.start()] + " " * len(match[0]) + line[match.end() :]
    for match in _SETTING.finditer(line, begin):
        key = Place(file, number, match.start() + 1)
        text = match["value"]
        if not text:
            yield match["name"], Node(Refusal(f"{short(match[0])} has no value, write setting=value"), key, key)
        else:
            value = text[1:-1] if text[0] in "\"'" else scalar(text)
            yield match["name"], Node(value, Place(file, number, match.start("value") + 1), key)


def _put(settings: dict[str, Node], name: str, node: Node) -> None:
    """Put a setting in; `tags.team` is `team` in `tags`."""
    outer, dot, inner = name.partition(".")
    if dot and outer in settings and isinstance(settings[outer].value, dict):
        _put(settings[outer].value, inner, node)
    elif outer in settings:
        place = node.key or node.place
        settings[outer] = Node(Refusal(f"{short(outer)} is written twice: remove one"), place, place)
    elif dot:
        settings[outer] = Node({}, node.place, node.key)
        _put(settings[outer].value, inner, node)
    else:
        settings[name] = node
