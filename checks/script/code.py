"""Which files a command runs, as far as its words say so: the program, and what it is told to run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence

from agent.api import CheckError
from checks.script.languages import Language, given, language_of, reads_only
from checks.script.orders import LOGIN, home_files, loaded, named_in, orders, reads_orders
from checks.script.place import Place, can_run, first_line
from checks.script.variables import in_assignment, in_variable

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_DEPTH_MAX = 100
_STEEP = 10
"""A `#!` line and a text within a text count for so many launchers."""

# Built into a shell, and run what follows them.
_BUILT_IN = {"exec", "command", "builtin", "eval", "trap", "alias", "export", "declare", "typeset", "readonly", "local"}
_FIND_RUNS = {"-exec", "-execdir", "-ok", "-okdir"}
_SSH = re.compile("ssh|scp|sftp")
_SSH_COMMAND = re.compile(r"(?:-o)?(?i:proxy|local|knownhosts)(?i:command)[= ](.*)")
_RUNS_OUTPUT = re.compile(
    r"\beval\b|(?:^|[\s;&|({/])(?:\.|source|(?:ba|da|k|z)?sh)\s+(?:-\w+\s+)*<(?:\(|<<)|"
    r"\s-\w*[ce]\s+\"?(?:\$\(|`)|(?:^|[;&|({]|\b(?:then|do|else|if|while|until|exec)\s)\s*\"?(?:\$\(|`)"
)
"""What a command in the text prints is run: `eval "$(cat file)"`, `. <(cat file)`, `sh -c "$(cat file)"`."""
_ENV_SPLITS = re.compile(r"-[a-zA-Z]*S|--split-string=?")
_APPLETS = {"busybox", "toybox"}
_RUNS_A_FOLDER = {"run-parts", "chroot"}
# Scripts that do nothing but run what follows them.
_LAUNCHER_SCRIPTS = {"xvfb-run", "fakeroot", "catchsegv", "unbuffer", "ldd", "dbus-run-session", "faketime"}


def code_of(
    words: Sequence[str], cwd: str, env: Mapping[str, str], own: Mapping[str, str], stdin: str = ""
) -> Iterator[str]:
    """Yield each file, and each folder of code, that the command runs; the first word is a file's full name.

    `env` is the whole environment, `own` the part of it that the settings name; `stdin` is what it can read.
    """
    place = Place(cwd, env, set())
    for name, value in own.items():
        yield from in_variable(name, value, place)
    yield from _command(words, place, 0)
    if stdin and (language := _reader_of_programs(words)):
        yield from _in_program(stdin, language, place, 0)


def _command(words: Sequence[str], place: Place, depth: int) -> Iterator[str]:
    program = words[0]
    yield program
    if depth > _DEPTH_MAX:
        raise CheckError(f"refused to run {program}: it is started over too many others to see who could change it")
    name = program.rpartition("/")[2]
    yield from _existing(orders(words), place)
    yield from _of_the_home(words, place)
    first = first_line(program)
    if first:
        # As the kernel does: the program of the first line is given the script and its arguments.
        yield from _command([place.full(first[0]), *first[1:], program, *words[1:]], place, depth + _STEEP)
        if name in _LAUNCHER_SCRIPTS:
            yield from _launched(words, place, depth + 1)
        return
    language = language_of(name) or language_of(_real_name(program))
    if language:
        yield from _interpreted(words, language, place, depth)
    elif _SSH.fullmatch(name):
        for match in filter(None, (_SSH_COMMAND.fullmatch(word) for word in words)):
            yield from _in_text(match[1], place, depth + _STEEP)
    elif name == "find":  # where it looks is data
        for at in (at for at, word in enumerate(words) if word in _FIND_RUNS):
            yield from _launched(words[at:], place, depth + 1)
    elif not reads_only(name):
        yield from _launched(words, place, depth + 1)


def _existing(values: Iterator[str], place: Place) -> Iterator[str]:
    """Yield the files and folders among values that may be names of other things too."""
    for part in (part for value in values for part in re.split("[,:]", value)):
        if part and os.path.exists(place.full(part)):  # noqa: PTH110 - each run
            yield place.full(part)


def _real_name(program: str) -> str:
    """Return what a program is called where it truly lies: a link's own name is not that, any other is."""
    return os.path.realpath(program).rpartition("/")[2] if os.path.islink(program) else ""  # noqa: PTH114 - each run


def _interpreted(words: Sequence[str], language: Language, place: Place, depth: int) -> Iterator[str]:
    yield from loaded(words)
    for one in given(words, language):
        if one.what == "code":
            yield from (place.full(part) for part in one.value.split(":"))
        elif one.what == "text":
            yield from _in_program(one.value, language, place, depth)
            if _is_python(words) and _looks_around(words[: one.at]):
                yield place.full(".") if place.cwd else os.getcwd()  # noqa: PTH109 - each run
        elif language.launches:
            yield from _command([place.full(one.value), *words[one.at + 1 :]], place, depth + 1)
            return
        elif "/" in one.value or os.path.exists(place.full(one.value)):  # noqa: PTH110 - same
            yield place.full(one.value)
            return
        elif language.sh:
            yield from filter(None, [place.program(one.value)])
            return


def _in_program(text: str, language: Language, place: Place, depth: int) -> Iterator[str]:
    if language.sh:
        yield from _in_text(text, place, depth + _STEEP)
    else:
        yield from _existing(iter(named_in(text)), place)
        yield from filter(can_run, re.findall(r"/[^\s'\"`(){};,|]+", text))


def _of_the_home(words: Sequence[str], place: Place) -> Iterator[str]:
    """Look at what a program runs or loads by itself from the home folder."""
    name = words[0].rpartition("/")[2]
    names = home_files(name)
    if _is_python(words) and _looks_around(words):
        names = (".local/lib",)
    elif (language := language_of(name)) and language.sh:
        names = LOGIN if any(re.match(r"-[a-z]*[li]|--login", word) for word in words[1:]) else ()
    home = place.env.get("HOME", "")
    yield from (file for name in names if home and os.path.exists(file := f"{home}/{name}"))  # noqa: PTH110 - each run


def _is_python(words: Sequence[str]) -> bool:
    return bool(re.fullmatch(r"(?:python|pypy)[-0-9.]*", words[0].rpartition("/")[2]))


def _looks_around(words: Sequence[str]) -> bool:
    """Tell whether Python takes modules from the current folder and from its user's home."""
    return not any(re.match(r"-[a-zA-Z]*[IP]", word) for word in words[1:])


def _launched(words: Sequence[str], place: Place, depth: int) -> Iterator[str]:
    """Look for the program that a launcher (`nice -n 5 program`), or a program that nobody knows, is told to run.

    Behind an option a word may be its value or the program: then both are looked at.
    """
    if not place.first_look(words):
        return
    name, rest, after_option = words[0].rpartition("/")[2], [*words[1:]], False
    while rest:
        word = rest.pop(0)
        if name == "env" and (split := _ENV_SPLITS.match(word)):
            rest = [*word[split.end() :].split(), *rest]
        elif name in _APPLETS and (language := language_of(word)):
            yield from _interpreted([word, *rest], language, place, depth)
            return
        elif word.startswith("-") and word != "-":
            yield from _in_option(word, place, depth)
            place, after_option = place.inside(word.partition("=")[2] or word), word != "--"
        elif _ASSIGNMENT.match(word) or _has_blanks(word):
            yield from _in_setting(word, place, depth)
        elif file := place.program(word):  # what a launcher starts must be executable: no other file counts
            yield from _command([file, *rest], place, depth)
            if not after_option or reads_only(file.rpartition("/")[2]):
                return
            after_option = False
        else:
            yield from _in_data(word, name, place, depth)
            place, after_option = place.inside(word), False  # `env -C folder` starts the program there


def _in_option(word: str, place: Place, depth: int) -> Iterator[str]:
    """Look at an option that may hold a program, or a text for a shell: `--exec=/x`, `--command='sh /x'`, `-csh /x`."""
    value = word.partition("=")[2] or word[2:]
    if _has_blanks(value):
        yield from _in_text(value, place, depth + _STEEP)
    yield from _in_parts(word, place, depth)


def _has_blanks(word: str) -> bool:
    return any(character.isspace() for character in word)


def _in_setting(word: str, place: Place, depth: int) -> Iterator[str]:
    """Look at a variable's assignment, or a text for a shell."""
    if _ASSIGNMENT.match(word):
        yield from in_assignment(word, place)
    else:
        yield from _in_text(word, place, depth + _STEEP)


def _in_data(word: str, launcher: str, place: Place, depth: int) -> Iterator[str]:
    yield from _in_parts(word, place, depth)
    if launcher in _RUNS_A_FOLDER and place.inside(word) is not place:
        yield place.full(word)


def _in_parts(word: str, place: Place, depth: int) -> Iterator[str]:
    """Look at a program that is part of a word: `--exec=/x`, `-x/x`, `core.editor=/x`, `--action=exec=/x`."""
    for part in (*re.split("[=,:]", word), word[2:]):
        if part.startswith("/") and (file := place.program(part)):
            yield from _command([file], place, depth)


def _in_text(text: str, place: Place, depth: int) -> Iterator[str]:
    """Look at each command in a text for a shell."""
    if depth > _DEPTH_MAX:
        raise CheckError("refused to run it: its text for a shell holds too many others to see what is run")
    from checks.script import shell_text

    output_is_run = bool(_RUNS_OUTPUT.search(text))
    for all_words in shell_text.commands_of(text, place.env):
        words = [word for word in all_words if word[:1] != shell_text.PIPED]
        at = 0
        while at < len(words) and _ASSIGNMENT.match(words[at]):
            yield from in_assignment(words[at], place)
            at += 1
        yield from _simple(words[at:], place, depth + 1)
        if output_is_run:
            yield from (file for word in words[at + 1 :] if "/" in word and os.path.isfile(file := place.full(word)))  # noqa: PTH113 - each run
        if len(words) < len(all_words) and _reads_programs(words[at:]):
            for word in (word[1:] for word in all_words if word[:1] == shell_text.PIPED):
                yield from _in_text(word, place, depth + _STEEP) if _has_blanks(word) else [place.full(word)]
        if words[at : at + 1] in (["cd"], ["pushd"]):
            place = place._replace(cwd=place.full(words[-1]))


def _reads_programs(words: Sequence[str]) -> bool:
    return bool(_reader_of_programs(words)) or (bool(words) and reads_orders(words[0].rpartition("/")[2]))


def _reader_of_programs(words: Sequence[str]) -> Language | None:
    """Return the interpreter that is given nothing else to run than its input: `cat file | sh`; None: it is none."""
    language = language_of(words[0].rpartition("/")[2]) if words else None
    if not language or not language.script or language.launches:
        return None
    if language.sh and any(re.match(r"-[a-z]*s", word) for word in words[1:]):
        return language
    return language if all(one.what != "text" and one.value == "-" for one in given(words, language)) else None


def _simple(words: Sequence[str], place: Place, depth: int) -> Iterator[str]:
    if not words:
        return
    if reads_orders(words[0].rpartition("/")[2]) and "/" in words[-1]:  # what is read comes last: `psql < file`
        yield place.full(words[-1])
    if words[0] in (".", "source"):
        yield from _interpreted(words, Language(sh=True), place, depth)
    elif words[0] in _BUILT_IN:
        at = next((at for at, word in enumerate(words[1:], 1) if word[:1] != "-"), len(words))
        yield from _simple(words[at:], place, depth) if words[at : at + 1] in ([["."], ["source"]]) else ()
        yield from _launched(words, place, depth)
    elif words[0] in ("hash", "enable"):  # `hash -p /x ls` has ls be /x
        yield from (place.full(word) for word in words[1:] if "/" in word)
    elif file := place.program(words[0]):
        yield from _command([file, *words[1:]], place, depth)
    elif words[0].startswith("/"):
        yield words[0]
