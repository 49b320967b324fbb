"""Durations, sizes, percentages, Nagios ranges and levels: how YAML writes them, what they mean."""

from __future__ import annotations

from agent.plugin.units.levels import (
    DurationAbove,
    DurationBelow,
    Level,
    NumberAbove,
    NumberBelow,
    PercentAbove,
    PercentBelow,
    Range,
    SizeAbove,
    SizeBelow,
)
from agent.plugin.units.text import clock_text, duration_text, size_text, utc
from agent.plugin.units.values import Duration, Number, Percent, Regex, SettingValue, Size

__all__ = [
    "Duration",
    "DurationAbove",
    "DurationBelow",
    "Level",
    "Number",
    "NumberAbove",
    "NumberBelow",
    "Percent",
    "PercentAbove",
    "PercentBelow",
    "Range",
    "Regex",
    "SettingValue",
    "Size",
    "SizeAbove",
    "SizeBelow",
    "clock_text",
    "duration_text",
    "size_text",
    "utc",
]
