"""The drop-ins of a directory as they stand: sections of each file, references expanded, what was read and when."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from agent.config.agent_section import read_agent
from agent.config.fault import Fault
from agent.config.files.content import Unreadable, drop_ins, format_path, regular_file, version, with_version
from agent.config.files.patience import Patience
from agent.config.homes import home_of
from agent.config.located_yaml.lines import Lines
from agent.config.located_yaml.parser import YamlError, parse
from agent.config.located_yaml.tree import EMPTY, Node, Refusal
from agent.config.nesting import of_a_bare_list, section
from agent.config.own_bug import problem_of
from agent.config.secrets.references import Secrets, files_in
from agent.config.secrets.secrecy import secret_values
from agent.config.sections.agent import SECTIONS, AgentSection, fields
from agent.config.sections.check import CheckSection
from agent.config.settings import AgentSettings, Place, Problem
from agent.config.words.foreign import setting
from agent.config.words.foreign_forms import HERE, form_of, tool_of_file, tool_of_section
from agent.config.words.names import nearest, unknown
from agent.config.words.quoting import quote

MOST_BYTES = 1024 * 1024


class Reading:
    """The drop-ins of a directory as they stand, references expanded; Unreadable where there is no directory.

    The thread of one load owns it.
    """

    def __init__(self, directory: Path, environ: Mapping[str, str], patience: Patience | None = None) -> None:
        self.patience = patience or Patience()
        self.files: list[Mapping[str, Node]] = []
        self.problems: list[Problem] = []
        self._secrets = Secrets(environ, self.patience)
        self._beyond_ascii: dict[str, bytes] = {}
        """Of the files that have letters beyond ASCII, what they hold: perhaps it explains a problem."""
        self._no_yaml: set[Place] = set()
        """Where the parser stopped, perhaps over something above."""
        before, paths = self.patience.one(str(directory), lambda: (version(directory), drop_ins(directory)))
        self.sources = {str(directory): before}
        contents = self._contents(paths)
        trees = {path: tree for path, content in contents.items() if (tree := self._tree(path, content))}
        self._secrets.read(file for path, tree in trees.items() for file in files_in(tree, path.parent))
        for path, tree in trees.items():
            self._take(path, tree, contents[path])
        self.sources |= self._secrets.sources

    def _contents(self, paths: Iterable[Path]) -> dict[Path, bytes | BaseException]:
        """Read all files together; what hangs is not watched for changes either."""
        answers = self.patience.all({str(path): partial(with_version, path, _content) for path in paths})
        contents = {path: answer for path, answer in answers.items() if not isinstance(answer, BaseException)}
        self.sources |= {path: before for path, (before, _) in contents.items()}
        return {Path(path): contents[path][1] if path in contents else answer for path, answer in answers.items()}  # type: ignore[misc]

    def _tree(self, path: Path, content: bytes | BaseException) -> Node | None:
        """Return what a file says, with references as they are written; None where it cannot be understood."""
        name = format_path(path)
        try:
            if isinstance(content, BaseException):
                raise content
            return self._parse(name, content)
        except Unreadable as error:
            self.problems.append(Problem(Place(name), str(error), agent=True))
        except Exception as error:  # noqa: BLE001 - a bug of ours is this file's problem alone
            self.problems.append(problem_of(Place(name), error, agent=True))
        return None

    def _parse(self, name: str, content: bytes) -> Node | None:
        if not content.isascii():
            self._beyond_ascii[name] = content
        try:
            return parse(content, name)
        except YamlError as error:
            self._no_yaml.add(error.place)
            self.problems.append(_form(name, content) or Problem(error.place, error.text, agent=True))
            return None

    def _take(self, path: Path, tree: Node, content: bytes | BaseException) -> None:
        """Add the sections of one file."""
        try:
            file, problems = _sections(self._secrets.expand(tree, path.parent), content)
        except Exception as error:  # noqa: BLE001 - as above
            file, problems = {}, [problem_of(Place(format_path(path)), error, agent=True)]
        self.files.append(file)
        self.problems += problems

    def explain(self, problems: Sequence[Problem]) -> list[Problem]:
        """Add to problems where a letter of their line only looks like the one that is meant."""
        wrong = self._beyond_ascii.keys() & {problem.place.file for problem in problems}
        if not wrong:
            return list(problems)
        from agent.config.located_yaml import look_alikes

        hints = {name: look_alikes.hints(_text(self._beyond_ascii[name])) for name in wrong}
        with_hints = []
        for problem in problems:
            unread = problem.place in self._no_yaml
            hint = look_alikes.explanation(hints.get(problem.place.file, {}), problem.place.line, unread)
            text = f"{problem.text} ({hint})" if hint else problem.text
            with_hints.append(msgspec.structs.replace(problem, text=text))
        return with_hints

    def agent(self) -> tuple[AgentSettings, list[Fault]]:
        """Return the agent's own settings, merged, and what is wrong with them."""
        return read_agent([file["agent"] for file in self.files if "agent" in file], self.patience)

    def secrets(self) -> frozenset[str]:
        """Return the values that must not show."""
        sections = [section(file["agent"], "agent")[0] for file in self.files if "agent" in file]
        values = {value for nodes in sections for value in secret_values(AgentSection, nodes)}
        return frozenset({*self._secrets.values, *values} - {""})


def _content(path: Path) -> bytes:
    return regular_file(path, MOST_BYTES)


def _sections(tree: Node, content: bytes | BaseException) -> tuple[Mapping[str, Node], list[Problem]]:
    """Return the sections of one file."""
    if tree.value is EMPTY or tree.value is None:
        return {}, []
    if not isinstance(tree.value, dict):
        foreign = _form(tree.place.file, content) if isinstance(content, bytes) else None
        text = f"must be sections such as `checks:`, not {quote(tree)}{of_a_bare_list(tree)}"
        if isinstance(tree.value, Refusal):
            text = tree.value.text
        return {}, [foreign or Problem(tree.place, text, agent=True)]
    anchors = frozenset(re.findall(rb"^([\w.-]+):[ \t]*&", content, re.MULTILINE)) if isinstance(content, bytes) else ()
    return tree.value, list(_section_problems(tree.value, anchors))


def _form(name: str, content: bytes) -> Problem | None:
    """Return the problem of a file that is written for another program; None where nothing shows that it is."""
    if (form := form_of(content)) is None:
        return None
    return Problem(Lines(_text(content), name).place(form.at), form.text, agent=True)


def _text(content: bytes) -> str:
    """Return a file's text, without the mark that may stand before it."""
    return content.decode(errors="replace").removeprefix("\ufeff")


def _section_problems(tree: Mapping[str, Node], anchors: Collection[bytes]) -> Iterator[Problem]:
    """Yield what stands where only sections do. Of settings without a check only the type is told, which tells all.

    So does the first section of a file that has nothing of ours and is another program's.
    """
    misplaced = {name: node for name, node in tree.items() if not _is_section(name)}
    if misplaced and len(misplaced) == len(tree) and (tool := tool_of_file(misplaced)):
        first = next(iter(misplaced.values()))
        yield Problem(first.key or first.place, f"this is a file of {tool}: {HERE}", agent=True)
        return
    if "type" in misplaced:
        misplaced = {
            name: node for name, node in misplaced.items() if name == "type" or isinstance(node.value, (dict, Refusal))
        }
    for name, node in misplaced.items():
        if name.encode(errors="replace") in anchors and not nearest(name, SECTIONS):
            text = f"unknown section '{name}': what holds only anchors is called 'x-{name.strip('_.-')}'"
            yield Problem(node.key or node.place, text)
        else:
            yield _not_a_section(name, node)


def _is_section(name: str) -> bool:
    """Tell a section; what begins with x- holds anchors for others, as in other tools' files."""
    return name in SECTIONS or name.startswith("x-")


def _not_a_section(name: str, node: Node) -> Problem:
    if isinstance(node.value, Refusal) and node.place == node.key:
        return Problem(node.place, node.value.text, agent=True)
    if tool := tool_of_section(name):
        return Problem(node.key or node.place, f"'{name}' is a section of {tool}: {HERE}", agent=True)
    place = node.key or node.place
    if text := _elsewhere(name, node):
        return Problem(place, text, agent=name in _OF_THE_AGENT)
    text = unknown(name, name, SECTIONS).replace("setting", "section", 1)
    # Who knows what was meant by it.
    agent = nearest(name, SECTIONS) in ("", "agent")
    return Problem(place, text, agent=agent)


_OF_THE_AGENT = fields(AgentSection)
_OF_A_CHECK = fields(CheckSection)


def _elsewhere(name: str, node: Node) -> str:
    """Say where something belongs that is no section; nothing where that is not known."""
    if isinstance(node.value, dict) and "type" in node.value:
        return f"a check stands under `checks:`: write that line above '{name}', and indent '{name}' and all below it"
    if name in _OF_THE_AGENT:
        return f"'{name}' stands under `agent:`: write that line above it, and indent it"
    if nearest(name, SECTIONS):
        return ""
    if name[:1] in ("_", ".") and name.strip("_.-"):
        return f"unknown section '{name}': what holds only anchors is called 'x-{name.strip('_.-')}'"
    if name in ("include", "includes", "import", "imports"):
        return f"'{name}' is not needed: each *.yaml of this directory is read, leave it out"
    if name in _OF_A_CHECK:
        return f"'{name}' is a setting of a check: a check has a name, and {HERE.removeprefix('here a check ')}"
    if (home := home_of(name)).startswith("stands under"):
        return f"'{name}' {home}"
    if ours := setting(name, _OF_THE_AGENT):
        return f"unknown section '{name}', write '{ours}' under `agent:`"
    return ""
