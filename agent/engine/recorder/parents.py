"""A problem waits for what its parents say: they are run at once, and it is told when they are well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.config.settings import CheckConfig, has_runs
from agent.engine.staleness import SLACK_SECONDS
from agent.engine.state.transition import Transition
from agent.engine.suppression.reasons import CLOCK_SET_BACK, DOWN
from agent.model import EventStatus, Outcome, Reason, ReasonKind, State, Status
from agent.store import LastRun

LONGEST_SECONDS = 300.0
"""However long a parent takes until it is decided: then its child's problem is told."""


class ParentRuns:
    """What is known of the runs of checks that others depend on. Owned by the recorder's thread."""

    def __init__(self, states: Mapping[str, Mapping[str, State]], last_runs: Iterable[LastRun]) -> None:
        self._starts: dict[str, int] = {}
        """When the latest run of each began, Unix milliseconds."""
        self._recoveries: dict[str, int] = {}
        """When each was first seen well after it was bad, decided or not; Unix milliseconds. From before this start
        only what was decided is known."""
        self._undecided: set[tuple[str, str]] = set()
        """Subjects that may be down soon: their bad results are counted still."""
        self._above: dict[str, list[CheckConfig]] = {}
        """Of each check its parents, and theirs."""
        self._names: set[str] = set()
        for one in (one for subjects in states.values() for one in subjects.values()):
            if one.decided not in DOWN and (one.events or one.changes):
                self._recoveries[one.check] = max(one.decided_since, self._recoveries.get(one.check, 0))
        for run in last_runs:
            self._starts[run.check] = run.at - round(run.duration * 1000)
            state = states.get(run.check, {}).get(run.subject)
            if state and is_counting(run.result.status, state.decided):
                self._undecided.add((run.check, run.subject))

    def configure(self, checks: Mapping[str, CheckConfig]) -> None:
        self._above = {name: above(name, checks) for name, check in checks.items() if check.depends_on.checks}
        self._names = {parent.name for parents in self._above.values() for parent in parents}
        self._starts = {name: at for name, at in self._starts.items() if name in self._names}
        self._recoveries = {name: at for name, at in self._recoveries.items() if name in self._names}
        self._undecided = {key for key in self._undecided if key[0] in self._names}

    def forget(self, check: str) -> None:
        self._starts.pop(check, None)
        self._recoveries.pop(check, None)
        self._undecided = {key for key in self._undecided if key[0] != check}

    def is_one(self, check: str) -> bool:
        return check in self._names

    def note_run(self, outcome: Outcome) -> None:
        """Note when a run began; what the agent itself says of a check (no type) is no run."""
        if outcome.type and outcome.check in self._names:
            self._starts[outcome.check] = outcome.started_at

    def note_step(self, step: Transition) -> None:
        """Note whether a subject may be down soon, or is well again."""
        key = (step.state.check, step.state.subject)
        if key[0] not in self._names:
            return
        was_bad = step.before.decided in DOWN or key in self._undecided
        may_be_down = is_counting(step.result.status, step.state.decided) and not step.last
        if may_be_down:
            self._undecided.add(key)
        else:
            self._undecided.discard(key)
        if was_bad and not may_be_down and step.state.decided not in DOWN:
            self._recoveries[key[0]] = step.at

    def pending_parents(self, check: str, since: int) -> list[CheckConfig]:
        """Return the parents, and theirs, that have not said since then what is so: no run, or not decided yet.

        `since` in Unix milliseconds.
        """
        counting = {name for name, _ in self._undecided}
        parents = [one for one in self._above.get(check, ()) if has_runs(one)]
        return [one for one in parents if self.is_stale(one.name, since) or one.name in counting]

    def is_stale(self, parent: str, since: int) -> bool:
        """Tell whether the latest run of a parent began too early to say how it was at `since`, Unix milliseconds."""
        return self._starts.get(parent, 0) < self._newest_run_needed(parent, since)

    def _newest_run_needed(self, parent: str, since: int) -> int:
        """Return when a parent must have run: what was seen while its own parents were down says nothing."""
        names = [one.name for one in self._above.get(parent, ())]
        return max([since, *(self._recoveries[name] for name in names if name in self._recoveries)])

    def waits(self, check: str, state: State | None, started_at: int, now: int) -> tuple[Reason, ...]:
        """Return what a new problem waits for; its run began at `started_at`. A recovery waits for nobody.

        Times are Unix milliseconds.
        """
        if state is not None and state.notified not in (None, EventStatus.OK):
            return ()
        since = (state.suppressed_since if state else 0) or started_at
        if reasons := self._recent_recoveries(check, since, started_at, now):
            return reasons
        parents = self.pending_parents(check, since)
        if not parents:
            return ()
        asked_at = max(self._newest_run_needed(one.name, since) for one in parents)
        until = asked_at + round(1000 * min(LONGEST_SECONDS, max(map(patience, parents))))
        # A clock set back would have it wait for hours.
        if not asked_at <= now < until:
            return ()
        names = ", ".join(one.name for one in parents)
        return (Reason(f"waits for {names}, which it depends on", until),)

    def _recent_recoveries(self, check: str, since: int, started_at: int, now: int) -> tuple[Reason, ...]:
        """Return whose end of a bad time the run does not know of; the longest wait is for one that is bad every now
        and then.
        """
        ends = {one.name: self._recoveries.get(one.name, 0) for one in self._above.get(check, ())}
        late = {name: at for name, at in ends.items() if started_at < at <= now + CLOCK_SET_BACK}
        if not late or not since <= now < since + LONGEST_SECONDS * 1000:
            return ()
        text = f"depends on {', '.join(late)}, which was bad until just now"
        return (Reason(text, max(late.values()), ReasonKind.PARENT),)

    def depends(self, check: str, parent: str) -> bool:
        return any(one.name == parent for one in self._above.get(check, ()))


def is_counting(result: Status, decided: Status | None) -> bool:
    """Tell whether a bad result is counted still: nothing bad is decided yet. Pure."""
    return result in DOWN and decided not in DOWN


def above(check: str, checks: Mapping[str, CheckConfig]) -> list[CheckConfig]:
    """Return the parents of a check, and theirs. Pure."""
    parents: dict[str, CheckConfig] = {}
    ahead = [check]
    while ahead:
        for name in checks[ahead.pop()].depends_on.checks:
            if name in checks and name not in parents and name != check:
                parents[name] = checks[name]
                ahead.append(name)
    return list(parents.values())


def patience(parent: CheckConfig) -> float:
    """Return how long a parent may take from being asked to being decided, in seconds. Pure."""
    counts = (parent.policy.fail_after.critical, parent.policy.fail_after.nodata)
    runs = max(count.times for count in counts) - 1
    between = parent.retry_interval or parent.interval
    return parent.timeout + SLACK_SECONDS + runs * between + max(count.seconds for count in counts)
