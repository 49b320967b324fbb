"""conf.d -> Config, or every Problem as file:line:column: what is wrong, what to write instead."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from agent.config.calendar.zones import zone_fault
from agent.config.checks import read_checks
from agent.config.fault import Fault
from agent.config.files.content import Unreadable, folder_fault, folders_in, format_path, of_others, version
from agent.config.files.patience import LEAST, Patience
from agent.config.located_yaml.tree import Node
from agent.config.own_bug import problem_of
from agent.config.reading import Reading
from agent.config.script_folder import list_scripts, look, name_of
from agent.config.senders import unknown_senders
from agent.config.setting_value import parse_once
from agent.config.settings import Config, Place, Problem
from agent.config.types.catalog import Catalog, Folder
from agent.config.types.own_types import sources
from agent.config.words.quoting import one_line

log = logging.getLogger("hostvigil.config")

NO_CHECK = "no check in these files: write one under `checks:`"


def load(directory: Path, catalog: Catalog, environ: Mapping[str, str] = os.environ) -> Config:
    """Read every drop-in of a directory. Nothing is raised: whatever is wrong is a problem of the Config.

    The Config holds every check that is right in itself, whatever is wrong with others. The types in the owner's folder
    are added to the catalog.
    """
    try:
        config = _load(directory, catalog, environ)
    except Exception as error:  # noqa: BLE001 - a bug of ours must not end an agent that has a configuration already
        config = Config(problems=(problem_of(Place(format_path(directory)), error, agent=True),))
    # Whoever goes by a link means the same folder; on a mount that hangs no link is followed.
    whole = os.fspath(directory.absolute()) if config.silent else os.path.realpath(directory)
    return msgspec.structs.replace(config, directory=whole)


def load_agent(directory: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read only the agent's own settings: no check, no type. For whoever was refused with a key that has changed since.

    Its problems are those because of which `agent` may be meant otherwise.
    """
    try:
        reading = Reading(directory, environ)
    except Unreadable as error:
        return Config(problems=(Problem(Place(format_path(directory)), str(error), agent=True),))
    agent, faults = reading.agent()
    problems = [*reading.problems, *map(_agent_problem, faults)]
    return Config(
        agent,
        {},
        _in_order(reading.explain(problems)),
        reading.secrets(),
        reading.sources,
        tuple(reading.patience.silent),
    )


def _load(directory: Path, catalog: Catalog, environ: Mapping[str, str]) -> Config:
    patience = Patience()
    try:
        reading = Reading(directory, environ, patience)
    except Unreadable as error:
        return _without_folder(directory, str(error), patience)
    _name_owners(reading.sources)
    zone_fault.cache_clear()  # the host may have got its time zones since the last load
    parse_once.cache_clear()
    agent, faults = reading.agent()
    problems = reading.problems
    types = own_types(directory, agent.checks_d)
    own = Folder(types)
    problems += _own_types(own, agent.replace_types, catalog, reading)
    if agent.scripts:
        agent = msgspec.structs.replace(agent, scripts=str(directory / agent.scripts))
        problems += _scripts(Path(agent.scripts), reading)
    secrets = reading.secrets()
    all_read = all(problem.aside for problem in problems)
    checks, more = read_checks(_in_turn(reading.files), catalog, all_read)
    problems += _folder_problems(directory)
    problems += [*map(_agent_problem, faults), *more]
    problems += unknown_senders(checks.values())
    if not checks and not problems:
        problems.append(Problem(Place(format_path(directory)), NO_CHECK))
    secrets = secrets.union(*(check.secrets for check in checks.values()))
    silent = (*reading.patience.silent, *own.patience.silent)
    return Config(agent, checks, _in_order(reading.explain(problems)), secrets, reading.sources, silent)


def _without_folder(directory: Path, text: str, patience: Patience) -> Config:
    """Return what is known where the folder cannot be read; one that hangs is not asked for its version either."""
    problem = Problem(Place(format_path(directory)), text, agent=True)
    before = {} if patience.silent else {str(directory): version(directory)}
    return Config(problems=(problem,), sources=before, silent=tuple(patience.silent))


def _in_turn(files: list[Mapping[str, Node]]) -> Iterator[Mapping[str, Node]]:
    """Yield each file and let go of it: the checks of the next ones use the memory of its tree."""
    files.reverse()
    while files:
        yield files.pop()


def _agent_problem(fault: Fault) -> Problem:
    return Problem(fault.place, str(fault), agent=not fault.aside, aside=fault.aside)


def _folder_problems(directory: Path) -> list[Problem]:
    """Say which drop-ins are in folders, as far as these answer: nobody waits for a folder that is not read."""
    patience = Patience(LEAST)
    try:
        folders = patience.one(str(directory), partial(folders_in, directory))
    except Unreadable:
        return []
    faults = patience.all({str(folder): partial(folder_fault, folder) for folder in folders})
    return [
        Problem(Place(format_path(Path(path))), why, aside=True)
        for path, why in faults.items()
        if why and isinstance(why, str)
    ]


def _name_owners(sources: Iterable[str]) -> None:
    """Say in the log where root's agent takes orders from others; what is no drop-in gives none."""
    if others := of_others(path for path in map(Path, sources) if path.suffix.lower() in (".yaml", ".yml")):
        text = "%s, who can so have root run commands (%d such files): chown root, or run the agent as that user"
        log.warning(text, others[0], len(others))


def own_types(directory: Path, setting: str) -> Path:
    """Return the folder of the owner's check types."""
    return directory / setting if setting else directory.parent / "checks.d"


def _own_types(folder: Folder, replace: Sequence[str], catalog: Catalog, reading: Reading) -> list[Problem]:
    """Add the owner's types; a name of a built-in one is a problem, unless it is to be replaced."""
    try:
        paths = reading.patience.one(str(folder.path), partial(sources, folder.path))
        versions = reading.patience.all({str(path): partial(version, path) for path in paths})
        reading.sources |= {path: before for path, before in versions.items() if not isinstance(before, BaseException)}
        duplicates = catalog.add(folder, replace)
    except Unreadable as error:
        catalog.unread = format_path(folder.path)
        return [Problem(Place(format_path(folder.path)), str(error))]
    problems = []
    for name in duplicates:
        if name not in replace:
            text = f"a built-in type is called '{name}' and stays in force: rename the file, or write under `agent:` "
            problems.append((name, f"{text}`replace_types: [{name}]`"))
    no_file = "agent.replace_types names it, but it is no built-in type with a file here"
    problems += [(name, no_file) for name in replace if name not in duplicates]
    return [Problem(Place(format_path(folder.file(name))), text, aside=True) for name, text in problems]


def _scripts(folder: Path, reading: Reading) -> list[Problem]:
    """Add the scripts of a folder, as if each were a file of its own."""
    try:
        folders, files, wrong = reading.patience.one(str(folder), partial(list_scripts, folder))
    except Unreadable as error:
        return [Problem(Place(format_path(folder)), str(error))]
    reading.sources |= folders
    problems = [Problem(Place(format_path(path)), why) for path, why in wrong]
    answers = reading.patience.all({str(path): partial(look, path, interval) for path, interval in files})
    for path, answer in ((Path(path), answer) for path, answer in answers.items()):
        if isinstance(answer, BaseException) and not isinstance(answer, Unreadable):
            raise answer
        sections, fault = ({}, str(answer)) if isinstance(answer, BaseException) else answer
        if sections:
            reading.files.append(sections)
        if fault:
            problems.append(Problem(Place(format_path(path)), fault, name_of(path)))
    return problems


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Order by place; what is wrong with several checks for one reason, a default, is said once."""
    checks_by_fault: dict[tuple[Place, str, bool, bool], set[str]] = {}
    for problem in problems:
        key = (problem.place, one_line(problem.text), problem.agent, problem.aside)
        checks_by_fault.setdefault(key, set()).add(one_line(problem.check))
    once = [
        Problem(place, text, min(of) if len(of) == 1 else "", agent, aside)
        for (place, text, agent, aside), of in checks_by_fault.items()
    ]
    return tuple(sorted(once, key=lambda problem: (problem.place.file, problem.place.line, problem.place.column)))
