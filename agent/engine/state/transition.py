"""Pure: believed states + what a run said + now -> new states, and what to report.

The level rule (Icinga, Nagios and Sensu report on edges and lose alerts under suppression): report if and only if
nothing suppresses and what is true now differs from what was last reported; plus repeats of problems that last.
Moments are Unix milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2s

import msgspec

from agent.engine.state.counting import count, count_time, decide, longest
from agent.engine.state.flapping import flaps
from agent.engine.state.hysteresis import apply_hysteresis
from agent.engine.state.subjects import complete_results, find_dropped, with_known
from agent.model import EventStatus, Outcome, Policy, Reason, Report, Result, State, Status

AT_ONCE = Policy(flapping=None)
LONGEST_REPEAT_SECONDS = 86_400.0
"""Repetitions become rarer; a problem that stands is told of each day all the same."""

Reasons = Callable[[str], tuple[Reason, ...]]
"""Tells for a subject why nothing may be reported of it now; empty: nothing suppresses."""


def nothing(subject: str) -> tuple[Reason, ...]:
    """Nothing suppresses."""
    return ()


class Transition(msgspec.Struct, frozen=True, gc=False):
    """What one result did to one subject."""

    before: State
    state: State
    result: Result
    at: int
    """When the result was observed, Unix milliseconds."""
    report: Report | None = None
    suppressed_by: tuple[Reason, ...] = ()
    """Why there is no report though there would be one."""
    last: bool = False
    """The subject is not asked for any more: what was open is closed, and it is forgotten."""

    @property
    def undecided(self) -> bool:
        """The latest result differs from what is believed: worth a retry sooner."""
        return self.result.status != self.state.decided


def advance(
    states: Mapping[str, State], outcome: Outcome, policy: Policy, now: int, reasons: Reasons = nothing
) -> list[Transition]:
    """Move every subject of a check by one outcome; `states` by subject, `now` in Unix milliseconds."""
    outcome = with_known(states, outcome)
    leaving = find_dropped(states, outcome, now)
    others = {subject: state for subject, state in states.items() if subject not in leaving}
    closed = [
        apply_result(states[subject], Result(Status.OK, words, subject), AT_ONCE, now)
        for subject, words in leaving.items()
    ]
    return [msgspec.structs.replace(step, last=True) for step in closed] + [
        _mark_discovered(
            _move(states.get(result.subject) or State(outcome.check, result.subject), result, policy, now, reasons)
        )
        for result in complete_results(others, outcome)
    ]


def _move(state: State, result: Result, policy: Policy, now: int, reasons: Reasons) -> Transition:
    if is_steady(state, result, policy):
        return Transition(state, state, result, now)
    return apply_result(state, result, policy, now, reasons(result.subject))


def is_steady(state: State, result: Result, policy: Policy) -> bool:
    """Tell at once of nearly all results that they change nothing: a subject that is well, and was so for long."""
    return (
        result.status is Status.OK
        and state.decided is Status.OK
        and state.notified in (None, EventStatus.OK)
        and not (state.bad or state.missing or state.good or state.bad_for or state.missing_for or state.counted_at)
        and not (state.recent or longest(policy.fail_after) or state.changes or state.flapping)
        and not (state.latched or any(metric.status for metric in result.metrics))
        and not (state.suppressed_by or state.suppressed_since)
    )


def _mark_discovered(step: Transition) -> Transition:
    """Note in the state whether its subject was named by somebody or found."""
    if step.state.discovered == step.result.discovered:
        return step
    return msgspec.structs.replace(step, state=msgspec.structs.replace(step.state, discovered=step.result.discovered))


def apply_result(
    state: State, result: Result, policy: Policy, now: int, reasons: tuple[Reason, ...] = ()
) -> Transition:
    """Move one subject by one result."""
    result, latched = apply_hysteresis(result, state.latched)
    tally = count(state, result.status, policy, now)
    decided = decide(tally, result.status, policy)
    new_state = msgspec.structs.replace(
        tally,
        decided=decided,
        decided_since=state.decided_since if decided == state.decided else now,
        latched=latched,
        **flaps(state, decided, policy.flapping),
    )
    return _settle(state, new_state, result, policy, now, reasons)


def judge_again(state: State, result: Result, policy: Policy, now: int, reasons: tuple[Reason, ...] = ()) -> Transition:
    """Judge a subject's last result once more, where there is no fresh one: time counts, results do not."""
    tally = count_time(state, result.status, policy, now)
    decided = decide(tally, result.status, policy)
    changed = decided is not state.decided
    new_state = msgspec.structs.replace(
        tally,
        decided=decided,
        decided_since=now if changed else state.decided_since,
        **(flaps(state, decided, policy.flapping) if changed or policy.flapping is None else {}),
    )
    return _settle(state, new_state, result, policy, now, reasons)


def _settle(
    state: State, new_state: State, result: Result, policy: Policy, now: int, reasons: tuple[Reason, ...]
) -> Transition:
    """Tell what is to be told of what is believed now, or hold it back."""
    report = due_report(new_state, state, policy, now)
    if report and reasons:
        texts, since = "; ".join(reason.text for reason in reasons), state.suppressed_since or now
        silent = msgspec.structs.replace(new_state, suppressed_by=texts, suppressed_since=since)
        return Transition(state, forget_counts(silent), result, now, suppressed_by=reasons)
    after = apply_report(new_state, report, now) if report else new_state
    free = msgspec.structs.replace(after, suppressed_by="", suppressed_since=0)
    return Transition(state, forget_counts(free), result, now, report)


def due_report(state: State, before: State, policy: Policy, now: int) -> Report | None:
    """Apply the level rule. A subject never told of counts as ok, so the first ok is nothing to report."""
    last = state.notified or EventStatus.OK
    truth = true_now(state)
    if truth is None:
        return None
    if truth == last:
        return due_repeat(state, policy, now)
    if is_recovering(state):
        return None
    sequence = state.events + 1
    opens = last is EventStatus.OK
    # A subject never told of was well, as far as anybody knows; what was believed and held back nobody knows.
    other = EventStatus.OK if before.decided is Status.OK else None
    return Report(
        status=truth,
        previous=state.notified or other,
        incident=incident_id(state, sequence, now) if opens else state.incident,
        sequence=sequence,
        since=state.notified_at or (before.decided_since if other else 0),
        incident_since=now if opens else state.incident_since,
    )


def is_recovering(state: State) -> bool:
    """Tell whether a problem is believed only until enough oks have come: what was held back of it came and went."""
    return bool(state.good) and state.decided is not Status.OK and not state.flapping


def true_now(state: State) -> EventStatus | None:
    """Return what the API should know of the subject; None before anything is believed."""
    if state.flapping:
        return EventStatus.FLAPPING
    return EventStatus(state.decided) if state.decided else None


def due_repeat(state: State, policy: Policy, now: int) -> Report | None:
    """Tell a problem that lasts once more: after the configured time, then after twice as long, up to a day."""
    due = repeat_due(state, policy)
    # Either way: a clock set back two hours does not put the next repetition off by two hours.
    if not due or not state.notified or abs(now - state.notified_at) < due - state.notified_at:
        return None
    return Report(
        status=state.notified,
        previous=state.notified,
        incident=state.incident,
        sequence=state.events + 1,
        since=state.notified_at,
        incident_since=state.incident_since,
        repeat=state.repeats + 1,
    )


def repeat_due(state: State, policy: Policy) -> float:
    """Return when a problem that lasts is told again, Unix milliseconds; 0: never."""
    if not policy.repeat_every or state.acknowledged or state.notified in (None, EventStatus.OK):
        return 0
    wait = min(policy.repeat_every * 2.0**state.repeats, max(policy.repeat_every, LONGEST_REPEAT_SECONDS))
    return state.notified_at + wait * 1000


def apply_report(state: State, report: Report, now: int) -> State:
    """Return the state after the report is on its way; both are written in one transaction."""
    over = report.status is EventStatus.OK
    return msgspec.structs.replace(
        state,
        notified=report.status,
        notified_at=now,
        repeats=report.repeat,
        acknowledged="",
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
    return blake2s(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()
