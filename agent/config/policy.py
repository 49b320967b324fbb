"""`fail_after`, `for`, `flapping`, `repeat_every`: what they must fulfil, and the Policy they make. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.config.calendar.spans import LONGEST, span
from agent.config.fault import Fault
from agent.config.located_yaml.tree import Node
from agent.config.once import once
from agent.config.sections.agent import usual
from agent.config.sections.check import THRESHOLDS, CheckSection, Counts, FlappingSection
from agent.config.sections.values import FailCount
from agent.config.words.quoting import quote
from agent.model import Count, FailAfter, Flapping, Policy


def policy(common: CheckSection, count: int, patience: float) -> Policy:
    """Return the policy of checked settings; `count` is the type's own, `patience` in seconds."""
    return once(
        Policy(
            fail_after=fail_after(common.fail_after, count, float(common.lasting or 0)),
            recover_after=common.recover_after,
            flapping=flapping(common.flapping),
            repeat_every=float(common.repeat_every or 0),
            patience=patience,
        )
    )


def fail_after(counts: FailCount | Counts | None, own: int, seconds: float = 0.0) -> FailAfter:
    """Return what each status takes: the type's own count where nothing is said, and at least these seconds."""
    if not isinstance(counts, Counts):
        counts = Counts(warning=counts, critical=counts, nodata=counts)
    warning, critical, nodata = (
        Count(count.times, count.of, max(count.seconds, seconds)) if count else Count(own, 0, seconds)
        for count in (counts.warning, counts.critical, counts.nodata)
    )
    return FailAfter(warning, critical, nodata)


def flapping(setting: bool | str | FlappingSection) -> Flapping | None:
    """Return the thresholds that the setting means; None where flapping is switched off."""
    if isinstance(setting, FlappingSection):
        own = THRESHOLDS[setting.formula]
        low = own.low if setting.low is None else float(setting.low)
        high = own.high if setting.high is None else float(setting.high)
        return Flapping(setting.formula, low, high)
    if setting is True:
        return THRESHOLDS[usual(CheckSection, "flapping")]
    return THRESHOLDS[setting] if isinstance(setting, str) else None


def faults(values: Mapping[str, Any], nodes: Mapping[str, Node]) -> Iterator[Fault]:
    """Check each against its bounds."""
    if "for" in nodes:
        yield from span(nodes["for"], values.get("lasting"), "for", 0.001, LONGEST)
    if "repeat_every" in nodes:
        yield from span(nodes["repeat_every"], values.get("repeat_every"), "repeat_every", 60, LONGEST)
    section = values.get("flapping")
    if isinstance(section, FlappingSection):
        yield from _thresholds(section, nodes["flapping"])


def _thresholds(section: FlappingSection, node: Node) -> Iterator[Fault]:
    thresholds, parts = flapping(section), node.value
    if thresholds is None or thresholds.low < thresholds.high:
        return
    name = "high" if "high" in parts else "low"
    low, high = _describe(parts.get("low"), thresholds.low), _describe(parts.get("high"), thresholds.high)
    yield Fault(parts[name].place, f"flapping.{name}", f"flapping ends at {low} and begins at {high}: low must be less")


def _describe(node: Node | None, number: float) -> str:
    return f"{number:g}% (the default)" if node is None or node.value is None else quote(node)
