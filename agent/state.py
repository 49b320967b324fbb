"""Pure: believed states + what a run said + now -> new states, and what to report.

The level rule (Icinga, Nagios and Sensu report on edges and lose alerts under suppression): report if and only if
the decided status differs from the one last reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2s

import msgspec

from agent.model import Outcome, Policy, Report, Result, State, Status

GONE = "no longer seen by this check"
RUNS_AGAIN = "the check runs again"


class Step(msgspec.Struct, frozen=True):
    """What one result did to one subject."""

    before: State
    state: State
    result: Result
    at: int
    """When the result was observed, Unix milliseconds."""
    report: Report | None = None

    @property
    def undecided(self) -> bool:
        """The latest result differs from what is believed: worth a retry sooner."""
        return self.result.status != self.state.decided


def advance(states: Mapping[str, State], outcome: Outcome, policy: Policy, now: int) -> list[Step]:
    """Move every subject of a check by one outcome; `states` by subject, `now` in Unix milliseconds."""
    return [
        move(states.get(result.subject) or State(outcome.check, result.subject), result, policy, now)
        for result in completed(states, outcome)
    ]


def completed(states: Mapping[str, State], outcome: Outcome) -> tuple[Result, ...]:
    """Return the outcome's results, and one for every known subject that the run should have named but did not."""
    if outcome.failed:
        return outcome.results
    named = {result.subject for result in outcome.results}
    missing = [subject for subject in states if subject not in named]
    return outcome.results + tuple(
        Result(Status.NODATA, GONE, subject) if subject else Result(Status.OK, RUNS_AGAIN) for subject in missing
    )


def move(state: State, result: Result, policy: Policy, now: int) -> Step:
    """Move one subject by one result."""
    counted = count(state, result.status, policy)
    decided = decide(counted, result.status, policy)
    believed = counted
    if decided != state.decided:
        believed = msgspec.structs.replace(counted, decided=decided, decided_since=now)
    report = due_report(believed, state, now)
    after = believed if report is None else told(believed, report, now)
    return Step(state, forget_counts(after), result, now, report)


def count(state: State, status: Status, policy: Policy) -> State:
    """Count consecutive results, each up to where it can still matter: a steady subject's state stays the same."""
    needed = policy.fail_after
    if status is Status.OK:
        bad, missing, good = 0, 0, min(state.good + 1, policy.recover_after)
    elif status is Status.NODATA:
        bad, missing, good = state.bad, min(state.missing + 1, needed.nodata), 0
    else:
        bad, missing, good = min(state.bad + 1, max(needed.warning, needed.critical)), 0, 0
    return msgspec.structs.replace(state, bad=bad, missing=missing, good=good)


def decide(state: State, status: Status, policy: Policy) -> Status | None:
    """Return the status to believe, given the counts with the latest result in them."""
    needed = policy.fail_after
    enough = {
        Status.OK: state.good >= policy.recover_after or state.decided is None,
        Status.WARNING: state.bad >= needed.warning,
        Status.CRITICAL: state.bad >= needed.critical,
        Status.NODATA: state.missing >= needed.nodata,
    }
    return status if enough[status] else state.decided


def due_report(state: State, before: State, now: int) -> Report | None:
    """Apply the level rule. A subject never told of counts as ok, so the first ok is nothing to report."""
    last = state.reported or Status.OK
    if state.decided is None or state.decided is last:
        return None
    sequence = state.events + 1
    opens = last is Status.OK
    return Report(
        status=state.decided,
        previous=state.reported or before.decided,
        reason=f"decided {state.decided}, last reported {state.reported or 'nothing'}",
        incident=incident_id(state, sequence, now) if opens else state.incident,
        sequence=sequence,
        since=state.reported_at or before.decided_since,
        incident_since=now if opens else state.incident_since,
    )


def told(state: State, report: Report, now: int) -> State:
    """Return the state after the report is on its way; both are written in one transaction."""
    over = report.status is Status.OK
    return msgspec.structs.replace(
        state,
        reported=report.status,
        reported_at=now,
        incident="" if over else report.incident,
        incident_since=0 if over else report.incident_since,
        events=report.sequence,
    )


def forget_counts(state: State) -> State:
    """Drop the count towards what is decided already, so that a steady ok is one unchanging value."""
    if state.decided is Status.OK and state.good:
        return msgspec.structs.replace(state, good=0)
    return state


def incident_id(state: State, sequence: int, now: int) -> str:
    """Name an incident by what began it: the same stream of results names it the same, restarts or not."""
    text = "\0".join((state.check, state.subject, str(sequence), str(now)))
    return blake2s(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
