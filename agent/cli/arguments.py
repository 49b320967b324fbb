"""argparse, without the search for translations of its words, which no system has, and what unpacks archives: 5 ms."""

from __future__ import annotations

from agent.system.stand_ins import StandIn, standing_in


def _singular_or_plural(one: str, several: str, number: int) -> str:
    return one if number == 1 else several


with standing_in(
    (StandIn("gettext", gettext=str, ngettext=_singular_or_plural), StandIn("bz2"), StandIn("lzma")),
):
    import argparse
    import shutil  # noqa: F401 - argparse would import it with all that it names

__all__ = ["argparse"]
