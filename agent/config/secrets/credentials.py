"""Passwords and tokens within the words of a command, and within addresses. Pure."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator, Sequence

_NAMES = r"(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|(?:api|access|private|auth)[_-]?key|credential)s?"
_OPTION = re.compile(rf"(?i)--?(?:\w+[_-])*{_NAMES}")
_ASSIGNED = re.compile(rf"(?i)(?:--?)?(?:\w*[_-]|pg|mysql_|redis|rabbitmq)?{_NAMES}=(.+)", re.DOTALL)
_HEADER = re.compile(rf"(?i)(?:proxy-)?authorization:\s*(?:\w+\s+)?(\S+)|(?:[\w-]*[_-])?{_NAMES}:\s*(\S+)")
_QUERY = re.compile(rf"(?i)[?&](?:\w*[_-])?(?:{_NAMES}|key|sig|signature)=([^&#\s\"']+)")
_IN_A_URL = re.compile(r"://[^\s/?#@:]*:([^\s/?#@]+)@")
_SHORT = (
    # programs, the letters of their options, and whether the password stands behind a colon
    (r"(?:mysql|mariadb)\w*", "p", "glued"),
    (r"sshpass|check_(?:mysql\w*|pgsql|dbi|oracle)|mongo\w*|rabbitmqadmin|check_rabbitmq\w*", "p", ""),
    (r"curl|check_http|check_curl", "uUab", "colon"),
    (r"redis-cli|check_redis\w*", "a", ""),
    (r"ldap\w+", "w", ""),
    (r"ipmitool|sqlcmd|check_ldaps?|check_ipmi\w*", "P", ""),
    (r"snmp\w+|check_snmp\w*|check_ifstatus|check_ifoperstatus", "cCAX", ""),
)
_MIXED = re.compile(r"\d.*[a-zA-Z]|[a-zA-Z].*\d")
_LOGIN = re.compile(r"(?im)^[ \t]*(?:\w+[ \t]+)?(?:AUTH|PASS|LOGIN)[ \t]+(?:[^\s]+[ \t]+)*?([^\s]+)[ \t\r]*$")
_NO_SECRETS = frozenset(("public", "true", "false", "yes", "no", "prompt", "stdin", "none"))
_TOO_SHORT = re.compile(r".{0,3}|\d{0,5}", re.DOTALL)
"""A count or a word of the text, more likely: `--max-pass=5`."""
_NO_VALUE = "$<{*/-"
"""What begins so is a variable, a placeholder, a path or another option."""


def in_command(command: str | Sequence[str]) -> Iterator[str]:
    """Yield what the words of a command, or its text for a shell, hold as passwords."""
    texts = _words(command) if isinstance(command, str) else command
    for value in (*_of_words(texts), *(one for word in texts if " " in word for one in _of_words(_words(word)))):
        if not (_TOO_SHORT.fullmatch(value) or value[0] in _NO_VALUE or value.lower() in _NO_SECRETS):
            yield value


def in_address(text: str) -> Iterator[str]:
    """Yield the password of its user, and what its query gives by the name of a secret."""
    yield from _IN_A_URL.findall(text)
    yield from (value for value in _QUERY.findall(text) if value[0] not in _NO_VALUE)


def in_secret_address(text: str) -> Iterator[str]:
    """Yield what of an address that is a secret only who has it can know: `hooks.slack.com/services/T0/B0/THIS`."""
    scheme, separator, rest = text.partition("://")
    if separator and scheme.isalpha():
        parts = re.split(r"[/?&=#]", rest.partition("/")[2])
        yield from (part for part in parts if len(part) >= 16 or (len(part) >= 8 and _MIXED.search(part)))
        yield from in_address(text)


def in_protocol(text: str) -> Iterator[str]:
    """Yield what a line of a protocol logs in by: `AUTH password`, `PASS password`."""
    yield from (value for value in _LOGIN.findall(text) if not _TOO_SHORT.fullmatch(value))


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote without its end
        return text.split()


def _of_words(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        yield from in_address(word)
        for match in filter(None, (_HEADER.fullmatch(word), None if " " in word else _ASSIGNED.fullmatch(word))):
            yield from filter(None, match.groups())
    for option, value in itertools.pairwise(words):
        if _OPTION.fullmatch(option):
            yield value.removeprefix("pass:")  # as openssl has it
    for at, word in enumerate(words):
        name = word.rpartition("/")[2]
        for programs, letters, form in _SHORT:
            if re.fullmatch(programs, name):
                yield from _of_short_options(words[at + 1 :], letters, form)


def _of_short_options(words: Sequence[str], letters: str, form: str) -> Iterator[str]:
    for word, following in itertools.zip_longest(words, words[1:], fillvalue=""):
        if not re.match(f"-[{letters}]", word):
            continue
        value = word[2:] or ("" if form == "glued" else following)
        yield value.partition(":")[2] if form == "colon" else value
