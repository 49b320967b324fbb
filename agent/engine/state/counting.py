"""Pure: results are counted until one is believed."""

from __future__ import annotations

import msgspec

from agent.model import Count, FailAfter, Policy, State, Status

PROBLEM = "wc"
NODATA = "n"


def count(state: State, status: Status, policy: Policy, now: int) -> State:
    """Count one more result, up to where it can still matter: a steady subject's state stays the same.

    `now` in Unix milliseconds.
    """
    limits = policy.fail_after
    recent = (state.recent + status[0])[-longest(limits) :] if longest(limits) else ""
    if status is Status.OK:
        good = min(state.good + 1, policy.recover_after)
        return msgspec.structs.replace(
            state, bad=0, missing=0, good=good, bad_for=0.0, missing_for=0.0, counted_at=0, recent=recent
        )
    tally = msgspec.structs.replace(state, good=0, recent=recent, **_streaks(state, status, limits))
    return msgspec.structs.replace(tally, **_seconds(state, _last(state, limits), status, policy, now))


def _streaks(state: State, status: Status, limits: FailAfter) -> dict[str, int]:
    if status is Status.NODATA:
        return {"missing": min(state.missing + 1, limits.nodata.times)}
    return {"bad": min(state.bad + 1, max(limits.warning.times, limits.critical.times)), "missing": 0}


def _last(state: State, limits: FailAfter) -> Status | None:
    """Return what the last result said, as far as time is counted for it; one that could not look ends no problem."""
    if state.missing and limits.nodata.seconds:
        return Status.NODATA
    return Status.CRITICAL if state.bad else None


def _seconds(state: State, last: Status | None, status: Status, policy: Policy, now: int) -> dict[str, float | int]:
    """Count the time since the last result for what that one said, however often it is looked at meanwhile.

    Each step counts no more than one result can speak for. So a clock that jumps makes nobody's problem older than it
    is, and after a restart counting goes on.
    """
    limits = policy.fail_after
    enough_bad = max(limits.warning.seconds, limits.critical.seconds)
    enough_missing = limits.nodata.seconds
    missing = status is Status.NODATA
    if missing and not enough_missing:
        return {}
    step = min(max(0.0, (now - state.counted_at) / 1000), policy.patience) if last else 0.0
    was_missing = last is Status.NODATA
    bad_for = min(enough_bad, state.bad_for + (0.0 if was_missing else step))
    missing_for = min(enough_missing, state.missing_for + (step if was_missing else 0.0)) if missing else 0.0
    so_far, enough = (missing_for, enough_missing) if missing else (bad_for, enough_bad)
    counted = {"bad_for": bad_for, "missing_for": missing_for}
    return counted if so_far >= enough else {**counted, "counted_at": now}


def count_time(state: State, status: Status, policy: Policy, now: int) -> State:
    """Count only the time that a last result of this status has been true for; `now` in Unix milliseconds."""
    if status is Status.OK:
        return state
    missing = state.missing if status is Status.NODATA else 0  # of a result that is true after all nothing is missing
    return msgspec.structs.replace(state, missing=missing, **_seconds(state, status, status, policy, now))


def seconds_left(state: State, status: Status, policy: Policy) -> float:
    """Return in how many seconds a result of this status may be believed by time alone; 0: time changes nothing.

    No more than one look can count, so that a span beyond `patience` takes several.
    """
    limit = {
        Status.WARNING: (policy.fail_after.warning, state.bad_for),
        Status.CRITICAL: (policy.fail_after.critical, state.bad_for),
        Status.NODATA: (policy.fail_after.nodata, state.missing_for),
    }.get(status)
    return min(max(0.0, limit[0].seconds - limit[1]), policy.patience) if limit else 0.0


def decide(state: State, status: Status, policy: Policy) -> Status | None:
    """Return the status to believe, given the counts with the latest result in them."""
    limits = policy.fail_after
    enough = {
        Status.OK: lambda: state.decided is None or _has_recovered(state, policy),
        Status.WARNING: lambda: is_enough(limits.warning, state.bad, state.bad_for, state.recent, PROBLEM),
        Status.CRITICAL: lambda: is_enough(limits.critical, state.bad, state.bad_for, state.recent, PROBLEM),
        Status.NODATA: lambda: is_enough(limits.nodata, state.missing, state.missing_for, state.recent, NODATA),
    }
    return status if enough[status]() else state.decided


def is_enough(limit: Count, streak: int, seconds: float, recent: str, letters: str) -> bool:
    """Tell whether there are enough results of a kind, for long enough."""
    times = among(recent, limit.of, letters) if limit.of else streak
    return times >= limit.times and seconds >= limit.seconds


def among(recent: str, of: int, letters: str) -> int:
    return sum(letter in letters for letter in recent[-of:])


def _has_recovered(state: State, policy: Policy) -> bool:
    """Enough oks in a row, and no longer too many bad ones among the last: else `3 of 5` would recover at the first."""
    if state.good < policy.recover_after:
        return False
    limit = {
        Status.WARNING: (policy.fail_after.warning, PROBLEM),
        Status.CRITICAL: (policy.fail_after.critical, PROBLEM),
        Status.NODATA: (policy.fail_after.nodata, NODATA),
    }.get(state.decided or Status.OK)
    if limit is None or not limit[0].of:
        return True
    return among(state.recent, limit[0].of, limit[1]) < limit[0].times


def longest(limits: FailAfter) -> int:
    """Return how many past results anybody asks for."""
    return max(limits.warning.of, limits.critical.of, limits.nodata.of)
