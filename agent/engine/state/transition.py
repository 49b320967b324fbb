"""Pure: believed states + what a run said + now -> new states, and what to report.

The level rule (Icinga, Nagios and Sensu report on edges and lose alerts under suppression): report if and only if
nothing suppresses and what is true now differs from what was last reported; plus repeats of problems that last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2s

import msgspec

from agent.engine.state.counting import count, decide, passed
from agent.engine.state.flapping import flaps
from agent.engine.state.hysteresis import held_results
from agent.model import LONG_GONE_SECONDS, EventStatus, Outcome, Policy, Pushed, Reason, Report, Result, State, Status
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
AT_ONCE = Policy(flapping=None)
LONGEST_REPEAT_SECONDS = 86_400.0

Reasons = Callable[[str], tuple[Reason, ...]]
"""Tells for a subject why nothing may be reported of it now; empty: nothing suppresses."""


def nothing(subject: str) -> tuple[Reason, ...]:
    """Nothing suppresses."""
    return ()


class Transition(msgspec.Struct, frozen=True):
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
    dropped = (
        dict.fromkeys(unasked(states, outcome), UNASKED)
        | dict.fromkeys(gone(states, outcome), FORGOTTEN)
        | dict.fromkeys(long_gone(states, outcome, now), LONG_GONE)
        | dict.fromkeys(crowded_out(states, outcome), CROWDED_OUT)
    )
    asked = {subject: state for subject, state in states.items() if subject not in dropped} if dropped else states
    closed = [
        apply_result(states[subject], Result(Status.OK, words, subject), AT_ONCE, now)
        for subject, words in dropped.items()
    ]
    return [msgspec.structs.replace(step, last=True) for step in closed] + [
        _marked(
            apply_result(
                states.get(result.subject) or State(outcome.check, result.subject),
                result,
                policy,
                now,
                reasons(result.subject),
            )
        )
        for result in completed(asked, outcome)
    ]


def _marked(step: Transition) -> Transition:
    """Note in the state whether its subject was named by somebody or found."""
    if step.state.discovered == step.result.discovered:
        return step
    return msgspec.structs.replace(step, state=msgspec.structs.replace(step.state, discovered=step.result.discovered))


def with_known(states: Mapping[str, State], outcome: Outcome) -> Outcome:
    """Add to the results what was left out of subjects that are known: what was told of them can then end."""
    known = tuple(result for result in outcome.left_out if result.subject in states)
    return msgspec.structs.replace(outcome, results=outcome.results + known) if known else outcome


def gone(states: Mapping[str, State], outcome: Outcome) -> list[str]:
    """Return the subjects that the check had found by itself and that a good run did not find again.

    Nobody named them, so nobody misses them: what was told of them is closed, and they are forgotten.
    """
    if not outcome.complete:
        return []
    named = {result.subject for result in outcome.results}
    return [subject for subject, state in states.items() if state.discovered and subject not in named]


def long_gone(states: Mapping[str, State], outcome: Outcome, now: int) -> list[str]:
    """Return the subjects that good runs have not named for so long that nobody waits for them any more.

    No setting names them, for what a setting names the check speaks of in each run.
    """
    if not outcome.complete:
        return [subject for subject in outcome.given_up if subject in states]
    named = {result.subject for result in outcome.results}
    return [
        subject
        for subject, state in states.items()
        if subject
        and subject not in named
        and state.decided is Status.NODATA
        and now - state.decided_since >= LONG_GONE_SECONDS * 1000
    ]


def crowded_out(states: Mapping[str, State], outcome: Outcome, most: int = MOST_KNOWN) -> list[str]:
    """Return whom to forget so that a check has at most `most` subjects: who is not spoken of, the well ones first."""
    named = {result.subject for result in outcome.results}
    excess = len(states) + sum(subject not in states for subject in named) - most
    if excess <= 0:
        return []
    others = [state for subject, state in states.items() if subject and subject not in named]
    others.sort(key=lambda state: (state.notified not in (None, EventStatus.OK), state.decided_since))
    return [state.subject for state in others[:excess]]


def unasked(states: Mapping[str, State], outcome: Outcome) -> list[str]:
    """Return the subjects that were seen under other settings, and under today's are not: nobody asks for them now."""
    if not outcome.complete or not outcome.settings_checksum:
        return []
    named = {result.subject for result in outcome.results}
    return [
        subject
        for subject, state in states.items()
        if subject and subject not in named and state.settings_checksum not in (0, outcome.settings_checksum)
    ]


def completed(states: Mapping[str, State], outcome: Outcome) -> tuple[Result, ...]:
    """Return the outcome's results, and one for every known subject that the run should have named but did not."""
    if not outcome.complete:
        return outcome.results + _first_again(states, outcome)
    named = {result.subject for result in outcome.results}
    missing = [subject for subject in states if subject not in named]
    return outcome.results + tuple(
        Result(Status.NODATA, GONE, subject) if subject else Result(Status.OK, RUNS_AGAIN) for subject in missing
    )


def _first_again(states: Mapping[str, State], outcome: Outcome) -> tuple[Result, ...]:
    """A check that was waited for in vain, and now has results of its subjects, is well itself."""
    whole = states.get("")
    named = [result.subject for result in outcome.results]
    if outcome.pushed is Pushed.NOT or whole is None or whole.decided is not Status.NODATA or "" in named:
        return ()
    return (Result(Status.OK, RESULTS_COME),)


def apply_result(
    state: State, result: Result, policy: Policy, now: int, reasons: tuple[Reason, ...] = ()
) -> Transition:
    """Move one subject by one result."""
    result, latched = held_results(result, state.latched)
    counted = count(state, result.status, policy, now)
    decided = decide(counted, result.status, policy)
    believed = msgspec.structs.replace(
        counted,
        decided=decided,
        decided_since=state.decided_since if decided == state.decided else now,
        latched=latched,
        **flaps(state, decided, policy.flapping),
    )
    return _settled(state, believed, result, policy, now, reasons)


def judge_again(state: State, result: Result, policy: Policy, now: int, reasons: tuple[Reason, ...] = ()) -> Transition:
    """Judge a subject's last result once more, where there is no fresh one: time counts, results do not."""
    counted = passed(state, result.status, policy, now)
    decided = decide(counted, result.status, policy)
    changed = decided is not state.decided
    believed = msgspec.structs.replace(
        counted,
        decided=decided,
        decided_since=now if changed else state.decided_since,
        **(flaps(state, decided, policy.flapping) if changed or policy.flapping is None else {}),
    )
    return _settled(state, believed, result, policy, now, reasons)


def _settled(
    state: State, believed: State, result: Result, policy: Policy, now: int, reasons: tuple[Reason, ...]
) -> Transition:
    """Tell what is to be told of what is believed now, or hold it back."""
    report = due_report(believed, state, policy, now)
    if report and reasons:
        texts, since = "; ".join(reason.text for reason in reasons), state.suppressed_since or now
        held = msgspec.structs.replace(believed, suppressed_by=texts, suppressed_since=since)
        return Transition(state, forget_counts(held), result, now, suppressed_by=reasons)
    after = told(believed, report, now) if report else believed
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
    sequence = state.events + 1
    opens = last is EventStatus.OK
    # What was held back since it was believed was nothing else before, as far as anybody knows.
    decided = EventStatus(before.decided) if before.decided else None
    other = decided if decided is not truth else None
    return Report(
        status=truth,
        previous=state.notified or other,
        incident=incident_id(state, sequence, now) if opens else state.incident,
        sequence=sequence,
        since=state.notified_at or (before.decided_since if other else 0),
        incident_since=now if opens else state.incident_since,
    )


def true_now(state: State) -> EventStatus | None:
    """Return what the API should know of the subject; None before anything is believed."""
    if state.flapping:
        return EventStatus.FLAPPING
    return EventStatus(state.decided) if state.decided else None


def due_repeat(state: State, policy: Policy, now: int) -> Report | None:
    """Tell a problem that lasts once more: after the configured time, then after twice as long, up to a day."""
    if not policy.repeat_every or state.acknowledged or state.notified in (None, EventStatus.OK):
        return None
    # Either way: a clock set back two hours does not put the next repetition off by two hours.
    if abs(now - state.notified_at) < repeat_due(state, policy) - state.notified_at:
        return None
    return Report(
        status=EventStatus(state.notified),
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


def told(state: State, report: Report, now: int) -> State:
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
    return blake2s(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
