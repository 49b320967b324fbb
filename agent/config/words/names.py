"""A name that is not known: which one is meant by it, and what to write instead."""

from __future__ import annotations

import re
import typing

from agent.config.words import foreign
from agent.config.words.quoting import short

FEW = 6
"""So many names can be listed in a message."""


def nearest(name: str, names: typing.Iterable[str]) -> str:
    """Return the known name that is meant by a slip of the hand, or ''. No hint is better than a wrong one."""
    from difflib import SequenceMatcher

    def likeness(other: str) -> float:
        one, two = _without_same_level(name.lower(), other.lower())
        if abs(len(one) - len(two)) > 2:
            return 0.0
        if sorted(one) == sorted(two):
            return 0.99 if one != two else 1.0
        # Of two short words that differ in a letter, each is a word of its own: port and sort.
        enough = 0.75 if max(len(name), len(other)) > 4 else 0.8
        ratio = SequenceMatcher(None, one, two).ratio()
        if len(one) < len(name) and _one_letter_off(one, two):
            return max(ratio, enough)
        return ratio if ratio >= enough else 0.0

    best = max(names, key=likeness, default="")
    return best if best and likeness(best) else ""


def _without_same_level(one: str, two: str) -> tuple[str, str]:
    """Take from two names the level that both end with: of `min_free_critical` not that makes `inodes_critical`."""
    level = next((level for level in ("_warning", "_critical") if one.endswith(level) and two.endswith(level)), "")
    return one.removesuffix(level), two.removesuffix(level)


def missing_name(name: str, names: typing.Iterable[str], missing: typing.Collection[str]) -> str:
    """Return which of the missing names somebody meant who wrote one that is not known; '' for none.

    Where a name has to be, one letter that is wrong is enough of a hint; else it might be a word of its own.
    """
    names = list(names)
    if name_meant := _other_word(name, names) or nearest(name, names):
        return name_meant if name_meant in missing else ""
    return next((one for one in missing if _one_letter_off(name.lower(), one)), "")


def _other_word(name: str, names: list[str]) -> str:
    """Return the name for which other tools have this word; '' for none, and where it is the name but for a slip."""
    ours = foreign.setting(name, names)
    return "" if ours == nearest(name, [ours]) and not foreign.unit(name) else ours


def is_meant(name: str, names: typing.Iterable[str]) -> bool:
    """Tell whether one of these is meant by a name, by a slip or in the words of another tool."""
    names = list(names)
    return bool(_other_word(name, names) or nearest(name, names))


def _in_our_words(name: str, ours: str) -> str:
    note = foreign.note(ours, name)
    return f"write '{ours}'" + (f" ({note})" if note else "")


def slip_text(setting: str, name: str, slip: str) -> str:
    """Say that a name is not known, and that the one that was meant is missing."""
    text = f"unknown setting {short(setting)}"
    if _other_word(name, [slip]):
        return f"{text}, {_in_our_words(name, slip)}, which is missing"
    return f"{text}, did you mean '{slip}', which is missing?"


def _one_letter_off(first: str, second: str) -> bool:
    """Tell whether a letter is other, too much or missing, in words of three letters or more."""
    if min(len(first), len(second)) < 3 or abs(len(first) - len(second)) > 1:
        return False
    short_one, long_one = sorted((first, second), key=len)
    at = next((at for at, (a, b) in enumerate(zip(short_one, long_one, strict=False)) if a != b), len(short_one))
    return long_one[at + 1 :] == short_one[at + (len(first) == len(second)) :]


def unknown(
    setting: str, name: str, names: typing.Iterable[str], shown_names: typing.Iterable[str] | None = None
) -> str:
    """Say that a name is not known, and what to write: the word that is meant, else the names that there are."""
    names = list(names)
    text = f"unknown setting {short(setting)}"
    if spaceless := without_space(name, names):
        return f"{spaceless!r} needs a colon and a space before its value: write '{spaceless}: ...'"  # may be a secret
    level, dot, below = name.partition(".")
    if dot and below and level in names:
        return f"a dot is no level here: write {short(level)[1:-1]}: and below it, indented, {short(below)[1:-1]}: ..."
    if ours := _other_word(name, names):
        return f"{text}, {_in_our_words(name, ours)}"
    if close := nearest(name, names):
        return f"{text}, did you mean '{close}'?"
    choices = names if shown_names is None else list(shown_names)
    if pair := [one for one in names if one in (f"{name}_warning", f"{name}_critical")]:
        return f"{text}, write {' or '.join(map(repr, pair))}"
    if levels := _levels("critical" if name.lower() in ("threshold", "thresholds", "limit") else name, choices):
        return f"{text}, write {levels}"
    if shown_names is None and len(choices) > FEW:
        return text
    return f"{text}, write one of {', '.join(compact(choices))}" if choices else text


def without_space(name: str, names: typing.Container[str]) -> str:
    """Return the setting that is meant by `type:load` or `type = load`; '' for none."""
    match = re.match(r"([\w-]+)\s*[:=]\s*\S", name)
    return match[1] if match and match[1] in names else ""


def _levels(name: str, names: list[str]) -> str:
    """Return the levels that a type has instead of one plain `warning`."""
    word = next(
        (word for word in ("warning", "critical") if name == word or (word.startswith(name) and len(name) > 3)), ""
    )
    levels = [one for one in names if word and one.endswith(f"_{word}")]
    return " or ".join((", ".join(levels[:-1]), levels[-1])) if len(levels) > 1 else "".join(levels)


def compact(names: list[str]) -> list[str]:
    """Return names for a list, each pair of levels as one: `age_warning/critical`."""
    pairs = {name.removesuffix("_warning") for name in names if name.endswith("_warning")}
    pairs &= {name.removesuffix("_critical") for name in names if name.endswith("_critical")}
    return [
        f"{name}/critical" if name.removesuffix("_warning") in pairs else name
        for name in names
        if not (name.endswith("_critical") and name.removesuffix("_critical") in pairs)
    ]
