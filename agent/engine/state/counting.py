"""Pure: results are counted until one is believed."""

from __future__ import annotations

import msgspec

from agent.model import Count, FailAfter, Policy, State, Status

PROBLEM = "wc"
NODATA = "n"


def count(state: State, status: Status, policy: Policy, now: int) -> State:
    """Count one more result, up to where it can still matter: a steady subject's state stays the same."""
    needed = policy.fail_after
    recent = (state.recent + status[0])[-longest(needed) :] if longest(needed) else ""
    if status is Status.OK:
        good = min(state.good + 1, policy.recover_after)
        return msgspec.structs.replace(
            state, bad=0, missing=0, good=good, bad_for=0.0, missing_for=0.0, counted_at=0, recent=recent
        )
    counted = msgspec.structs.replace(state, good=0, recent=recent, **_streaks(state, status, needed))
    return msgspec.structs.replace(counted, **_seconds(state, status, policy, now))


def _streaks(state: State, status: Status, needed: FailAfter) -> dict[str, int]:
    if status is Status.NODATA:
        return {"missing": min(state.missing + 1, needed.nodata.times)}
    return {"bad": min(state.bad + 1, max(needed.warning.times, needed.critical.times)), "missing": 0}


def _seconds(state: State, status: Status, policy: Policy, now: int) -> dict[str, float | int]:
    """Count the time between bad results; each step by no more than one result can speak for.

    So a clock that jumps makes nobody's problem older than it is, and after a restart counting goes on.
    """
    needed = policy.fail_after
    enough_bad = max(needed.warning.seconds, needed.critical.seconds)
    enough_missing = needed.nodata.seconds
    missing = status is Status.NODATA
    done, enough = (state.missing_for, enough_missing) if missing else (state.bad_for, enough_bad)
    reset = {} if missing else {"missing_for": 0.0}
    began = state.missing if missing else state.bad
    if not enough or (began and done >= enough):
        return {**reset}
    step = min(max(0.0, (now - state.counted_at) / 1000), policy.patience) if began else 0.0
    return {**reset, "missing_for" if missing else "bad_for": min(done + step, enough), "counted_at": now}


def passed(state: State, status: Status, policy: Policy, now: int) -> State:
    """Count the time that a last result of this status has been true for, and nothing else."""
    if status is Status.OK:
        return state
    return msgspec.structs.replace(state, **_seconds(state, status, policy, now))


def seconds_left(state: State, status: Status, policy: Policy) -> float:
    """Return in how many seconds a result of this status may be believed by time alone; 0: time changes nothing.

    No more than one look can count, so that a span beyond `patience` takes several.
    """
    needed = {
        Status.WARNING: (policy.fail_after.warning, state.bad_for),
        Status.CRITICAL: (policy.fail_after.critical, state.bad_for),
        Status.NODATA: (policy.fail_after.nodata, state.missing_for),
    }.get(status)
    return min(max(0.0, needed[0].seconds - needed[1]), policy.patience) if needed else 0.0


def decide(state: State, status: Status, policy: Policy) -> Status | None:
    """Return the status to believe, given the counts with the latest result in them."""
    needed = policy.fail_after
    enough = {
        Status.OK: lambda: state.decided is None or _recovered(state, policy),
        Status.WARNING: lambda: reached(needed.warning, state.bad, state.bad_for, state.recent, PROBLEM),
        Status.CRITICAL: lambda: reached(needed.critical, state.bad, state.bad_for, state.recent, PROBLEM),
        Status.NODATA: lambda: reached(needed.nodata, state.missing, state.missing_for, state.recent, NODATA),
    }
    return status if enough[status]() else state.decided


def reached(needed: Count, streak: int, seconds: float, recent: str, letters: str) -> bool:
    """Tell whether there are enough results of a kind, for long enough."""
    times = among(recent, needed.of, letters) if needed.of else streak
    return times >= needed.times and seconds >= needed.seconds


def among(recent: str, of: int, letters: str) -> int:
    return sum(letter in letters for letter in recent[-of:])


def _recovered(state: State, policy: Policy) -> bool:
    """Enough oks in a row, and no longer too many bad ones among the last: else `3 of 5` would recover at the first."""
    if state.good < policy.recover_after:
        return False
    needed = {
        Status.WARNING: (policy.fail_after.warning, PROBLEM),
        Status.CRITICAL: (policy.fail_after.critical, PROBLEM),
        Status.NODATA: (policy.fail_after.nodata, NODATA),
    }.get(state.decided or Status.OK)
    if needed is None or not needed[0].of:
        return True
    return among(state.recent, needed[0].of, needed[1]) < needed[0].times


def longest(needed: FailAfter) -> int:
    """Return how many past results anybody asks for."""
    return max(needed.warning.of, needed.critical.of, needed.nodata.of)
