"""argparse, without the search for translations of its words: no system has them, and each start pays 3 ms for it."""

from __future__ import annotations

from agent.system.stand_ins import StandIn, standing_in


def _singular_or_plural(one: str, several: str, number: int) -> str:
    return one if number == 1 else several


with standing_in([StandIn("gettext", gettext=str, ngettext=_singular_or_plural)]):
    import argparse

__all__ = ["argparse"]
