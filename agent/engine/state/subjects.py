"""Pure: which subjects a run speaks of, which it should have spoken of, and which are forgotten."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agent.model import LONG_GONE_SECONDS, EventStatus, Outcome, Result, State, Status
from agent.plugin.results import SUBJECTS_LIMIT

GONE = "no longer seen by this check"
FORGOTTEN = "is gone"
LONG_GONE = "is gone for a week, and forgotten"
CROWDED_OUT = "is one of too many, and forgotten"
MOST_KNOWN = 2 * SUBJECTS_LIMIT
"""Subjects of a check: runs that fail, and types that always name others, would let them grow without an end."""
RUNS_AGAIN = "the check runs again"
RESULTS_COME = "results come again"
UNASKED = "no longer asked for: the settings have changed"


def with_known(states: Mapping[str, State], outcome: Outcome) -> Outcome:
    """Add to the results what was left out of subjects that are known: what was told of them can then end."""
    extra = tuple(result for result in outcome.left_out if result.subject in states)
    return msgspec.structs.replace(outcome, results=outcome.results + extra) if extra else outcome


def find_dropped(states: Mapping[str, State], outcome: Outcome, now: int) -> dict[str, str]:
    """Return the subjects that are closed and forgotten with this outcome, each with the words that say why.

    `now` in Unix milliseconds, as everywhere here.
    """
    if outcome.complete and states.keys() <= {result.subject for result in outcome.results}:
        return {}  # all that are known are named
    return (
        dict.fromkeys(find_unasked(states, outcome), UNASKED)
        | dict.fromkeys(find_gone(states, outcome), FORGOTTEN)
        | dict.fromkeys(find_long_gone(states, outcome, now), LONG_GONE)
        | dict.fromkeys(find_crowded_out(states, outcome), CROWDED_OUT)
    )


def find_gone(states: Mapping[str, State], outcome: Outcome) -> list[str]:
    """Return the subjects that the check had found by itself and that a good run did not find again.

    Nobody named them, so nobody misses them: what was told of them is closed, and they are forgotten.
    """
    if not outcome.complete:
        return []
    names = {result.subject for result in outcome.results}
    return [subject for subject, state in states.items() if state.discovered and subject not in names]


def find_long_gone(states: Mapping[str, State], outcome: Outcome, now: int) -> list[str]:
    """Return the subjects that good runs have not named for so long that nobody waits for them any more.

    No setting names them, for what a setting names the check speaks of in each run.
    """
    if not outcome.complete:
        return [subject for subject in outcome.given_up if subject in states]
    names = {result.subject for result in outcome.results}
    return [
        subject
        for subject, state in states.items()
        if subject
        and subject not in names
        and state.decided is Status.NODATA
        and now - state.decided_since >= LONG_GONE_SECONDS * 1000
    ]


def find_crowded_out(states: Mapping[str, State], outcome: Outcome, most: int = MOST_KNOWN) -> list[str]:
    """Return whom to forget so that a check has at most `most` subjects: who is not spoken of, the well ones first."""
    names = {result.subject for result in outcome.results}
    excess = len(states) + sum(subject not in states for subject in names) - most
    if excess <= 0:
        return []
    others = [state for subject, state in states.items() if subject and subject not in names]
    others.sort(key=lambda state: (state.notified not in (None, EventStatus.OK), state.decided_since))
    return [state.subject for state in others[:excess]]


def find_unasked(states: Mapping[str, State], outcome: Outcome) -> list[str]:
    """Return the subjects that were seen under other settings, and under today's are not: nobody asks for them now."""
    if not outcome.complete or not outcome.settings_checksum:
        return []
    names = {result.subject for result in outcome.results}
    return [
        subject
        for subject, state in states.items()
        if subject and subject not in names and state.settings_checksum not in (0, outcome.settings_checksum)
    ]


def complete_results(states: Mapping[str, State], outcome: Outcome) -> tuple[Result, ...]:
    """Return the outcome's results, and one for every known subject that the run should have named but did not."""
    if not outcome.complete:
        return outcome.results + _first_again(states, outcome)
    names = {result.subject for result in outcome.results}
    missing = [subject for subject in states if subject not in names]
    return outcome.results + tuple(
        Result(Status.NODATA, GONE, subject) if subject else Result(Status.OK, RUNS_AGAIN) for subject in missing
    )


def _first_again(states: Mapping[str, State], outcome: Outcome) -> tuple[Result, ...]:
    """A check that was waited for in vain, and now has results of its subjects, is well itself."""
    whole = states.get("")
    if not outcome.speaks_for_check or whole is None or whole.decided is not Status.NODATA:
        return ()
    return (Result(Status.OK, RESULTS_COME),)
