"""Pure: what the running agent has at work, as a fact beside its states, and what a reload would change of it."""

from __future__ import annotations

import msgspec

from agent import __version__
from agent.config.diff import running
from agent.config.settings import Config

AT_WORK = "at work"
"""What the store calls it."""


class AtWork(msgspec.Struct, frozen=True):
    """What an agent took over last; settings by the checksum of how they are written."""

    pid: int
    version: str
    directory: str
    since: int
    """Unix milliseconds."""
    agent: int
    checks: dict[str, int]


class ReloadPreview(msgspec.Struct, frozen=True):
    """What a reload would have the running agent take over."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    agent: bool = False
    """The agent's own settings."""
    directory: str = ""
    """Where the agent reads its configuration, where that is not here: then nothing else is said."""
    since: int = 0
    """When it took over what it has, in Unix milliseconds."""

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed or self.agent or self.directory)


def as_text(config: Config, pid: int, now: int) -> str:
    """Return what is kept of the configuration at work; `now` in Unix milliseconds."""
    checks = {name: check.written_checksum for name, check in running(config).items()}
    fact = AtWork(pid, __version__, config.directory, now, config.agent.written_checksum, checks)
    return msgspec.json.encode(fact).decode()


def from_text(text: str) -> AtWork | None:
    """Return what was kept; None where nothing was, or it is damaged."""
    try:
        return msgspec.json.decode(text, type=AtWork)
    except (msgspec.MsgspecError, UnicodeError):
        return None


def preview(at_work: AtWork, config: Config) -> ReloadPreview:
    """Hold what is at work against what the files say now; where these cannot be read, nothing is taken for a change.

    Another version may see other settings in the same files, so of its checks only the names are compared.
    """
    if at_work.directory != config.directory:
        return ReloadPreview(directory=at_work.directory, since=at_work.since)
    same = at_work.version == __version__
    known = at_work.checks
    return ReloadPreview(
        tuple(name for name in running(config) if name not in known),
        tuple(
            name
            for name, check in config.checks.items()
            if same and name in known and known[name] != check.written_checksum
        ),
        tuple(name for name in known if name not in config.checks and not config.may_hold(name)),
        same and config.agent_readable and at_work.agent != config.agent.written_checksum,
        since=at_work.since,
    )
