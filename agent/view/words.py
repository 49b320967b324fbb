"""Pure: a subject's counters and reasons in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.engine.state.flapping import WINDOW, percent
from agent.engine.state.transition import is_recovering, true_now
from agent.model import Count, EventStatus, Policy, Reason, Silence, State, Status
from agent.plugin.text import one_line
from agent.plugin.units import clock_text, duration_text
from agent.view.snapshot import Mark, SubjectView

LONGEST_WORD = 500
"""Characters of what somebody wrote into a silence."""


def silence_text(silence: Silence, now: int) -> str:
    """Word a silence in one line, whatever its file says: others may have written it. `now` in Unix milliseconds."""
    remaining = duration_text(max(0, silence.until - now) / 1000)
    selector, name, reason = (one_line(word, LONGEST_WORD) for word in (silence.selector, silence.who, silence.reason))
    by = f"  by {name}" if name else ""
    return f"{selector}  for another {remaining}{by}" + (f"  ({reason})" if reason else "")


def why(state: State, reasons: Iterable[Reason]) -> str:
    """Say why the present status is told or not: the level rule in words."""
    truth, texts = true_now(state), [reason.text for reason in reasons]
    suffix = f" Nothing is told now: {'; '.join(texts)}." if texts else ""
    if truth is None:
        return "Nothing is decided yet, so there is nothing to tell." + suffix
    if state.notified is None and truth is EventStatus.OK:
        return "It was always ok, and a check that was always ok is not reported." + suffix
    if truth == (state.notified or EventStatus.OK):
        return f"What is true ({word(truth)}) is what was told last, so there is nothing to tell." + suffix
    if is_recovering(state):
        return f"It is {word(truth)} until enough oks have come, and is told only if it gets bad again before." + suffix
    if texts:
        return f"It is {word(truth)}, which is not told now: {'; '.join(texts)}."
    if state.suppressed_by:
        return f"It is {word(truth)}, which is told with the next result. Until now it was not: {state.suppressed_by}."
    return f"It is {word(truth)}, which is told with the next result."


def effect_of_ack(undo: bool) -> str:
    """Say what comes of an acknowledgement, or of taking it back."""
    return "may be repeated again" if undo else "not repeated until it changes"


def last_notification(state: State, now: int) -> str:
    """Say what was told last, when, and how often; `now` in Unix milliseconds."""
    if state.notified is None:
        return "Nothing was ever told of it."
    again = f", and told again {times(state.repeats)} since then" if state.repeats else ""
    by = state.acknowledged
    acknowledgement = f" Acknowledged by {by}; not repeated until it changes." if by else ""
    count = "event" if state.events == 1 else "events"
    last = f"Told last: {word(state.notified)}, {ago(state.notified_at, now)}{again}"
    return f"{last}; {state.events} {count} so far.{acknowledgement}"


def describe_counts(state: State, policy: Policy) -> Iterator[str]:
    """Say what has been counted, and what it takes to decide."""
    if state.bad or state.missing or state.good:
        yield f"Counted in a row: {state.bad} bad, {state.missing} nodata, {state.good} ok."
    if state.recent:
        yield f"The last results: {state.recent} (the newest at the end)."
    rules = [f"{status} after {_count(count)}" for status, count in _counts_to_decide(policy).items()]
    yield f"It takes: {', '.join(rules)}, ok after {policy.recover_after}."


def _counts_to_decide(policy: Policy) -> dict[Status, Count]:
    return {
        Status.WARNING: policy.fail_after.warning,
        Status.CRITICAL: policy.fail_after.critical,
        Status.NODATA: policy.fail_after.nodata,
    }


def _count(count: Count) -> str:
    of = f" of {count.of}" if count.of else ""
    return f"{count.times}{of}" + (f" and {duration_text(count.seconds)}" if count.seconds else "")


def policy_setting(policy: Policy, name: str) -> str:
    """Return what a setting about counting and telling came to; '' for a name that is none of those."""
    if name == "fail_after":
        counts = {str(status): _count(count) for status, count in _counts_to_decide(policy).items()}
        same = len(set(counts.values())) == 1
        return counts[Status.CRITICAL] if same else ", ".join(f"{status}: {text}" for status, text in counts.items())
    if name == "for":
        return duration_text(max(count.seconds for count in _counts_to_decide(policy).values()))
    if name == "recover_after":
        return str(policy.recover_after)
    if name == "repeat_every":
        return duration_text(policy.repeat_every)
    if name == "flapping":
        how = policy.flapping
        return f"{how.formula}, begins above {how.high:g}%, ends below {how.low:g}%" if how else "false"
    return ""


def flapping(state: State, policy: Policy) -> str:
    """Say how near it is to flapping; empty where it has not changed."""
    if not state.changes:
        return ""
    changes = f"{state.changes.bit_count()} of the last {WINDOW} results changed what is decided"
    if policy.flapping is None:
        return f"{changes}; flap detection is off."
    share = percent(state.changes, policy.flapping.formula)
    now = "it is flapping" if state.flapping else "not flapping"
    return f"{changes}: {share:.1f}%, {now} (begins above {policy.flapping.high:g}%, ends at {policy.flapping.low:g}%)."


def word(status: EventStatus) -> str:
    """Say a status as we call it: the API's `error` is our flapping."""
    return status.name.lower()


def times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def ago(at: int, now: int) -> str:
    """Say `2h 5m ago`; both in Unix milliseconds."""
    return f"{span(at, now)} ago"


def span(at: int, now: int) -> str:
    """Say how long it is from `at` to `now`, both in Unix milliseconds; whole seconds say enough."""
    return duration_text(max(1, (now - at) // 1000))


def clock(at: int) -> str:
    """Say date and time of a moment in Unix milliseconds."""
    return clock_text(at)


def marks(view: SubjectView) -> Iterator[str]:
    """Say in a few words each what a reader must know beside the status."""
    if view.reload:
        yield str(view.reload)
    for mark in view.marks:
        if mark is Mark.UNCONFIGURED and view.reload:
            continue  # its file was just removed, and the agent does not know
        if mark is Mark.UNDECIDED:
            yield f"{view.last_status}, not decided yet"
        elif mark is Mark.LATE:
            yield f"late by {duration_text(view.late)}"
        elif mark is Mark.ACKNOWLEDGED:
            yield f"acknowledged by {view.state.acknowledged}"
        elif mark is not Mark.NO_RESULT:
            yield str(mark)
    if view.suppressed_by and not view.reasons:
        yield f"not told: {view.suppressed_by}"
