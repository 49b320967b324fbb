"""What is wrong with a setting, until it is a problem of the configuration."""

from __future__ import annotations

from typing import NamedTuple

from agent.config.settings import Place


class Fault(NamedTuple):
    """What is wrong with one setting, and where."""

    place: Place
    setting: str
    text: str
    aside: bool = False
    """The setting is right and stays; what it leads to is not."""

    def __str__(self) -> str:
        return f"{self.setting}: {self.text}" if self.setting else self.text


class Faults(Exception):
    """A value cannot be converted, for one or more reasons."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__()
        self.faults = faults
