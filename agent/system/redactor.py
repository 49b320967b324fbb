"""The one redactor: secrets out of every text that leaves the process, in the forms in which they turn up.

What a thing *is* never goes through it: names of checks, tags, addresses. In the name of a subject only what can be
nothing else than a secret is hidden (`in_names`), and two subjects stay two.
"""

from __future__ import annotations

import re
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator

from agent.config.settings import Config
from agent.system.broken_lines import across_lines, hide
from agent.system.secret_finders import any_of, base64_finder, finder, longest_first
from agent.system.secret_forms import SHORT, forms, in_base64

HIDDEN = "***"
WORD = 8
"""The same for fewer characters than this, where they are letters only or digits only: a word, a port."""
LINE = 8
"""Lines of a secret of several lines are secrets, from this many characters on."""
CUT = 8
"""So many characters of a secret at the end of a line are what was left of it by a cut; `…` needs only SHORT."""
KEEP_SECONDS = 86_400.0
"""How long a secret that a reload replaced stays hidden: longer than anything that was begun with it may speak."""
MOST_OLD = 1000
"""Replaced secrets at the most; beyond that the oldest are forgotten."""


class Redactor:
    """Call it with a text. Any thread may; `apply` swaps what is looked for, and a call sees the old or the new."""

    def __init__(self, secrets: Iterable[str] = (), monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()  # between two who call `apply`
        self._old: dict[str, float] = {}
        self._secrets: frozenset[str] = frozenset()
        self._search: Callable[[str], str] = _nothing
        self._search_names: Callable[[str], str] = _nothing
        self._look_for(frozenset(secrets))

    def __call__(self, text: str) -> str:
        return self._search(text)

    def in_names(self, name: str) -> str:
        """Hide secrets in the name of a thing, but for those that may as well be a word, a port, a host or a path."""
        return self._search_names(name)

    @property
    def secrets(self) -> frozenset[str]:
        """All that is hidden now, for a child that logs by itself."""
        return self._secrets

    def apply(self, old: Config, new: Config) -> None:
        """Take over a configuration. What was a secret of the old one stays hidden for a day."""
        now, today = self._monotonic(), frozenset(new.secrets)
        with self._lock:
            for secret in frozenset(old.secrets) - today:
                self._old.pop(secret, None)
                self._old[secret] = now + KEEP_SECONDS
            recent = [(secret, end) for secret, end in self._old.items() if end > now and secret not in today]
            self._old = dict(recent[-MOST_OLD:])
            self._look_for(today | frozenset(self._old))

    def _look_for(self, secrets: frozenset[str]) -> None:
        if secrets != self._secrets:
            self._secrets, self._search = secrets, compile_secrets(secrets)
            self._search_names = compile_secrets(secret for secret in secrets if not _may_be_a_name(secret))
            re.purge()  # else `re` keeps the patterns of a hundred reloads, each of all secrets of a day


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return a function that hides these secrets, for ever the same."""
    return compile_secrets(frozenset(secrets))


def compile_secrets(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return a function that hides these secrets: as they are, quoted, encoded, line by line, or cut off."""
    parts = {part for secret in secrets for part in _parts(secret)}
    if not parts:
        return _nothing
    words = {form for part in parts if _is_word(part) for form in forms(part)}
    anywhere = {form for part in parts if not _is_word(part) for form in forms(part)}
    find = finder(anywhere)
    find_base64 = base64_finder({core for part in parts for core in in_base64(part)})
    steps = (
        lambda text: hide(text, find_base64(text), HIDDEN),
        lambda text: hide(text, find(text), HIDDEN),
        _word_hider(words),
        across_lines((find_base64, finder({form for form in anywhere if len(form) >= WORD})), HIDDEN),
        _prefix_hider(anywhere),
        _from_behind(_prefix_hider({form[::-1] for form in anywhere})),
    )

    def hide_all(text: str) -> str:
        for step in steps:
            text = step(text)
        return text

    return hide_all


def _nothing(text: str) -> str:
    return text


def _parts(secret: str) -> Iterator[str]:
    """Yield a secret and, of several lines, each line that says enough: programs show keys line by line."""
    if secret.strip():
        yield from {secret, secret.strip()}
        lines = [line.strip() for line in secret.splitlines()]
        if len(lines) > 1:
            yield from (line for line in lines if len(line) >= LINE and not _is_armour(line))


def _is_armour(line: str) -> bool:
    """`-----BEGIN PRIVATE KEY-----` is no secret."""
    return re.fullmatch(r"-----(BEGIN|END) [A-Z0-9 ]+-----", line) is not None


def _is_word(part: str) -> bool:
    """Tell whether it may be part of what is no secret: a word, a number, a port."""
    plain = (part.isalpha() or part.isdigit()) and len(part) < WORD
    return len(part) < SHORT or plain


def _may_be_a_name(secret: str) -> bool:
    return len(secret) < WORD or secret.isalpha() or secret.isdigit() or _PLACE.fullmatch(secret) is not None


_PLACE = re.compile(r"(?i)(?:(?:[a-z0-9_-]{1,63}\.){1,9}[a-z]{2,20}|\d+(?:\.\d+){3}|localhost)(?::\d+)?|/[\w./-]+")
"""A host, an address or a path."""


def _standing_alone(form: str) -> str:
    r"""Match a form where it is no part of a word, an address, a path or a number.

    `\n` before it, in a text that is quoted for Python or JSON, is no part of it; a password in a URL stands alone.
    """
    word = re.escape(form)
    before = r"[\w./%+\-]" if form.isalpha() else r"[\w./%+\-:]"  # 10.0.0.1:8080 is an address
    after = r"(?![\w/%+\-]|[.:]\w)"
    return rf"(?:(?<!{before})|(?<=\\[nrt])){word}{after}|(?<=:){word}(?=@)"


def _word_hider(words: set[str]) -> Callable[[str], str]:
    if not words:
        return _nothing
    search = re.compile("|".join(map(_standing_alone, longest_first(words))))
    return lambda text: search.sub(HIDDEN, text)


def _from_behind(step: Callable[[str], str]) -> Callable[[str], str]:
    return _nothing if step is _nothing else lambda text: step(text[::-1])[::-1]


def _prefix_hider(forms: set[str]) -> Callable[[str], str]:
    """Return a function that hides the beginning of a secret where the rest of it was cut off.

    Somebody else may have cut the text before we saw it: at the end of a line, or where an ellipsis says so.
    """
    long = sorted(form for form in forms if len(form) > SHORT)
    if not long:
        return _nothing
    longest = max(map(len, long))
    # A look-ahead, for beginnings may overlap.
    head = re.compile(f"(?=(?:{any_of({form[:SHORT] for form in long})}))")
    end_of_text = re.compile(r"[^\S\n]*(?:(…|\.\.\.)|$)", re.MULTILINE)

    def hide_beginnings(text: str) -> str:
        parts, position = [], 0
        for match in head.finditer(text):
            start = match.start()
            if start < position:
                continue
            length = _most_alike(text[start : start + longest], long)
            stop = end_of_text.match(text, start + length)
            if stop and length >= (SHORT if stop[1] else CUT):
                parts.append(text[position:start] + HIDDEN)
                position = start + length
        return "".join(parts) + text[position:] if parts else text

    return hide_beginnings


def _most_alike(text: str, forms: list[str]) -> int:
    """Return how many characters the text has in common with the beginning of one of these forms, which are sorted."""
    place = bisect_left(forms, text)
    return max(_alike(text, form) for form in forms[max(0, place - 1) : place + 1])


def _alike(one: str, other: str) -> int:
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if one.startswith(other[:middle]) else (least, middle - 1)
    return least
