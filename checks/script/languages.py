"""Programs that run what they are told to, and how the words behind them tell it."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Language(NamedTuple):
    """How an interpreter's options are read."""

    code: frozenset[str] = frozenset()
    """Options whose value is a file that it runs, or a folder of such."""
    other: frozenset[str] = frozenset()
    """Options with another value."""
    text: frozenset[str] = frozenset()
    """Options whose value is the program itself; what follows are its arguments."""
    script: bool = True
    """Its first argument is the file that it runs."""
    program: bool = False
    """Its first argument is the program itself, unless an option was."""
    clusters: bool = True
    """One letter is one option, as in `-xe`."""
    sh: bool = False
    """Its programs are text for a shell."""
    launches: bool = False
    """Its first argument is a program, and what follows are that one's arguments."""
    swallows: str = "MmFiCxdDV0"
    """Letters that take the rest of their word as a value, or nothing."""
    sed: bool = False
    """Its programs are those of sed."""


class CodeArgument(NamedTuple):
    """An argument of an interpreter that is code, or names it."""

    what: str
    """code: a file or folder of code; text: a program; script: an argument that may be the file that it runs."""
    value: str
    at: int
    """Its place among the words of the command."""


def _options(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ANY = Language()
SH = Language(sh=True)
_LANGUAGES = (
    (
        "(?:ba|da|z|k|a|mk|pdk|lk|rba|ya|po|c|tc)?sh",
        Language(_options("--rcfile --init-file"), _options("-o -O +o +O"), _options("-c"), sh=True, swallows=""),
    ),
    ("fish", Language(other=_options("-d -o -D -f"), text=_options("-c --command -C --init-command"), sh=True)),
    ("python|pypy", Language(other=_options("-W -X --check-hash-based-pycs"), text=_options("-c -m"))),
    ("perl", Language(_options("-I"), _options("-M -m"), _options("-e -E"), swallows="FiCxdDV0")),
    ("ruby|jruby", Language(_options("-I -r -C -X --require"), _options("-E -K"), _options("-e"))),
    (
        "node|nodejs|deno|bun|ts-node|tsx",
        Language(
            _options(
                "-r --require --import --loader --experimental-loader --env-file --env-file-if-exists "
                "--openssl-config --experimental-config-file"
            ),
            text=_options("-e --eval -p --print -pe"),
        ),
    ),
    ("php", Language(_options("-f --file -c -F -t -z"), _options("-d --define"), _options("-r --run -B -R -E"))),
    ("lua|luajit|texlua", Language(_options("-l"), text=_options("-e"))),
    ("expect|tclsh|wish", Language(_options("-f"), text=_options("-c"))),
    ("R|Rscript", Language(_options("-f --file"), text=_options("-e"))),
    (
        "[gmn]?awk|original-awk",
        Language(
            _options("-f --file -E --exec -i --include -l --load -We -Wexec"),
            _options("-v --assign -F --field-separator -W"),
            _options("-e --source"),
            script=False,
            program=True,
        ),
    ),
    (
        "g?sed",
        Language(
            _options("-f --file"), _options("-l"), _options("-e --expression"), script=False, program=True, sed=True
        ),
    ),
    (
        "(?:g|b|re)?make",
        Language(
            _options("-f --file --makefile -C --directory -I --include-dir -m"), _options("-o -W -j -l"), script=False
        ),
    ),
    (
        "java",
        Language(
            _options("-jar -cp -classpath --class-path -p --module-path --upgrade-module-path --patch-module"),
            _options("-m --module --add-modules"),
            script=False,
            clusters=False,
        ),
    ),
    (
        r"ld(?:-.*)?\.so.*",
        Language(
            _options("--library-path --preload --audit"),
            _options("--argv0 --inhibit-rpath"),
            clusters=False,
            launches=True,
        ),
    ),
    # What they are told in a file may have them run or write anything.
    ("curl", Language(_options("-K --config"), script=False)),
    ("wget", Language(_options("--config"), script=False)),
    ("sqlite3", Language(_options("-init"), script=False, clusters=False)),
    (
        "gdb|lldb",
        Language(
            _options("-x --command -ix --init-command -s -S --source"), _options("-ex -iex -p --pid"), clusters=False
        ),
    ),
    (
        "mongo|mongosh|bpftrace|stap|gnuplot|dc|gst|gforth|picolisp|clisp|ecl|iex|janet|hy|i?pypy[-0-9.]*|ipython|micropython|"
        "ts-node-esm|pytest|julia|octave|pwsh|groovy|scala|ocaml|guile|sbcl|swipl|elixir|escript|mono|dotnet|wine|raku|gjs|jython|go|nu|"
        "xonsh|elvish|ansible-playbook|osascript|m4|bc|racket|crystal|nim|php-cgi|coffee",
        _ANY,
    ),
)  # fmt: skip
_READERS = (
    r"check_(?!by_ssh|multi|negate).*|cat|tac|head|tail|wc|cut|sort|uniq|tr|nl|od|xxd|strings|[ef]?grep|z?cat|zgrep|rg|jq|"
    r"yq|stat|ls|du|df|file|test|\[|readlink|realpath|basename|dirname|echo|printf|true|false|sleep|date|id|which|lsattr|chattr|mountpoint|"
    r"md5sum|sha[0-9]+sum|b2sum|cksum|sum|cmp|diff|pgrep|pidof|pkill|ps|lsof|fuser|rpm|dpkg|dpkg-query|debsums|getfacl|"
    r"getcap|nm|objdump|readelf|openssl|curl|wget|logger|touch|rm|cp|mv|mkdir|chmod|chown|ssh|scp|docker|podman|kubectl|"
    r"systemctl|journalctl|clamscan|hostvigil|dd|tee|install|mysql|psql|sqlite3"
)
"""Programs for which a file is data, or a name on another host, even where it could be run here."""


@functools.lru_cache(maxsize=256)  # asked in each run
def language_of(name: str) -> Language | None:
    """Return how a program of this name reads its options; None where it is no known interpreter."""
    return next(
        (language for names, language in _LANGUAGES if re.fullmatch(rf"(?:{names})[-0-9.]*", name)),
        None,
    )


@functools.lru_cache(maxsize=256)
def reads_only(name: str) -> bool:
    return bool(re.fullmatch(_READERS, name))


def code_arguments(words: Sequence[str], language: Language) -> Iterator[CodeArgument]:
    """Yield the code among an interpreter's words, up to the program's own arguments."""
    at, is_given = 1, False
    while at < len(words):
        word = words[at]
        if word == "--":
            yield from (CodeArgument("script", later, place) for place, later in enumerate(words[at + 1 :], at + 1))
            return
        if word[:1] not in "-+" or len(word) < 2:
            if language.program:
                if not is_given:
                    yield CodeArgument("text", word, at)
                return
            if language.script:
                yield CodeArgument("script", word, at)
            at += 1
            continue
        option, value = _option(word, language)
        if option in language.code | language.other | language.text and value is None:
            at += 1
            value = words[at] if at < len(words) else ""
        if option in language.code:
            yield CodeArgument("code", value or "", at)
        elif option in language.text:
            yield CodeArgument("text", value or "", at)
            if not language.program:
                return
            is_given = True  # `sed -e one -e other file`
        at += 1


def _option(word: str, language: Language) -> tuple[str, str | None]:
    """Return the option of a word that may take a value, and the value where it is in the word."""
    name, equals, value = word.partition("=")
    if word.startswith("--") or not language.clusters:
        return name, value if equals else None
    options = language.code | language.other | language.text
    if word in options:
        return word, None
    for at, letter in itertools.islice(enumerate(word), 1, None):
        if word[0] + letter in options:
            return word[0] + letter, word[at + 1 :] or None
        if letter in language.swallows:
            break
    return word, None


def takes_input(words: Sequence[str], language: Language) -> bool:
    """Tell whether it is given nothing else to run than its input: `cat file | sh`."""
    if not language.script or language.launches:
        return False
    if language.sh and any(re.match(r"-[a-z]*s", word) for word in words[1:]):
        return True
    return all(one.what != "text" and is_input(one.value) for one in code_arguments(words, language))


def is_input(name: str) -> bool:
    return bool(re.fullmatch(r"-|/dev/(?:stdin|fd/\d+)|/proc/self/fd/\d+", name))
