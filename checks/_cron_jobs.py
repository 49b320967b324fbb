"""The jobs of crontab(5): what program a line is about, and how long it may take until it has run again.

Only the program is told: arguments in crontabs have passwords in them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

_ASIDE = (
    "test [ cd sleep true false : umask export command run-parts . source set ulimit trap echo printf logger if for "
    "while until case exit wait date mkdir touch rm"
)
"""What prepares, cleans up or decides: nobody waits for it."""
_BEFORE: dict[str, tuple[str, int]] = {
    # Options that have a value, and how many words stand before the command.
    **dict.fromkeys(("nice", "ionice"), ("-n -c -p", 0)),
    **dict.fromkeys(("sudo", "doas", "runuser", "env"), ("-u -g -h -p -C -T -r -t -D -R -S", 0)),
    **dict.fromkeys(("chronic", "cronic", "nohup", "exec", "setsid", "do", "then", "else", "time", "{", "!"), ("", 0)),
    "systemd-cat": ("-t -p", 0),
    "timeout": ("-k -s", 1),
    "flock": ("-w -E", 1),
    "su": ("-s -g", 1),
}
_SHELL = re.compile(r"(?:ba|da|z|k)?sh|su|runuser")
_INTERPRETER = re.compile(r"php[\d.]*|python[\d.]*|perl|ruby|node|nodejs|java|Rscript|(?:ba|da|z|k)?sh")
_PROGRAM = re.compile(r"[\w./+-]*\w[\w./+-]*")
_COUNTED = re.compile(r"\$\(\([^()]*\)\)|\$\([^()]*\)|`[^`]*`")
"""What a shell works out first."""
_SPANS = {"hourly": "2h", "daily": "25h", "midnight": "25h", "weekly": "8d", "monthly": "32d"}


def job(line: str, users: int) -> tuple[str, str] | None:
    """Return program and longest time between runs of one line; None for what is no job.

    `users`: how many words with the user's name stand before the command.
    """
    times = 1 if line.startswith("@") else 5
    words = line.split(maxsplit=times + users)
    if len(words) <= times + users or line.startswith("#") or "=" in words[0]:
        return None
    span = _SPANS.get(words[0][1:], "") if times == 1 else _longest(words[:5])
    program = "" if "hostvigil " in words[-1] else _program(words[-1])
    return (program, span) if program and span else None


def _program(text: str) -> str:
    """Return what a text for a shell is about; '' where it cannot be told."""
    return next(filter(None, map(_of_command, _commands(text))), "")


def _commands(text: str) -> Iterator[list[str]]:
    """Yield the commands of a text for a shell, each as its words up to a redirection."""
    lexer = shlex.shlex(_COUNTED.sub("", text), posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    command: list[str] = []
    ended = False
    try:
        for word in lexer:
            if re.fullmatch(r"[();|&]+", word):
                yield command
                command, ended = [], False
            elif ended := ended or "<" in word or ">" in word:
                continue
            else:
                command.append(word)
    except ValueError:  # a quote that is not closed
        return
    yield command


def _of_command(words: list[str]) -> str:
    while words:
        word, words = words[0], words[1:]
        name = word.rpartition("/")[2]
        if name in _BEFORE:
            text, words = _behind(name, words)
            if text:
                return _program(text)
        elif not re.match(r"-|\w+=", word):
            return "" if name in _ASIDE.split() or not _PROGRAM.fullmatch(word) else _of_interpreter(word, words)
    return ""


def _behind(name: str, words: list[str]) -> tuple[str, list[str]]:
    """Return the text for a shell that a launcher is given, and the words of the command behind its own."""
    options, own = _BEFORE[name]
    while words and (own or words[0].startswith("-") or re.match(r"\w+=", words[0])):
        word, words = words[0], words[1:]
        if word == "-c" and _SHELL.fullmatch(name):
            return (words[0] if words else ""), []
        if word in options.split():
            words = words[1:]
        elif not word.startswith("-") and "=" not in word:
            own -= 1
    return "", words


def _of_interpreter(program: str, words: list[str]) -> str:
    """Return the script that an interpreter is given, the program itself where there is none."""
    name = program.rpartition("/")[2]
    if not _INTERPRETER.fullmatch(name):
        return program
    for at, word in enumerate(words):
        if word in ("-c", "-lc", "-ec") and _SHELL.fullmatch(name):
            return _program(words[at + 1]) if words[at + 1 :] else ""
        if word in ("-c", "-e", "-r"):
            return program
        if not word.startswith("-") and "=" not in word:
            return word if _PROGRAM.fullmatch(word) else program
    return program


def _longest(times: list[str]) -> str:
    """Return a span in which it must have run, for: minute, hour, day of month, month, weekday."""
    _, hour, day, month, weekday = times
    if month != "*":
        return ""
    return "32d" if day != "*" else "8d" if weekday != "*" else "25h" if hour != "*" else "2h"
