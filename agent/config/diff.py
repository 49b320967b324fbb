"""Pure: the configuration at work + what the files say now -> what to take over."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from agent.config.secrets.secrecy import is_secret
from agent.config.settings import CheckConfig, Config, Place, Places

T = TypeVar("T", bound=msgspec.Struct)

NOWHERE = Place("")
NO_PLACES = Places()


class Difference(msgspec.Struct, frozen=True):
    """What a reload changes among the checks."""

    added: dict[str, CheckConfig]
    changed: dict[str, CheckConfig]
    removed: frozenset[str]


def merge(old: Config, new: Config) -> Config:
    """Return the new configuration, with the old one's word wherever the new one is wrong.

    A check written wrong stays as it was. A file that cannot be understood may have held anything: then no check is
    taken for removed, and the agent's own settings stay as they were. So they do where one of them is wrong.
    """
    wrong = {problem.check for problem in new.problems}
    old_checks = {name: check for name, check in old.checks.items() if name in wrong or not new.complete}
    return msgspec.structs.replace(
        new,
        agent=new.agent if new.agent_readable else old.agent,
        checks={**old_checks, **new.checks},
        secrets=new.secrets if new.agent_readable and not old_checks else old.secrets | new.secrets,
    )


def renew_secrets(old: Config, fresh: Config) -> Config:
    """Return the configuration at work with the secrets of its destinations as they are written now, and nothing else.

    A key is not sent to another place than it was written for.
    """
    agent = old.agent
    events = _renew(agent.events, fresh.agent.events)
    others = {name: _renew(one, fresh.agent.destinations.get(name, one)) for name, one in agent.destinations.items()}
    if not fresh.agent_readable or (events == agent.events and others == agent.destinations):
        return old
    agent = msgspec.structs.replace(agent, events=events, destinations=others)
    return msgspec.structs.replace(old, agent=agent, secrets=old.secrets | fresh.secrets)


def _renew(old: T, fresh: T) -> T:
    if any(getattr(old, name, "") != getattr(fresh, name, "") for name in ("endpoint", "url")):
        return old
    names = [field.name for field in msgspec.structs.fields(old) if is_secret(type(old), field.encode_name)]
    return msgspec.structs.replace(old, **{name: getattr(fresh, name) for name in names})


def running(config: Config) -> dict[str, CheckConfig]:
    """Return the checks that are to run."""
    return {name: check for name, check in config.checks.items() if check.enabled}


def checks_on_schedule(config: Config) -> dict[str, CheckConfig]:
    """Return the checks that are looked at, not waited for."""
    return {name: one for name, one in running(config).items() if not one.pushed}


def difference(old: dict[str, CheckConfig], new: dict[str, CheckConfig]) -> Difference:
    """Compare the checks that run. Another type under the same name is another check."""
    replaced = {name for name in old.keys() & new.keys() if old[name].type != new[name].type}
    return Difference(
        added={name: check for name, check in new.items() if name not in old or name in replaced},
        changed={
            name: check
            for name, check in new.items()
            if name in old and name not in replaced and meaning(check) != meaning(old[name])
        },
        removed=frozenset(old.keys() - new.keys() | replaced),
    )


def meaning(check: CheckConfig) -> CheckConfig:
    """Return the check without its text: a comment above it, or a default that is written out, changes nothing."""
    return msgspec.structs.replace(check, place=NOWHERE, packed_places=NO_PLACES, written_checksum=0)
