"""Whether a text for a shell runs what comes over the network: nobody can say who could change that."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

_CLIENT = re.compile(
    r"(?<![\w.-])(?:curl|wget|nc|ncat|netcat|socat|ssh|telnet|lftp|aws|gsutil|dig|nslookup)(?![\w.-])|/dev/(?:tcp|udp)/"
)
_INTERPRETER = re.compile(r"(?:\S*/)?(?:(?:ba|da|z|k|a)?sh|python[\d.]*|perl|ruby|node|php)")
_LAUNCHER = re.compile(r"sudo|doas|nice|env|timeout|exec|command|xargs|nohup|[\d.]+[smh]?|\w+=.*|-.*")
_OUTPUT_IS_RUN = re.compile(
    r"(?:\beval|\s-\w*c|\b(?:ba|da|z|k)?sh|\bpython[\d.]*|\bperl|(?:^|[\s(])\.|\bsource)\s+[\"<\s]{0,4}(?:\$\(|`|<\()\s*(?=(\S+))"
)
_SAVES = re.compile(r"-[a-zA-Z]*[oO]|>|--output(?:-document)?")


def runs_what_it_fetches(text: str) -> bool:
    """Look at the words only: `curl ... | sh`, `eval "$(curl ...)"`, `wget -O /x ...; sh /x`."""
    fetched_files: set[str] = set()
    for statement in re.split(r"[;&\n]+", re.sub(r"\d?>&\d", "", text)):
        parts = statement.split("|")
        first = next((at for at, part in enumerate(parts) if _CLIENT.search(part)), len(parts))
        if any(_runs_input(part.split()) for part in parts[first + 1 :]):
            return True
        if any(_CLIENT.match(match[1]) for match in _OUTPUT_IS_RUN.finditer(statement)):
            return True
        words = statement.split()
        if fetched_files & set(_run(words)):
            return True
        if first < len(parts):
            fetched_files |= set(_output_files(words))
    return False


def _behind_launchers(words: Sequence[str]) -> Sequence[str]:
    at = next((at for at, word in enumerate(words) if not _LAUNCHER.fullmatch(word)), len(words))
    return words[at:]


def _runs_input(words: Sequence[str]) -> bool:
    words = [word.strip("\"')") for word in _behind_launchers(words)]
    if not words or not _INTERPRETER.fullmatch(words[0]):
        return False
    return "-s" in words or all(re.fullmatch(r"-[abd-ln-z]*", word) for word in words[1:] if word)


def _run(words: Sequence[str]) -> Sequence[str]:
    """Return what may be the file that a simple command runs: its program, or an interpreter's script."""
    words = _behind_launchers(words)
    if not words or not (_INTERPRETER.fullmatch(words[0]) or words[0] in (".", "source")):
        return words[:1]
    return _behind_launchers(words[1:])[:1]


def _output_files(words: Sequence[str]) -> list[str]:
    """Return the files that a client is told to write."""
    split = " ".join(words).replace("=", " ").replace(">", " > ").split()
    return [file for option, file in itertools.pairwise(split) if _SAVES.fullmatch(option)]
