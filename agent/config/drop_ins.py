"""conf.d -> Config, or every Problem as file:line:column: what is wrong, what to write instead."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from agent.api import weak_spot
from agent.config.catalog import Catalog, Folder
from agent.config.checks import read_checks
from agent.config.cron import zone_fault
from agent.config.files import Unreadable, left_out, of_others, shown, version
from agent.config.located_yaml.tree import Located
from agent.config.own_bug import problem_of
from agent.config.own_types import sources
from agent.config.reading import Reading
from agent.config.script_folder import folders, forgotten, name_of, scripts
from agent.config.senders import unknown_senders
from agent.config.settings import Config, Place, Problem
from agent.config.wording import one_line

log = logging.getLogger("hostvigil.config")


def load(directory: Path, catalog: Catalog, environ: Mapping[str, str] = os.environ) -> Config:
    """Read every drop-in of a directory. Nothing is raised: whatever is wrong is a problem of the Config.

    The Config holds every check that is right in itself, whatever is wrong with others. The types in the owner's folder
    are added to the catalog.
    """
    try:
        return _loaded(directory, catalog, environ)
    except Exception as error:  # noqa: BLE001 - a bug of ours must not end an agent that has a configuration already
        return Config(problems=(problem_of(Place(shown(directory)), error, agent=True),))


def load_agent(directory: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read only the agent's own settings: no check, no type. For whoever was refused with a key that has changed since.

    Its problems are those because of which `agent` may be meant otherwise.
    """
    try:
        read = Reading(directory, environ)
    except Unreadable as error:
        return Config(problems=(Problem(Place(shown(directory)), str(error), agent=True),))
    agent, faults = read.agent()
    problems = [*read.problems, *(Problem(fault.place, str(fault), agent=True) for fault in faults)]
    return Config(agent, {}, _in_order(read.explained(problems)), read.hidden(), read.sources)


def _loaded(directory: Path, catalog: Catalog, environ: Mapping[str, str]) -> Config:
    before = version(directory)
    try:
        read = Reading(directory, environ)
    except Unreadable as error:
        problem = Problem(Place(shown(directory)), str(error), agent=True)
        return Config(problems=(problem,), sources={str(directory): before})
    _name_owners(read.sources)
    zone_fault.cache_clear()  # the host may have got its time zones since the last load
    agent, faults = read.agent()
    files, problems = read.files, read.problems
    types = own_types(directory, agent.checks_d)
    read.sources |= {str(path): version(path) for path in sources(types)}
    problems += _own_types(Folder(types), agent.replace_types, catalog)
    if agent.scripts:
        agent = msgspec.structs.replace(agent, scripts=str(directory / agent.scripts))
        read.sources |= {str(folder): version(folder) for folder in folders(Path(agent.scripts))}
        more_files, found = _scripts(Path(agent.scripts))
        files += more_files
        problems += found
    checks, more = read_checks(files, catalog, all_read=all(problem.aside for problem in problems))
    problems += [Problem(Place(shown(path)), why, aside=True) for path, why in left_out(directory)]
    problems += [Problem(fault.place, str(fault), agent=True) for fault in faults] + more
    problems += unknown_senders(checks.values())
    if not checks and not problems:
        problems.append(Problem(Place(shown(directory)), "no check in these files: write one under `checks:`"))
    hidden = read.hidden().union(*(check.secrets for check in checks.values()))
    return Config(agent, checks, _in_order(read.explained(problems)), hidden, read.sources)


def _name_owners(sources: Iterable[str]) -> None:
    """Say in the log where root's agent takes orders from others; what is no drop-in gives none."""
    if others := of_others(path for path in map(Path, sources) if path.suffix.lower() in (".yaml", ".yml")):
        text = "%s, who can so have root run commands (%d such files): chown root, or run the agent as that user"
        log.warning(text, others[0], len(others))


def own_types(directory: Path, written: str) -> Path:
    """Return the folder of the owner's check types."""
    return directory / written if written else directory.parent / "checks.d"


def _own_types(folder: Folder, replace: Sequence[str], catalog: Catalog) -> list[Problem]:
    """Add the owner's types; a name of a built-in one is a problem, unless it is to be replaced."""
    known = catalog.add(folder, replace)
    problems = []
    for name in known:
        if name not in replace:
            text = f"a built-in type is called '{name}' and stays in force: rename the file, or write under `agent:` "
            problems.append((name, f"{text}`replace_types: [{name}]`"))
    lost = "agent.replace_types names it, but it is no built-in type with a file here"
    problems += [(name, lost) for name in replace if name not in known]
    return [Problem(Place(shown(folder.file(name))), text, aside=True) for name, text in problems]


def _scripts(folder: Path) -> tuple[list[Mapping[str, Located]], list[Problem]]:
    """Return the scripts of a folder as the sections of files; what others could change is left out."""
    files, problems = [], []
    try:
        for name, path, sections in scripts(folder):
            if os.geteuid() == 0 and (weak := weak_spot(str(path))):
                problems.append(Problem(Place(shown(path)), f"refused to run it: {weak}", name))
            else:
                files.append(sections)
        for path in forgotten(folder):
            text = f"begins with #! and is not executable, so it is no check: chmod +x {path.name}, or put it elsewhere"
            problems.append(Problem(Place(shown(path)), text, name_of(path)))
    except Unreadable as error:
        problems.append(Problem(Place(shown(folder)), str(error)))
    return files, problems


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Order by place; what is wrong with several checks for one reason, a default, is said once."""
    said_of: dict[tuple[Place, str, bool, bool], set[str]] = {}
    for problem in problems:
        key = (problem.place, one_line(problem.text), problem.agent, problem.aside)
        said_of.setdefault(key, set()).add(one_line(problem.check))
    once = [
        Problem(place, text, min(of) if len(of) == 1 else "", agent, aside)
        for (place, text, agent, aside), of in said_of.items()
    ]
    return tuple(sorted(once, key=lambda problem: (problem.place.file, problem.place.line, problem.place.column)))
