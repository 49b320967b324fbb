"""Names of kernels: of which kind each is, and which of two is newer, as the distribution's own tool has it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cmp_to_key
from itertools import zip_longest

ARCHITECTURE = re.compile(
    r"amd64|x86_64|x64v\d|i\d86|686|arm64|aarch64|arm\w*|v\d+l?|2712|ppc64\w*|powerpc\w*|s390x?|riscv64|loong\w*|mips\w*"
    r"|\d+k"  # pages of 16k or 64k
)
DISTRIBUTION = frozenset(("deb", "bpo", "rpt", "el", "fc", "amzn", "rc", "r", "git", "ubuntu", "lp", "mga"))
"""Words with which a distribution counts its releases: they are part of the version, not of the kind."""
RPM = re.compile(r"\.(?:el|fc|amzn)\d|\.(?:x86_64|aarch64|ppc64le|s390x|i686|riscv64)\b")


def newest(running: str, installed: Iterable[str]) -> str:
    """Return the newest kernel of the running one's kind (generic, cloud, rt), if that is not the running one."""
    kind = [release for release in installed if flavour(release) == flavour(running)]
    last = max(kind, key=cmp_to_key(compare), default="")
    return last if last and compare(last, running) > 0 else ""


def flavour(release: str) -> frozenset[str]:
    """`6.12.74+deb13+1-rt-amd64` -> rt, amd64: words that stay the same from version to version."""
    words = re.findall(rf"(?<![a-z0-9])(?:{ARCHITECTURE.pattern})(?![a-z0-9])|[A-Za-z0-9]+", release)
    return frozenset(word for word in map(_kind, words) if word)


def _kind(word: str) -> str:
    if ARCHITECTURE.fullmatch(word):
        return word
    letters = re.sub(r"\d", "", word)
    if letters.lower() in DISTRIBUTION or re.fullmatch(r"g[0-9a-f]{7,}|\d+git\w*", word):
        return ""
    if not letters:
        return ""
    # `arch1`, `xanmod2` and `el9uek` count; `rk3588` is a name.
    return letters if re.fullmatch(r"\d*[A-Za-z]+\d{0,2}[A-Za-z]*", word) else word


def compare(one: str, other: str) -> int:
    """Return below, above or equal to 0, as the first kernel is older, newer or the same; both of one kind."""
    order = rpm_order if RPM.search(one) or RPM.search(other) else dpkg_order
    for left, right in zip(_parts(one), _parts(other), strict=True):
        if result := order(left, right):
            return result
    return 0


def version(release: str) -> str:
    """Cut off what only says the kind: `6.8.0-45-generic` -> `6.8.0-45`."""
    cut = re.sub(r"\.(?:x86_64|aarch64|ppc64le|s390x|i686|riscv64)(?:[+.]\w+)?$", "", release)
    parts = cut.split("-")
    while len(parts) > 1 and (ARCHITECTURE.fullmatch(parts[-1].rstrip("+")) or re.fullmatch(r"[A-Za-z]+", parts[-1])):
        parts.pop()
    # A candidate comes before what it is a candidate for.
    return re.sub(r"-rc(?=\d)|(?<=\d)rc(?=\d)", "~rc", "-".join(parts))


def _parts(release: str) -> tuple[str, str]:
    """Split into upstream's version and the distribution's revision, at the last hyphen as dpkg and rpm do."""
    before, hyphen, after = version(release).rpartition("-")
    return (before, after) if hyphen else (after, "")


def dpkg_order(one: str, other: str) -> int:
    """Compare as dpkg does: text and numbers in turn; `~` before all, then the end, then letters, then signs."""
    pieces = zip_longest(re.findall(r"(\D*)(\d*)", one), re.findall(r"(\D*)(\d*)", other), fillvalue=("", ""))
    for (text, number), (other_text, other_number) in pieces:
        left, right = _weights(text), _weights(other_text)
        for a, b in zip_longest(left, right, fillvalue=0):
            if a != b:
                return 1 if a > b else -1
        if int(number or 0) != int(other_number or 0):
            return 1 if int(number or 0) > int(other_number or 0) else -1
    return 0


def _weights(text: str) -> list[int]:
    return [-1 if char == "~" else ord(char) if char.isalpha() else ord(char) + 256 for char in text]


def rpm_order(one: str, other: str) -> int:
    """Compare as rpm does: signs only separate; a number is newer than letters, and more is newer than less."""
    left, right = (re.findall(r"\d+|[a-zA-Z]+|~|\^", text) for text in (one, other))
    for a, b in zip_longest(left, right, fillvalue=""):
        if a != b and (result := _rpm_piece(a, b)):
            return result
    return 0


def _rpm_piece(a: str, b: str) -> int:
    """Rank two pieces: `~` is older than the end, `^` newer than the end but older than anything else."""
    ranks = {"~": 0, "": 1, "^": 2}
    first, second = (ranks.get(piece, 4 if piece.isdigit() else 3) for piece in (a, b))
    if first != second:
        return 1 if first > second else -1
    if first == 4:
        return (int(a) > int(b)) - (int(a) < int(b))
    return (a > b) - (a < b)
