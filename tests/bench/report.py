"""Pure: what was measured, as a table for people, as JSON, and as a part of the documents."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tests.bench.compare import OURS, Line, Machine, Measured, machine
from tests.bench.scenarios import Figure


class Report(msgspec.Struct, frozen=True):
    lines: list[Line]
    figures: list[Figure]
    machine: Machine | None

    @property
    def met(self) -> bool:
        goals = [line for line in self.lines if line.goal is not None]
        return all(line.sound and line.cost <= line.goal for line in goals if line.goal) and all(
            figure.met for figure in self.figures
        )


def report(found: Sequence[tuple[Line, list[Measured]]], figures: list[Figure]) -> Report:
    measured = [one for _, rounds in found for one in rounds]
    return Report([line for line, _ in found], figures, machine(measured) if measured else None)


def line_text(line: Line) -> str:
    """One line of the table of programs; a ratio below 1: hostvigil is cheaper."""
    program = f"{line.program} {line.version}".strip()
    beside = f"goal {line.goal:g} ms" if line.goal else f"ratio {line.ratio:.2f}" if line.ratio else ""
    doubts = "" if line.sound else f"  NOT SOUND: {line.runs} runs of {line.due} {line.bad}"
    range_ = f"({line.least:.3g} to {line.most:.3g})"
    return f"{line.work:<38}{program:<28}{line.cost:>8.3g} ms {range_:<18}{beside}{doubts}".rstrip()


def figure_text(figure: Figure) -> str:
    """One line of what was measured of hostvigil alone; a ratio below 1 is better than the bar."""
    numbers = f"{figure.figure:>8.3g} {figure.unit:<2} bar {figure.bar:g} {figure.unit:<2}"
    return f"{figure.what:<66}{numbers} {figure.note}".rstrip()


def page(made: Report) -> str:
    """The tables of the documents."""
    rows = ["| Work | Program | CPU of a run | Rounds | hostvigil to it |", "|---|---|---|---|---|"]
    for line in made.lines:
        program = f"{line.program} {line.version}".strip()
        if line.program == OURS:
            program = f"**{program}**"
        ratio = f"{line.ratio:.2f}" if line.ratio else ""
        if not line.sound:
            ratio = f"not sound: {line.runs} runs of {line.due}"
        rows.append(f"| {line.work} | {program} | {line.cost:.3g} ms | {line.least:.3g} to {line.most:.3g} | {ratio} |")
    rows += ["", "| hostvigil alone | Figure |", "|---|---|"]
    rows += [f"| {figure.what} | {figure.figure:.2g} {figure.unit} |" for figure in made.figures]
    return "\n".join(([made.machine.text, ""] if made.machine else []) + rows)
