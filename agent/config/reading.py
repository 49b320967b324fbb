"""The drop-ins of a directory as they stand: sections of each file, references expanded, what was read and when."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agent.config.agent_section import read_agent
from agent.config.checks import section
from agent.config.convert import Fault
from agent.config.files import Unreadable, drop_ins, regular_file, shown, version
from agent.config.foreign import HERE, tool_of, tool_of_section
from agent.config.located_yaml.tree import EMPTY, Located, Refusal, YamlError, parse
from agent.config.own_bug import problem_of
from agent.config.secrecy import secret_values
from agent.config.secrets import Secrets
from agent.config.sections import SECTIONS, AgentSection
from agent.config.settings import AgentSettings, Place, Problem
from agent.config.wording import nearest, said, unknown

MOST_BYTES = 1024 * 1024


class Reading:
    """The drop-ins of a directory as they stand, references expanded; Unreadable where there is no directory."""

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self.sources = {str(directory): version(directory)}
        self.files: list[Mapping[str, Located]] = []
        self.problems: list[Problem] = []
        self._secrets = Secrets(environ)
        for path in drop_ins(directory):
            self.sources[str(path)] = version(path)
            try:
                file, found = _read(path, self._secrets)
            except Exception as error:  # noqa: BLE001 - a bug of ours is this file's problem alone
                file, found = {}, [problem_of(Place(shown(path)), error, agent=True)]
            self.files.append(file)
            self.problems += found
        self.sources |= self._secrets.sources

    def agent(self) -> tuple[AgentSettings, list[Fault]]:
        """Return the agent's own settings, merged, and what is wrong with them."""
        return read_agent([file["agent"] for file in self.files if "agent" in file])

    def hidden(self) -> frozenset[str]:
        """Return the values that must not show."""
        written = [section(file["agent"], "agent")[0] for file in self.files if "agent" in file]
        found = {value for one in written for value in secret_values(AgentSection, one)}
        return frozenset({*self._secrets.values, *found} - {""})


def _read(path: Path, secrets: Secrets) -> tuple[Mapping[str, Located], list[Problem]]:
    """Return the sections of one file, references expanded."""
    name = shown(path)
    content = b""
    try:
        content = regular_file(path, MOST_BYTES)
        tree = secrets.expanded(parse(content, name), path.parent)
    except Unreadable as error:
        return {}, [Problem(Place(name), str(error), agent=True)]
    except YamlError as error:
        return {}, [Problem(error.place, _not_ours(content) or error.text, agent=True)]
    if tree.value is EMPTY or tree.value is None:
        return {}, []
    if not isinstance(tree.value, dict):
        text = (
            tree.value.text
            if isinstance(tree.value, Refusal)
            else _not_ours(content) or f"must be sections such as `checks:`, not {said(tree)}"
        )
        return {}, [Problem(tree.place, text, agent=True)]
    return tree.value, [_not_a_section(name, node) for name, node in tree.value.items() if not _known(name)]


def _not_ours(content: bytes) -> str:
    found = tool_of(content)
    return f"`{found}` is the form of Nagios and Icinga, not YAML: {HERE}" if found else ""


def _known(name: str) -> bool:
    """Tell a section; what begins with x- holds anchors for others, as in other tools' files."""
    return name in SECTIONS or name.startswith("x-")


def _not_a_section(name: str, node: Located) -> Problem:
    if isinstance(node.value, Refusal) and node.place == node.key:
        return Problem(node.place, node.value.text, agent=True)
    if tool := tool_of_section(name):
        return Problem(node.key or node.place, f"'{name}' is a section of {tool}: {HERE}", agent=True)
    text = unknown(name, name, SECTIONS).replace("setting", "section", 1)
    # Who knows what was meant by it.
    agent = nearest(name, SECTIONS) in ("", "agent")
    return Problem(node.key or node.place, text, agent=agent)
