"""Stories of one subject: results by their first letters, and the letters of what was told."""

from __future__ import annotations

from agent.engine.state.transition import Transition, apply_result
from agent.model import Count, EventStatus, FailAfter, Flapping, Policy, Reason, Report, Result, State, Status

LETTERS = {"o": Status.OK, "w": Status.WARNING, "c": Status.CRITICAL, "n": Status.NODATA}


STEADY = Policy(flapping=None)
"""Without flap detection: stories about other things are longer than it would let them be."""


def play(letters: str, policy: Policy = STEADY, state: State | None = None, seconds: int = 1) -> list[Transition]:
    """Feed results named by their first letters, one every `seconds`; a capital one comes while suppressed."""
    steps: list[Transition] = []
    for number, letter in enumerate(letters):
        before = steps[-1].state if steps else state or State("web")
        reasons = (Reason("silenced"),) if letter.isupper() else ()
        result = Result(LETTERS[letter.lower()], letter)
        steps.append(apply_result(before, result, policy, number * seconds * 1000, reasons))
    return steps


def told(letters: str, policy: Policy = STEADY, seconds: int = 1) -> str:
    """The reports of a story: the letter where one was made, F for flapping, a dot where none was made."""
    return "".join(_letter(step.report) for step in play(letters, policy, seconds=seconds))


def _letter(report: Report | None) -> str:
    if report is None:
        return "."
    return "F" if report.status is EventStatus.FLAPPING else report.status[0]


def fail(warning: int, critical: int, nodata: int) -> FailAfter:
    return FailAfter(Count(warning), Count(critical), Count(nodata))


def fail_after(times: int, recover_after: int = 1) -> Policy:
    return Policy(fail(times, times, times), recover_after, flapping=None)


ICINGA = Flapping("icinga", 25, 30)
NAGIOS = Flapping("nagios", 5, 20)
