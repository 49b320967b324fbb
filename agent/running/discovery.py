"""What the check types suggest for this host -> drop-ins with comments; only what is ok now is switched on."""

from __future__ import annotations

import itertools
import queue
import re
import textwrap
import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import yaml

from agent.api import Check
from agent.config.checks import read_checks
from agent.config.located_yaml.parser import YamlError, parse
from agent.config.schema import working
from agent.config.settings import CheckConfig, Config
from agent.config.types.catalog import Catalog
from agent.model import SEVERITY, Outcome, Status
from agent.plugin.context import CheckError, Context
from agent.plugin.host import Host, Suggestion
from agent.running.runner import Runner

HEAD = """# yaml-language-server: $schema=hostvigil.schema.json
#
# Found on this host by `hostvigil discover`, and tried once. The file is yours from now on: change it as you like.
# Every setting: `hostvigil types {type}`.
checks:
"""
LOOK_SECONDS = 20.0
TRY_SECONDS = 60.0
MOST_WORDS = 500
"""Characters of one comment."""


class Candidate(msgspec.Struct, frozen=True):
    """One check of a drop-in; `off` is why it is commented out."""

    name: str
    type: str
    suggestion: Suggestion
    config: CheckConfig | None
    off: str = ""

    @property
    def settings(self) -> dict[str, Any]:
        return {"type": self.type, **self.suggestion.settings}


class Discovery(msgspec.Struct, frozen=True):
    """What was found, by type, and why some types could not look."""

    candidates: Mapping[str, tuple[Candidate, ...]]
    problems: tuple[str, ...] = ()


def discover(config: Config, catalog: Catalog, host: Host, seconds: float = LOOK_SECONDS) -> Discovery:
    """Ask every type what it would look at here; without what the configuration has already."""
    suggestions_by_type, problems = _suggestions(working(catalog), host, seconds)
    names = {*config.checks, *(problem.check for problem in config.problems)}
    candidates = {}
    for kind, suggestions in suggestions_by_type.items():
        checks = [_candidate(kind, one, names, catalog) for one in suggestions]
        fresh = tuple(check for check in checks if not _is_configured(check, config))
        if fresh:
            candidates[kind] = fresh
    return Discovery(candidates, tuple(problems))


def try_out(candidates: Mapping[str, tuple[Candidate, ...]]) -> dict[str, tuple[Candidate, ...]]:
    """Run each check once, all side by side; what is not ok is off, and says so."""
    on = [one.config for checks in candidates.values() for one in checks if one.config and not one.off]
    reasons = _reasons(on)
    return {
        kind: tuple(msgspec.structs.replace(one, off=one.off or reasons.get(one.name, "")) for one in checks)
        for kind, checks in candidates.items()
    }


def drop_in(checks: Iterable[Candidate], head: str = HEAD) -> str:
    """Write the file of one type."""
    blocks = [_block(one) for one in checks]
    return head.format(type=next(iter(checks)).type) + "\n".join(blocks)


def as_read(name: str, kind: str, suggestion: Suggestion, catalog: Catalog) -> Candidate:
    """Read it as the agent will: what the agent would not take is off."""
    draft = Candidate(name, kind, suggestion, None)
    config, reason = _read(draft, catalog)
    return msgspec.structs.replace(draft, config=config, off=suggestion.off or reason)


def _suggestions(
    kinds: Mapping[str, type[Check]], host: Host, seconds: float
) -> tuple[dict[str, list[Suggestion]], list[str]]:
    looks = {name: _look(kind, host) for name, kind in kinds.items()}
    suggestions: dict[str, list[Suggestion]] = {}
    problems = []
    for name, answer in Context("discover", seconds).calls(looks).items():
        if not isinstance(answer, Exception):
            suggestions[name] = answer
        elif isinstance(answer, CheckError):
            problems.append(f"{name}: {answer}")
        else:
            problems.append(f"{name}: a bug in the check type: {type(answer).__name__}: {answer}")
    return suggestions, problems


def _look(kind: type[Check], host: Host) -> Any:
    # Settings that YAML cannot write are found here, where they are this type's problem alone.
    return lambda: [one for one in kind.discover(host) if _flow(one.settings)]


def _candidate(kind: str, suggestion: Suggestion, names: set[str], catalog: Catalog) -> Candidate:
    """Give it a name that nothing has, and read it as the agent will."""
    name = _free(_name(suggestion) or kind, names)
    names.add(name)
    return as_read(name, kind, suggestion, catalog)


def _name(suggestion: Suggestion) -> str:
    """Names come from the host, where they may hold anything."""
    return re.sub(r"[^a-z0-9]+", "-", suggestion.name.lower()).strip("-")[:60]


def _free(name: str, names: set[str]) -> str:
    alternatives = (f"{name}-{number}" for number in itertools.count(2))
    return name if name not in names else next(other for other in alternatives if other not in names)


def _read(candidate: Candidate, catalog: Catalog) -> tuple[CheckConfig | None, str]:
    """Read it as the agent will; the reason where that does not work."""
    try:
        checks, problems = read_checks([parse(f"checks:\n{_yaml(candidate)}".encode(), "found").value], catalog)
    except YamlError as error:
        return None, f"it cannot be written: {error}"
    return checks.get(candidate.name), f"it cannot be used: {problems[0].text}" if problems else ""


def _is_configured(candidate: Candidate, config: Config) -> bool:
    """Tell whether the configuration looks at the same already."""
    others = [check for check in config.checks.values() if check.type == candidate.type]
    return any(other.name == _name(candidate.suggestion) or _same(candidate, other) for other in others)


def _same(candidate: Candidate, other: CheckConfig) -> bool:
    about = candidate.suggestion.about
    if about is None or candidate.config is None:
        return False
    return all(getattr(other.check, name, None) == getattr(candidate.config.check, name, None) for name in about)


def _reasons(checks: list[CheckConfig]) -> dict[str, str]:
    """Run them; return why each is not ok."""
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    runner = Runner(outcomes.put)
    now = time.monotonic()
    reasons = {check.name: "it did not answer" for check in checks}
    for check in checks:
        runner.start(check, now)
    for _ in checks:
        try:
            outcome = outcomes.get(timeout=max(0.0, now + TRY_SECONDS - time.monotonic()))
        except queue.Empty:
            break
        reasons[outcome.check] = _not_ok(outcome)
    runner.stop()
    return {name: reason for name, reason in reasons.items() if reason}


def _not_ok(outcome: Outcome) -> str:
    worst = max(outcome.results, key=lambda result: SEVERITY[result.status])
    return "" if worst.status is Status.OK else f"it is {worst.status} now: {worst.summary}"


def _block(candidate: Candidate) -> str:
    """Write one check below its comment."""
    lines = _comment(candidate.suggestion.why)
    # Whoever may name a process on this host must not have the agent read a file by it.
    text = _yaml(candidate).replace("${", "$${")
    if candidate.off:
        lines += _comment(f"Off: {candidate.off}")
        text = "".join(f"  # {line[2:]}\n" for line in text.splitlines())
    return "\n".join(lines) + "\n" + text


def _comment(text: str) -> list[str]:
    """Return lines that end nowhere else than here: names on a host may hold line ends."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return textwrap.wrap(plain[:MOST_WORDS], 110, initial_indent="  # ", subsequent_indent="  # ")


def _yaml(candidate: Candidate) -> str:
    lines = [f"    {name}: {_flow(value)}\n" for name, value in candidate.settings.items()]
    return f"  {_flow(candidate.name)}:\n" + "".join(lines)


def _flow(value: Any) -> str:
    """Write a value on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False)
    return str(text).removesuffix("\n").removesuffix("\n...")
