"""`fail_after`, `for`, `flapping`, `repeat_every`: what they must fulfil, and the Policy they make. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.config.convert import Fault
from agent.config.located_yaml.tree import Located
from agent.config.sections import Counts, FlappingSection
from agent.config.spans import LONGEST, span
from agent.config.values import FailCount
from agent.config.wording import said
from agent.model import Count, FailAfter, Flapping, Policy

USUAL = {"icinga": Flapping("icinga", 25.0, 30.0), "nagios": Flapping("nagios", 5.0, 20.0)}
"""Source: the defaults of Icinga 2 and Nagios 4."""


def policy(values: Mapping[str, Any], usual: int, patience: float) -> Policy:
    """Return the policy of checked settings; `usual` is the type's own count, `patience` in seconds."""
    return Policy(
        fail_after=fail_after(values.get("fail_after"), usual, float(values.get("lasting") or 0)),
        recover_after=values.get("recover_after", 1),
        flapping=flapping(values.get("flapping", True)),
        repeat_every=float(values.get("repeat_every") or 0),
        patience=patience,
    )


def fail_after(written: FailCount | Counts | None, usual: int, seconds: float = 0.0) -> FailAfter:
    """Return what each status takes: the type's own count where nothing is said, and at least these seconds."""
    if not isinstance(written, Counts):
        written = Counts(warning=written, critical=written, nodata=written)
    warning, critical, nodata = (
        Count(count.times, count.of, max(count.seconds, seconds)) if count else Count(usual, 0, seconds)
        for count in (written.warning, written.critical, written.nodata)
    )
    return FailAfter(warning, critical, nodata)


def flapping(written: bool | str | FlappingSection) -> Flapping | None:
    if isinstance(written, FlappingSection):
        usual = USUAL[written.formula]
        low, high = (
            own if number is None else float(number)
            for number, own in ((written.low, usual.low), (written.high, usual.high))
        )
        return Flapping(written.formula, low, high)
    return USUAL.get("icinga" if written is True else str(written))


def faults(values: Mapping[str, Any], written: Mapping[str, Located]) -> Iterator[Fault]:
    """Check each against its bounds."""
    if "for" in written:
        yield from span(written["for"], values.get("lasting"), "for", 0.001, LONGEST)
    if "repeat_every" in written:
        yield from span(written["repeat_every"], values.get("repeat_every"), "repeat_every", 60, LONGEST)
    found = values.get("flapping")
    if isinstance(found, FlappingSection):
        yield from _thresholds(found, written["flapping"])


def _thresholds(found: FlappingSection, node: Located) -> Iterator[Fault]:
    meant, parts = flapping(found), node.value
    if meant is None or meant.low < meant.high:
        return
    name = "high" if "high" in parts else "low"
    low, high = _shown(parts.get("low"), meant.low), _shown(parts.get("high"), meant.high)
    yield Fault(parts[name].place, f"flapping.{name}", f"flapping ends at {low} and begins at {high}: low must be less")


def _shown(node: Located | None, number: float) -> str:
    return f"{number:g}% (the default)" if node is None or node.value is None else said(node)
