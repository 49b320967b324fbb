"""Which files a text for a shell runs: its commands one by one, and what a command prints where that is run."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Sequence

from agent.api import CheckError
from checks.script import shell_text
from checks.script.code import (
    ASSIGNMENT,
    DEPTH_MAX,
    NO_NAME,
    STEEP,
    command,
    has_blanks,
    of_interpreter,
    of_launcher,
    of_variable,
)
from checks.script.languages import SH, language_of, takes_input
from checks.script.place import Place, existing
from checks.script.program_text import reads_orders

# Built into a shell, and run what follows them.
_BUILT_IN = {"exec", "command", "builtin", "eval", "trap", "alias", "export", "declare", "typeset", "readonly", "local"}
_CALL_BACK = {"mapfile", "readarray", "compgen", "complete", "fc", "bind"}
_RUNS_OUTPUT = re.compile(
    r"\beval\b|(?:^|[\s;&|({/])(?:\.|source|(?:ba|da|k|z)?sh)\s+(?:-\w+\s+)*<(?:\(|<<|\s<\()|"
    r"\s-\w*[ce]\s+\"?(?:\$\(|`)|(?:^|[;&|{]|(?<!\()\(|\b(?:then|do|else|if|while|until|exec)\s)\s*\"?(?:\$\(|`)|"
    r"\b(?:export|env|declare|typeset|readonly|local)\s+(?:-\S+\s+|\w+=\S*\s+)*\"?(?:\$\(|`)"
)
"""What a command in the text prints is run, or sets variables: `eval "$(cat file)"`, `. <(cat file)`."""
_WRITERS = {
    "cp",
    "mv",
    "ln",
    "install",
    "tee",
    "tar",
    "unzip",
    "rsync",
    "scp",
    "git",
    "gzip",
    "mount",
} | shell_text.FILTERS
"""What they write may be run by a later command of the same text."""


def in_text(text: str, place: Place, depth: int, arguments: Sequence[str] = ()) -> Iterator[str]:
    """Yield what each command in a text for a shell runs.

    Where it runs something that has no name yet (`$x`, its input, what a command prints), every file that the text
    names may be that, or lead to it.
    """
    if depth > DEPTH_MAX:
        raise CheckError("refused to run it: its text for a shell holds too many others to see what is run")
    unknown_before = len(place.unknown)
    commands = [*shell_text.commands_of(text, place.env, arguments)]
    writers: list[Sequence[str]] = []
    for all_words in commands:
        words = [word for word in all_words if word[:1] != shell_text.PIPED]
        while words and ASSIGNMENT.match(words[0]):
            yield from of_variable(words.pop(0), place, depth)
        for file in _simple(words, place, depth + 1):
            yield file
            yield from _sources(file, writers, place)
        if len(words) < len(all_words) and _reads_orders(words):
            for word in (word[1:] for word in all_words if word[:1] == shell_text.PIPED):
                if has_blanks(word):
                    yield from in_text(word, place, depth + STEEP)
                else:
                    yield place.full(word)
        if words[:1] in (["cd"], ["pushd"]):
            place = place._replace(cwd=place.full(words[-1]))
        if words and words[0].rpartition("/")[2] in _WRITERS:
            writers.append(words)
    if len(place.unknown) > unknown_before or _RUNS_OUTPUT.search(text):
        yield from _all_names(commands, place)


def _all_names(commands: Sequence[Sequence[str]], place: Place) -> Iterator[str]:
    names = (word.lstrip(shell_text.PIPED) for words in commands for word in words if "/" in word)
    for part in (part for word in names for part in (word, word.partition("=")[2]) if part):
        yield from (file for file in place.matching(part) if part[0] == "/" or os.path.exists(file))  # noqa: PTH110 - each run


def _sources(file: str, writers: Sequence[Sequence[str]], place: Place) -> Iterator[str]:
    """Yield what a file that is run was made of by an earlier command: `cp /x /run/y; /run/y`."""
    for words in writers:
        full = [place.full(word.partition("=")[2] or word).rstrip("/") for word in words[1:]]
        if any(file == word or file.startswith(f"{word}/") for word in full):
            yield from existing(full, place)


def _reads_orders(words: Sequence[str]) -> bool:
    """Tell whether it is given nothing else to run than its input: `cat file | sh`, `cat file | psql`."""
    name = words[0].rpartition("/")[2] if words else ""
    return reads_orders(name) or bool((language := language_of(name)) and takes_input(words, language))


def _simple(words: Sequence[str], place: Place, depth: int) -> Iterator[str]:
    if not words:
        return
    least = 3 if words[0] == "sqlite3" else 2  # its first one is the database
    if reads_orders(words[0].rpartition("/")[2]) and len(words) >= least and "/" in words[-1]:  # `psql < file`
        yield place.full(words[-1])
    if words[0] in (".", "source"):
        yield from of_interpreter(words, SH, place, depth)
    elif words[0] in _BUILT_IN:
        at = next((at for at, word in enumerate(words[1:], 1) if word[:1] != "-"), len(words))
        if words[at : at + 1] in (["."], ["source"]):
            yield from _simple(words[at:], place, depth)
        yield from of_launcher(words, place, depth)
    elif words[0] in _CALL_BACK:
        for option, text in itertools.pairwise(words[1:]):
            if re.fullmatch(r"-\w*[Cex]", option):
                yield from in_text(text, place, depth + STEEP)
    elif words[0] in ("hash", "enable"):  # `hash -p /x ls` has ls be /x
        yield from (place.full(word) for word in words[1:] if "/" in word)
    elif NO_NAME.search(words[0]):
        place.unknown.append(SH)
    elif file := place.program(words[0]):
        yield from command([file, *words[1:]], place, depth)
    elif "/" in words[0]:
        yield from place.matching(words[0])
