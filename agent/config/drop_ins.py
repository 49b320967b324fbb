"""conf.d -> Config, or every Problem as file:line:column: what is wrong, what to write instead."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from agent.api import weak_spot
from agent.config.agent_section import read_agent
from agent.config.catalog import Catalog, Folder
from agent.config.checks import read_checks
from agent.config.cron import zone_fault
from agent.config.files import Unreadable, drop_ins, regular_file, shown
from agent.config.located_yaml.tree import EMPTY, Located, Refusal, YamlError, parse
from agent.config.own_bug import problem_of
from agent.config.script_folder import folders, forgotten, name_of, scripts
from agent.config.secrets import Secrets
from agent.config.sections import SECTIONS
from agent.config.settings import Config, Place, Problem
from agent.config.wording import nearest, one_line, said, unknown

__all__ = ["folders", "load"]

MOST_BYTES = 1024 * 1024


def load(directory: Path, catalog: Catalog, environ: Mapping[str, str] = os.environ) -> Config:
    """Read every drop-in of a directory. Nothing is raised: whatever is wrong is a problem of the Config.

    The Config holds every check that is right in itself, whatever is wrong with others. The types in the owner's folder
    are added to the catalog.
    """
    try:
        return _loaded(directory, catalog, environ)
    except Exception as error:  # noqa: BLE001 - a bug of ours must not end an agent that has a configuration already
        return Config(problems=(problem_of(Place(shown(directory)), error, agent=True),))


def _loaded(directory: Path, catalog: Catalog, environ: Mapping[str, str]) -> Config:
    try:
        paths = drop_ins(directory)
    except Unreadable as error:
        return Config(problems=(Problem(Place(shown(directory)), str(error), agent=True),))
    zone_fault.cache_clear()  # the host may have got its time zones since the last load
    secrets = Secrets(environ)
    files: list[Mapping[str, Located]] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            file, found = _read(path, secrets)
        except Exception as error:  # noqa: BLE001 - as above; it is this file's problem alone
            file, found = {}, [problem_of(Place(shown(path)), error, agent=True)]
        files.append(file)
        problems += found
    agent, faults = read_agent([file["agent"] for file in files if "agent" in file])
    problems += _own_types(Folder(own_types(directory, agent.checks_d)), agent.replace_types, catalog)
    if agent.scripts:
        agent = msgspec.structs.replace(agent, scripts=str(directory / agent.scripts))
        more_files, found = _scripts(Path(agent.scripts))
        files += more_files
        problems += found
    checks, more = read_checks(files, catalog, all_read=not problems)
    problems += [Problem(fault.place, str(fault), agent=True) for fault in faults] + more
    if not checks and not problems:
        problems.append(Problem(Place(shown(directory)), "no check in these files: write one under `checks:`"))
    hidden = {*secrets.values, agent.events.api_key} - {""}
    return Config(agent, checks, _in_order(problems), frozenset(hidden))


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
    return [Problem(Place(shown(folder.file(name))), text) for name, text in problems]


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


def _read(path: Path, secrets: Secrets) -> tuple[Mapping[str, Located], list[Problem]]:
    """Return the sections of one file, references expanded."""
    name = shown(path)
    try:
        tree = secrets.expanded(parse(regular_file(path, MOST_BYTES), name), path.parent)
    except Unreadable as error:
        return {}, [Problem(Place(name), str(error), agent=True)]
    except YamlError as error:
        return {}, [Problem(error.place, error.text, agent=True)]
    if tree.value is EMPTY or tree.value is None:
        return {}, []
    if not isinstance(tree.value, dict):
        text = (
            tree.value.text
            if isinstance(tree.value, Refusal)
            else f"must be sections such as `checks:`, not {said(tree)}"
        )
        return {}, [Problem(tree.place, text, agent=True)]
    return tree.value, [_not_a_section(name, node) for name, node in tree.value.items() if name not in SECTIONS]


def _not_a_section(name: str, node: Located) -> Problem:
    if isinstance(node.value, Refusal) and node.place == node.key:
        return Problem(node.place, node.value.text, agent=True)
    text = unknown(name, name, SECTIONS).replace("setting", "section", 1)
    # Who knows what was meant by it.
    agent = nearest(name, SECTIONS) in ("", "agent")
    return Problem(node.key or node.place, text, agent=agent)


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Order by place; what is wrong with several checks for one reason, a default, is said once."""
    said_of: dict[tuple[Place, str, bool], set[str]] = {}
    for problem in problems:
        key = (problem.place, one_line(problem.text), problem.agent)
        said_of.setdefault(key, set()).add(one_line(problem.check))
    once = [
        Problem(place, text, min(of) if len(of) == 1 else "", agent) for (place, text, agent), of in said_of.items()
    ]
    return tuple(sorted(once, key=lambda problem: (problem.place.file, problem.place.line, problem.place.column)))
