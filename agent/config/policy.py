"""`fail_after`, `for`, `flapping`, `repeat_every`: what they must fulfil, and the Policy they make. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from agent.config.check_section import THRESHOLDS, CheckSection, Counts, FlappingSection
from agent.config.convert import Fault
from agent.config.located_yaml.tree import Located
from agent.config.sections import usual
from agent.config.spans import LONGEST, span
from agent.config.values import FailCount
from agent.config.wording import said
from agent.model import Count, FailAfter, Flapping, Policy


def policy(common: CheckSection, count: int, patience: float) -> Policy:
    """Return the policy of checked settings; `count` is the type's own, `patience` in seconds."""
    return _one(
        Policy(
            fail_after=fail_after(common.fail_after, count, float(common.lasting or 0)),
            recover_after=common.recover_after,
            flapping=flapping(common.flapping),
            repeat_every=float(common.repeat_every or 0),
            patience=patience,
        )
    )


@lru_cache(1000)
def _one(made: Policy) -> Policy:
    """Return the first that is equal: thousands of checks have the same, and each would take 0.3 kB."""
    return made


def fail_after(written: FailCount | Counts | None, own: int, seconds: float = 0.0) -> FailAfter:
    """Return what each status takes: the type's own count where nothing is said, and at least these seconds."""
    if not isinstance(written, Counts):
        written = Counts(warning=written, critical=written, nodata=written)
    warning, critical, nodata = (
        Count(count.times, count.of, max(count.seconds, seconds)) if count else Count(own, 0, seconds)
        for count in (written.warning, written.critical, written.nodata)
    )
    return FailAfter(warning, critical, nodata)


def flapping(written: bool | str | FlappingSection) -> Flapping | None:
    if isinstance(written, FlappingSection):
        own = THRESHOLDS[written.formula]
        low = own.low if written.low is None else float(written.low)
        high = own.high if written.high is None else float(written.high)
        return Flapping(written.formula, low, high)
    if written is True:
        return THRESHOLDS[usual(CheckSection, "flapping")]
    return THRESHOLDS[written] if isinstance(written, str) else None


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
