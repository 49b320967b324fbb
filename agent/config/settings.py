"""What the configuration says, typed and checked: frozen values, read by `config`, used by everything else."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

import msgspec

from agent.api import Check, PushedCheck
from agent.config.once import once
from agent.config.sections.agent import AgentOptions, AgentWindow, EventsSettings, usual
from agent.config.sections.check import CheckSection
from agent.model import Policy

__all__ = [
    "AgentSettings",
    "CheckConfig",
    "Config",
    "DependsOn",
    "EventsSettings",
    "Maintenance",
    "Place",
    "Problem",
]


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where something was written: 1-based line and column."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Places(msgspec.Struct, frozen=True, gc=False):
    """Where each setting of a check was written, packed: as a dict of places it is a quarter of a check."""

    settings: tuple[tuple[str, str], ...] = ()
    """The name and the file of each; one tuple for all checks of a file that have the same settings."""
    numbers: bytes = b""
    """The line and the column of each."""

    def unpack(self) -> dict[str, Place]:
        numbers = iter(array("I", self.numbers))
        return {name: Place(file, next(numbers), next(numbers)) for name, file in self.settings}


def pack(places: Mapping[str, Place]) -> Places:
    """Return the places of settings as they take little memory."""
    numbers = array("I", [number for place in places.values() for number in (place.line, place.column)])
    return Places(once(tuple((name, place.file) for name, place in places.items())), numbers.tobytes())


def apart(place: Place) -> Place:
    """Return the same place with numbers of its own: one out of a file's tree keeps the memory around it."""
    return Place(place.file, *array("I", (place.line, place.column)))


class Problem(msgspec.Struct, frozen=True):
    """A fault of the configuration: what is wrong and what to write instead."""

    place: Place
    text: str
    check: str = ""
    """The check that cannot run because of it; empty when the fault belongs to no single check."""
    agent: bool = False
    """The settings of the agent itself may be meant otherwise than they were read: they are unknown, not absent."""
    aside: bool = False
    """It is about what was left out on purpose: all checks and settings are read that are written."""

    def __str__(self) -> str:
        return f"{self.place}: {self.check + ': ' if self.check else ''}{self.text}"


class Maintenance(msgspec.Struct, frozen=True):
    """A recurring window in which nothing is reported: it begins when the cron line says so."""

    cron: str
    duration: float
    """Seconds."""
    timezone: str = usual(AgentWindow, "timezone")
    select: str = usual(AgentWindow, "select")
    """Which checks; see `selector`. A check's own windows are about that check alone."""
    reason: str = usual(AgentWindow, "reason")


class DependsOn(msgspec.Struct, frozen=True):
    """Parents whose problem suppresses this check: any one of them, or only all of them together."""

    checks: tuple[str, ...] = ()
    all: bool = False


class AgentSettings(AgentOptions, frozen=True):
    """The merged `agent:` sections of all files."""

    maintenance: tuple[Maintenance, ...] = ()
    written_checksum: int = 0
    """A checksum of the sections as they are written."""


class CheckConfig(msgspec.Struct, frozen=True):
    """One configured check. Times in seconds."""

    name: str
    type: str
    check: Check
    place: Place
    interval: float = usual(CheckSection, "interval")
    cron: str = usual(CheckSection, "cron")
    """A checked line of five fields, see `agent.config.calendar.cron`; it replaces the interval."""
    timezone: str = usual(CheckSection, "timezone")
    """IANA name for `cron`; empty: the host's own."""
    timeout: float = usual(CheckSection, "timeout")
    retry_interval: float = usual(CheckSection, "retry_interval")
    """Between runs while a result differs from what is decided; 0: the interval."""
    policy: Policy = Policy()
    tags: dict[str, str] = {}
    enabled: bool = usual(CheckSection, "enabled")
    description: str = usual(CheckSection, "description")
    runbook: str = usual(CheckSection, "runbook")
    depends_on: DependsOn = DependsOn()
    maintenance: tuple[Maintenance, ...] = ()
    settings_checksum: int = 0
    """A checksum of the type's own settings: a subject that is gone after a change of it was not lost, but dropped."""
    written_checksum: int = 0
    """A checksum of all settings as they are written, those of the file's defaults included."""
    packed_places: Places = Places()
    secrets: frozenset[str] = frozenset()
    """Values of settings that are secrets by their nature."""

    @property
    def pushed(self) -> PushedCheck | None:
        """Its settings, where its results are pushed from outside; None where it looks itself."""
        return self.check if isinstance(self.check, PushedCheck) else None

    @property
    def places(self) -> dict[str, Place]:
        """Where each setting was written."""
        return self.packed_places.unpack()


def has_runs(check: CheckConfig) -> bool:
    """Tell whether the check is run by the agent: it is not pushed, nor a name that stands for no run."""
    return bool(check.cron or check.interval) and not check.pushed


class Config(msgspec.Struct, frozen=True):
    """Everything the files say."""

    agent: AgentSettings = AgentSettings()
    checks: dict[str, CheckConfig] = {}
    problems: tuple[Problem, ...] = ()
    secrets: frozenset[str] = frozenset()
    """Values that must never show anywhere: out of files, of settings that are secrets, of variables named so."""

    @property
    def complete(self) -> bool:
        """Tell whether there is no check but in `checks` and `problems`: what is not there is no more."""
        return all(problem.check or problem.aside for problem in self.problems)

    def may_hold(self, name: str) -> bool:
        """Tell whether a check of this name may be written where it cannot be read, or not be used."""
        return not self.complete or any(problem.check == name for problem in self.problems)

    sources: dict[str, tuple[int, int, int]] = {}
    """What it was read from, files and folders, there or not, and the version of each before it was read."""
    silent: tuple[str, ...] = ()
    """Paths that did not answer in time, as on a mount that hangs."""
    directory: str = ""
    """The whole path of the drop-ins, without links."""

    @property
    def agent_readable(self) -> bool:
        """Tell whether `agent` is what the files mean. If not, a destination, name or tag in it may be missing."""
        return not any(problem.agent for problem in self.problems)
