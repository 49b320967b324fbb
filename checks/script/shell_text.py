"""The simple commands in a text for a shell: roughly, and rather one too many than one too few."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

_SUBSTITUTION = re.compile(r"\$\(|[`()\"]")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?[-=]([^{}]*))?\}|(\w+))")
_WORDS = re.compile(r"\"?\$(?:[@*]|\{[@*]\})\"?")
_SET = re.compile(r"\bset\s+--\s+([^;\n&|]*)")
_FUNCTION = re.compile(r"\w\s*\(\s*\)|\bfunction\s")
_QUOTED = re.compile(r"\$'((?:[^'\\]|\\.)*)'")
_ASSIGNMENT = re.compile(r"""(?:^|[\s;&|({])(\w+)\+?=("[^"]*"|'[^']*'|[^\s;&|()"']+)|\bfor\s+(\w+)\s+in\s+([^;\n]*)""")
_MOST_WAYS = 8
PIPED = "\0"
FILTERS = {"awk", "base64", "cat", "cut", "dd", "grep", "head", "sed", "sort", "tail", "tr", "zcat"}
"""Of these the file that they write is one of their words."""
_KEYWORDS = {"-p", "{", "}", "!", "if", "then", "elif", "else", "while", "until", "do", "time", "coproc"}


def expand(text: str, env: Mapping[str, str]) -> str:
    """Put in the variables that are known."""
    text = _VARIABLE.sub(lambda match: env.get(match[1] or match[3], match[0] if match[2] is None else match[2]), text)
    return re.sub(r"(?<![^\s=:])~(?=/)", lambda _: env.get("HOME", "~"), text)


def commands_of(text: str, env: Mapping[str, str], arguments: Sequence[str] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the commands of a text with the variables that are known, and with each value that it gives them itself.

    `arguments` are $0 and what follows; within functions these would be others, so there they stay unknown.
    """
    if match := _SET.search(text):
        arguments = ["sh", *_tokens(match[1])]
    if arguments and not _FUNCTION.search(text):
        env = {**env, **{str(at): word for at, word in enumerate(arguments)}}
        text = _WORDS.sub(lambda _: shlex.join(arguments[1:]), text)
    values: dict[str, list[str]] = {}
    for name, value, loop, words in _ASSIGNMENT.findall(text):
        values.setdefault(name or loop, []).extend(re.findall(r"[^\s\"']+", words) if loop else [value.strip("\"'")])
    ways = max((len(choices) for choices in values.values()), default=1)
    for way in range(min(ways, _MOST_WAYS)):
        own = {name: choices[min(way, len(choices) - 1)] for name, choices in values.items() if choices}
        own = {name: expand(value, {**env, **own}) for name, value in own.items()}
        yield from commands(expand(expand(text, {**env, **own}), env))


@functools.lru_cache(maxsize=256)  # a check's text is the same in every run
def commands(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the words of each simple command, also of those in `$(...)` and backticks."""
    parts = [*_commands(text)]
    if "$(" in text or "`" in text:
        parts += _commands(_SUBSTITUTION.sub(lambda match: " " if match[0] == '"' else " ; ", text))
    return tuple(dict.fromkeys(parts))


def _commands(text: str) -> Iterator[tuple[str, ...]]:
    """Cut tokens into commands. A file that is read (`sh < file`) comes last among the words: it may be the program.

    So do, behind the mark PIPED, the arguments of the command whose output is read.
    """
    words: list[str] = []
    inputs: list[str] = []
    redirection = ""
    for token in (*_tokens(text), ";"):
        operator = bool(token) and set(token) <= set("();<>|&")
        if operator and token[-1] in "<>&" and set(token) & {"<", ">"}:
            redirection = token
            if words and words[-1].isdigit():  # which descriptor
                words.pop()
        elif operator:
            if words or inputs:
                yield (*(words or "<"), *inputs)
            inputs = [PIPED + word for word in words[1:] if "/" in word] if token in ("|", "|&") else []
            words = ["(("] if token.endswith("((") else []  # arithmetic runs nothing itself
            redirection = ""
        elif redirection:
            if redirection == "<":
                inputs.append(token)
            elif redirection[0] == ">" and words and words[0] in FILTERS:
                words.append(token)  # what it writes
            redirection = ""
        elif token == "{" and (words[:1] == ["function"] or len(words) == 1):  # noqa: S105 - `coproc X {`; no password
            words = []
        elif words or token not in _KEYWORDS:
            words.append(token)


def _tokens(text: str) -> list[str]:
    whole = text.replace("\\\n", " ").replace("\n", " ; ")
    whole = _QUOTED.sub(lambda match: shlex.quote(_unescape(match[1])), whole)
    try:
        lexer = shlex.shlex(whole, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = ""
        return list(lexer)
    except ValueError:  # a quote without its end
        return re.findall(r"[();|&<>]+|[^\s();|&<>'\"]+", whole)


def _unescape(text: str) -> str:
    """Return what `$'...'` means."""
    try:
        return text.encode("latin-1", "backslashreplace").decode("unicode_escape")
    except UnicodeDecodeError:
        return text
