"""Which files a command runs, as far as its words say so: the program, and what it is told to run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence

from agent.api import CheckError
from checks.script import by_itself
from checks.script.languages import SH, Language, code_arguments, is_input, language_of, reads_only, takes_input
from checks.script.orders import code_in_options, orders, possible_orders, runs_a_folder
from checks.script.place import Place, existing, first_line
from checks.script.program_text import files_of, is_code_name, names_in, runs, sed_runs, takes_orders
from checks.script.variables import in_assignment, names_code, options_of

ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
DEPTH_MAX = 100
STEEP = 10
"""A `#!` line and a text within a text count for so many launchers."""

_FIND_RUNS = {"-exec", "-execdir", "-ok", "-okdir"}
_SSH = re.compile("ssh|scp|sftp|autossh")
_SSH_COMMAND = re.compile(r"(?:-o)?(?i:proxy|local|knownhosts)(?i:command)[= ](.*)")
_SSH_FILE = re.compile(r"(?:-o)?(?i:include|pkcs11provider|securitykeyprovider|xauthlocation)[= ](.*)")
_ENV_SPLITS = re.compile(r"-[a-zA-Z]*S|--split-string=?")
_APPLETS = {"busybox", "toybox"}
# Scripts that do nothing but run what follows them.
_LAUNCHER_SCRIPTS = {"xvfb-run", "valgrind", "fakeroot", "catchsegv", "unbuffer", "ldd", "dbus-run-session", "faketime"}
_LAUNCHERS = {
    "chrt", "command", "doas", "env", "eval", "exec", "flock", "ionice", "nice", "nohup", "parallel", "setsid",
    "stdbuf", "sudo", "taskset", "time", "timeout", "trap", "xargs",
}  # fmt: skip
"""Their first word that is no option is a program: one that has no name yet cannot be data."""
_PREFIX = re.compile(r"[+:]*\w*\s*[!|]+|[A-Za-z-]+:+(?!/)|[^\s=]*=+[\s!|]*|[+!|]+")
"""What stands before a text for a shell: `EXEC:`, `alias.x=!`, `Dpkg::Pre-Invoke::=`, `+:r !`."""
NO_NAME = re.compile(r"\$|`|(?:\./)?\{\}")
"""A word that only a shell, `find` or `xargs` makes a name of."""


def code_of(
    words: Sequence[str], cwd: str, env: Mapping[str, str], own: Mapping[str, str], stdin: str = ""
) -> Iterator[str]:
    """Yield each file, and each folder of code, that the command runs; the first word is a file's full name.

    `env` is the whole environment, `own` the part of it that the settings name; `stdin` is what it can read.
    """
    place = Place(cwd, env, set(), [])
    for name, value in own.items():
        yield from of_variable(f"{name}={value}", place, 0)
    yield from command(words, place, 0)
    if place.unknown:
        yield from existing(words[1:], place)
    if stdin:
        for language in place.unknown:
            yield from _in_program(stdin, language, place, 0)


def command(words: Sequence[str], place: Place, depth: int) -> Iterator[str]:
    """Yield what a program's words have it run; the first is its file."""
    program = words[0]
    yield program
    if depth > DEPTH_MAX:
        raise CheckError(f"refused to run {program}: it is started over too many others to see who could change it")
    name = program.rpartition("/")[2]
    if obeyed := [*orders(words), *possible_orders(words)]:
        yield from existing(obeyed, place)
        yield from names_in(" ".join(filter(has_blanks, obeyed)), place)
    yield from code_in_options(words)
    yield from by_itself.of_the_folder(name, place)
    if takes_orders(name):
        yield from (file for word in words[1:] if word[:1] != "/" for file in files_of(word, place))
    yield from by_itself.of_the_home(words, place)
    first = first_line(program)
    if first:
        # As the kernel does: the program of the first line is given the script and its arguments.
        yield from command([place.full(first[0]), *first[1:], program, *words[1:]], place, depth + STEEP)
        if name in _LAUNCHER_SCRIPTS:
            yield from of_launcher(words, place, depth + 1)
        return
    language = language_of(name) or language_of(_real_name(program))
    if language:
        yield from of_interpreter(words, language, place, depth)
    elif _SSH.fullmatch(name):
        yield from _of_ssh(words, place, depth)
    elif name == "find":
        yield from _of_find(words, place, depth)
    elif not reads_only(name):
        yield from of_launcher(words, place, depth + 1)


def _of_ssh(words: Sequence[str], place: Place, depth: int) -> Iterator[str]:
    for match in filter(None, (_SSH_COMMAND.fullmatch(word) for word in words)):
        yield from _in_text(match[1], place, depth + STEEP)
    yield from existing((match[1] for match in map(_SSH_FILE.fullmatch, words) if match), place)


def _of_find(words: Sequence[str], place: Place, depth: int) -> Iterator[str]:
    """Look at what `find` runs; where it looks is data, unless what it finds there is run."""
    first = next((at for at, word in enumerate(words[1:], 1) if word[:1] in "-(!"), len(words))
    for at in (at for at, word in enumerate(words) if word in _FIND_RUNS):
        runs = words[at : next((end for end, word in enumerate(words[at:], at) if word in (";", "+")), len(words))]
        if len(runs) < 2:
            continue
        places = [place.inside(folder) for folder in words[1:first]] if "dir" in words[at] else [place]
        for one in places:
            if one.program(runs[1]) or NO_NAME.match(runs[1]):
                yield from of_launcher(["exec", *runs[1:]], one, depth + 1)
            elif "/" in runs[1]:
                yield one.full(runs[1])


def _real_name(program: str) -> str:
    """Return what a program is called where it truly lies: a link's own name is not that, any other is."""
    return os.path.realpath(program).rpartition("/")[2] if os.path.islink(program) else ""  # noqa: PTH114 - each run


def of_interpreter(words: Sequence[str], language: Language, place: Place, depth: int) -> Iterator[str]:
    """Yield what an interpreter is told to run; what it takes from its input is noted as unknown."""
    if takes_input(words, language):
        place.unknown.append(language)
    for one in code_arguments(words, language):
        if one.what == "code":
            yield from (place.full(part) for part in one.value.split(":"))
        elif one.what == "text":
            arguments = words[one.at + 1 :] if language.sh else [*words[1 : one.at], *words[one.at + 1 :]]
            yield from _in_program(one.value, language, place, depth, arguments)
            yield from by_itself.of_python([*words[: one.at], one.value, *words[one.at + 1 :]], one.at, place)
            if not language.program:
                return
        elif language.launches:
            yield from command([place.full(one.value), *words[one.at + 1 :]], place, depth + 1)
            return
        elif is_input(one.value) or NO_NAME.search(one.value):
            place.unknown.append(language)
            return
        elif "/" in one.value or os.path.exists(place.full(one.value)):  # noqa: PTH110 - same
            yield from _script(one.value, language, place, depth)
            return
        elif language.sh:
            yield from filter(None, [place.program(one.value)])
            return


def _script(value: str, language: Language, place: Place, depth: int) -> Iterator[str]:
    """Look at a script's name, which may have `*` in it, or be a text behind an option that nobody knows."""
    yield from place.matching(value)
    if not language.sh and re.search(r"[\s(]", value):
        yield from _in_program(value, language, place, depth)


def _in_program(
    text: str, language: Language, place: Place, depth: int, arguments: Sequence[str] = ()
) -> Iterator[str]:
    if language.sh:
        yield from _in_text(text, place, depth + STEEP, arguments)
        return
    yield from existing([text], place)
    if not language.sed:
        yield from files_of(text, place)
    runs_arguments = sed_runs(text) if language.sed else runs(text)
    if runs_arguments:  # `perl -e 'do $ARGV[0]' file`
        yield from existing(arguments, place)
        yield from names_in(" ".join([text.replace("\\/", "/"), *arguments]), place)
    for word in (word.strip() for word in arguments):  # Perl opens `program |` like a file
        if "|" in (word[:1], word[-1:]):
            yield from _in_text(word.strip("|"), place, depth + STEEP)


def of_launcher(words: Sequence[str], place: Place, depth: int) -> Iterator[str]:
    """Look for the program that a launcher (`nice -n 5 program`), or a program that nobody knows, is told to run.

    Behind an option a word may be its value or the program: then both are looked at.
    """
    if not place.is_first_visit(words):
        return
    name, rest, after_option = words[0].rpartition("/")[2], _arguments(words), False
    while rest:
        word = rest.pop(0)
        if name == "env" and (split := _ENV_SPLITS.match(word)):
            rest = [*(word[split.end() :] or (rest or [""]).pop(0)).split(), *rest]
        elif name in _APPLETS and word[:1] != "-":
            yield from command([place.program(word) or f"/bin/{word}", *rest], place, depth + 1)
            return
        elif word.startswith("-") and word != "-":
            yield from _in_option(word, place, depth)
            place, after_option = place.beside(word.partition("=")[2] or word[word.find("/") :]), word != "--"
        elif name in _LAUNCHERS and NO_NAME.match(word):
            place.unknown.append(SH)
            after_option = False
        elif ASSIGNMENT.match(word) or has_blanks(word):
            yield from _in_setting(word, place, depth)
            place = place.beside(word.partition("WorkingDirectory=")[2])
        elif file := place.program(word):  # what a launcher starts must be executable: no other file counts
            yield from command([file, *rest], place, depth)
            if not after_option or reads_only(file.rpartition("/")[2]):
                return
            after_option = False
        else:
            yield from _in_data(word, name, place, depth)
            place, after_option = place.beside(word), False  # `env -C folder` starts the program there


def _arguments(words: Sequence[str]) -> list[str]:
    """Return a launcher's words, with `{}` where it puts in what it reads."""
    name, rest = words[0].rpartition("/")[2], [*words[1:]]
    if name == "parallel":
        end = next((at for at, word in enumerate(rest) if word.startswith(":::")), len(rest))
        return [*rest[:end], "{}"]
    if name == "perf":  # its first word is no program, though there may be one of that name
        return rest[1:]
    if name != "xargs":
        return rest
    marks = [rest[at + 1] if word == "-I" else word[2:] for at, word in enumerate(rest[:-1]) if word[:2] == "-I"]
    return [("{}" if word in marks else word) for word in rest]


def _in_option(word: str, place: Place, depth: int) -> Iterator[str]:
    """Look at an option that may hold a program, or a text for a shell: `--exec=/x`, `--command='sh /x'`, `-csh /x`."""
    value = word.partition("=")[2] or word[2:]
    if has_blanks(value):
        yield from _in_text(_PREFIX.sub("", value), place, depth + STEEP)
    elif ASSIGNMENT.match(value):
        yield from of_variable(value, place, depth)
    yield from _in_parts(word, place, depth)


def has_blanks(word: str) -> bool:
    return any(character.isspace() for character in word)


def _in_setting(word: str, place: Place, depth: int) -> Iterator[str]:
    """Look at a variable's assignment, or a text for a shell (`EXEC:sh /x` of socat, `!sh /x` of others)."""
    if ASSIGNMENT.match(word):
        yield from of_variable(word, place, depth)
    else:
        yield from _in_text(_PREFIX.sub("", word), place, depth + STEEP)
        yield from filter(is_code_name, names_in(word, place))


def of_variable(word: str, place: Place, depth: int) -> Iterator[str]:
    """Look at an assignment; what has blanks may be a text for a shell: `PAGER=sh /x`."""
    yield from in_assignment(word, place)
    if options := options_of(word):
        yield from existing(orders(options), place)
        yield from code_in_options(options)
        yield from of_launcher(options, place, depth + 1)
    elif has_blanks(word) and not names_code(word.partition("=")[0]):
        text = _PREFIX.sub("", word)
        first = text.split()[0] if text.split() else ""
        if "/" not in first or place.program(first):
            yield from _in_text(text, place, depth + STEEP)


def _in_data(word: str, launcher: str, place: Place, depth: int) -> Iterator[str]:
    yield from _in_parts(word, place, depth)
    if is_code_name(word):
        yield from existing([word], place)
    if "(" in word:
        yield from files_of(word, place)
    if runs_a_folder(launcher) and place.inside(word) is not place:
        yield place.full(word)


def _in_parts(word: str, place: Place, depth: int) -> Iterator[str]:
    """Look at a program that is part of a word: `--exec=/x`, `-x/x`, `core.editor=/x`, `--action=exec=/x`, `!/x`."""
    parts = (part.lstrip("!|+@") for part in re.split("[=,:]", word))
    for part in (*parts, word[word.find("/") :] if word[:1] == "-" else ""):
        if part.startswith("/") and (file := place.program(part)):
            yield from command([file], place, depth)
        elif part.startswith("/") and is_code_name(part):
            yield from existing([part], place)


def _in_text(text: str, place: Place, depth: int, arguments: Sequence[str] = ()) -> Iterator[str]:
    from checks.script import shell_code

    return shell_code.in_text(text, place, depth, arguments)
