"""What the configuration says, typed and checked: frozen values, read by `config`, used by everything else."""

from __future__ import annotations

import msgspec

from agent.api import Check
from agent.model import Policy


class Place(msgspec.Struct, frozen=True):
    """Where something was written: 1-based line and column."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Problem(msgspec.Struct, frozen=True):
    """A fault of the configuration: what is wrong and what to write instead."""

    place: Place
    text: str
    check: str = ""
    """The check that cannot run because of it; empty when the fault belongs to no single check."""
    agent: bool = False
    """The settings of the agent itself may be meant otherwise than they were read: they are unknown, not absent."""

    def __str__(self) -> str:
        return f"{self.place}: {self.check + ': ' if self.check else ''}{self.text}"


class EventsSettings(msgspec.Struct, frozen=True):
    """How events reach the API. Without an endpoint they go to the local store and the terminal."""

    endpoint: str = ""
    api_key: str = ""
    rate_limit: float = 20.0
    """Requests a minute."""
    timeout: float = 15.0
    """Seconds for one request, everything included."""
    proxy: str = ""
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    digest_above: int = 10
    """More changes than these waiting at once are told together, as digests."""
    most_events: int = 100_000
    """Events that wait at the most; beyond that the superseded ones go first."""
    most_bytes: int = 256 * 1024**2
    """Size of the database at the most, in bytes."""
    heartbeat: float = 0.0
    """Seconds between events that say the agent is alive; 0: none."""
    start_stop: bool = False
    """Tell when the agent starts and stops."""


class Maintenance(msgspec.Struct, frozen=True):
    """A recurring window in which nothing is reported: it begins when the cron line says so."""

    cron: str
    duration: float
    """Seconds."""
    timezone: str = ""
    select: str = "*"
    """Which checks; see `selector`. A check's own windows are about that check alone."""
    reason: str = ""


class DependsOn(msgspec.Struct, frozen=True):
    """Parents whose problem suppresses this check: any one of them, or only all of them together."""

    checks: tuple[str, ...] = ()
    all: bool = False


class AgentSettings(msgspec.Struct, frozen=True):
    """The merged `agent:` sections of all files."""

    hostname: str = ""
    """Empty: this host's own name."""
    tags: dict[str, str] = {}
    events: EventsSettings = EventsSettings()
    maintenance: tuple[Maintenance, ...] = ()
    scripts: str = ""
    """Folder whose executables are checks; empty: none."""
    checks_d: str = ""
    """Folder of the owner's check types; empty: `checks.d` beside the directory of drop-ins."""
    watch: bool = False
    """Take over changed drop-ins without being asked to reload."""


class CheckConfig(msgspec.Struct, frozen=True):
    """One configured check. Times in seconds."""

    name: str
    type: str
    check: Check
    place: Place
    interval: float = 60.0
    cron: str = ""
    """Five fields, weekdays by name, which APScheduler and cron number differently; it replaces the interval."""
    timezone: str = ""
    """IANA name for `cron`; empty: the host's own."""
    timeout: float = 10.0
    retry_interval: float = 0.0
    """Between runs while a result differs from what is decided; 0: the interval."""
    policy: Policy = Policy()
    tags: dict[str, str] = {}
    enabled: bool = True
    description: str = ""
    runbook: str = ""
    depends_on: DependsOn = DependsOn()
    maintenance: tuple[Maintenance, ...] = ()
    settings_checksum: int = 0
    """A checksum of the type's own settings: a subject that is gone after a change of it was not lost, but dropped."""
    places: dict[str, Place] = {}
    """Where each setting was written."""


class Config(msgspec.Struct, frozen=True):
    """Everything the files say."""

    agent: AgentSettings = AgentSettings()
    checks: dict[str, CheckConfig] = {}
    problems: tuple[Problem, ...] = ()
    secrets: frozenset[str] = frozenset()
    """Values that came out of ${file:...} and ${env:...}; they must never show anywhere."""

    @property
    def agent_readable(self) -> bool:
        """Tell whether `agent` is what the files mean. If not, a destination, name or tag in it may be missing."""
        return not any(problem.agent for problem in self.problems)
