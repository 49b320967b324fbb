"""What to say of a check that is not there, or not seen."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from agent.config.files.patience import SILENT
from agent.config.rules import OWN_NAME
from agent.config.settings import Config, Problem
from agent.config.words.names import nearest


def no_check(name: str, names: Iterable[str]) -> str:
    """Say that there is no such check, and suggest the nearest name."""
    names = list(names)
    if name == OWN_NAME:
        return f"the check {OWN_NAME} is the agent's own and not run by hand: hostvigil status, hostvigil doctor"
    check, colon, _ = name.partition(":")
    if colon and check in names:
        return f"no check is called {name!r}: that is a subject of a check, write {check}"
    close = nearest(name, names)
    return f"no check is called {name!r}" + (f", did you mean '{close}'?" if close else "")


def hanging(config: Config, *folders: Path) -> str:
    """Say which of the folders that are to be written into does not answer; '' where all do."""
    return next((f"{folder} {SILENT}" for folder in folders if str(folder) in config.silent), "")


def reading_problems(config: Config) -> list[Problem]:
    """Return the problems behind which there may be more checks than can be seen."""
    return [problem for problem in config.problems if not problem.check and not problem.aside]
