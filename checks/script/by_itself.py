"""What a program runs or loads though no word names it: from its user's home and from its current folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from checks.script.languages import language_of
from checks.script.orders import LOGIN, home_files, obeys_its_folder, possible_orders
from checks.script.place import Place, existing
from checks.script.program_text import files_of

_PYTHON = re.compile(r"(?:python|pypy)[-0-9.]*")


def of_the_folder(name: str, place: Place) -> Iterator[str]:
    """Yield the current folder where the program obeys a file of it: `make`, `npm`."""
    if obeys_its_folder(name):
        yield _folder(place)


def of_python(words: Sequence[str], at: int, place: Place) -> Iterator[str]:
    """Look at the folder it takes modules from, and at what a module (`-m pdb file`) is told to run."""
    if not _is_python(words):
        return
    if _looks_around(words[:at]):
        yield _folder(place)
    yield from existing(possible_orders(words[at:]), place)
    yield from (file for word in words[at + 1 :] for file in files_of(word, place))


def of_the_home(words: Sequence[str], place: Place) -> Iterator[str]:
    """Look at what a program runs or loads by itself from the home folder."""
    name = words[0].rpartition("/")[2]
    names = home_files(name)
    if _is_python(words) and _looks_around(words):
        names = (".local/lib",)
    elif (language := language_of(name)) and language.sh:
        names = LOGIN if any(re.match(r"-[a-z]*[li]|--login", word) for word in words[1:]) else ()
    home = place.env.get("HOME", "") if names else ""
    yield from (file for name in names if home and os.path.exists(file := f"{home}/{name}"))  # noqa: PTH110 - each run


def _folder(place: Place) -> str:
    return place.full(".") if place.cwd else os.getcwd()  # noqa: PTH109 - each run


def _is_python(words: Sequence[str]) -> bool:
    return bool(_PYTHON.fullmatch(words[0].rpartition("/")[2]))


def _looks_around(words: Sequence[str]) -> bool:
    """Tell whether Python takes modules from the current folder and from its user's home."""
    return not any(re.match(r"-[a-zA-Z]*[IP]", word) for word in words[1:])
