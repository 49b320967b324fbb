"""Pure: what store, configuration and silences say at a moment -> the Snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from agent.config.at_work import AtWork, ReloadPreview, preview
from agent.config.settings import CheckConfig, Config
from agent.engine.self_check import OWN_NAME
from agent.engine.suppression.reasons import Suppression
from agent.engine.suppression.windows import Windows
from agent.model import Reason, ReasonKind, Silence, State, Status
from agent.store import Backlog, Holder, LastRun, Progress
from agent.view.snapshot import AgentView, CheckView, DestinationView, Mark, ReloadMark, Snapshot, SubjectView
from agent.view.words import why

LATE_SECONDS = 5.0
"""What a run may take beyond its time-out until its result is written."""
MARK_OF = {
    ReasonKind.SILENCE: Mark.SILENCED,
    ReasonKind.MAINTENANCE: Mark.MAINTENANCE,
    ReasonKind.PARENT: Mark.PARENT,
}


class StoreContents(msgspec.Struct, frozen=True):
    """What is stored, and who works on it."""

    states: tuple[State, ...] = ()
    runs: tuple[LastRun, ...] = ()
    backlog: Mapping[str, Backlog] = {}
    progress: Mapping[str, Progress] = {}
    silences: tuple[Silence, ...] = ()
    holder: Holder | None = None
    """The agent at work; None: none runs."""
    no_result_yet: tuple[str, ...] = ()
    """Checks that the agent knows and had no result of."""
    at_work: AtWork | None = None
    """What an agent took over last; None: unknown."""


def compose(contents: StoreContents, config: Config, now: int) -> Snapshot:
    """Return the Snapshot; `now` in Unix milliseconds."""
    agent = _agent(contents, config)
    return Snapshot(
        now,
        agent,
        dict(_checks(contents, config, reload_marks(agent.reload), now)),
        tuple(_destinations(contents)),
        tuple(one for one in contents.silences if one.until > now),
    )


def _agent(contents: StoreContents, config: Config) -> AgentView:
    holder, at_work = contents.holder, contents.at_work
    if not holder or not at_work or at_work.pid != holder.pid:
        at_work = None  # of an agent that has ended
    return AgentView(
        pid=holder.pid if holder else 0,
        since=holder.since if holder else 0,
        problems=tuple(map(str, config.problems)),
        disabled=tuple(name for name, check in config.checks.items() if not check.enabled),
        version=at_work.version if at_work else "",
        reload=preview(at_work, config) if at_work else ReloadPreview(),
    )


def reload_marks(reload: ReloadPreview) -> dict[str, ReloadMark]:
    """Return by check what a reload would make of it."""
    return {
        **dict.fromkeys(reload.added, ReloadMark.ADDED),
        **dict.fromkeys(reload.changed, ReloadMark.CHANGED),
        **dict.fromkeys(reload.removed, ReloadMark.REMOVED),
    }


def _destinations(contents: StoreContents) -> Iterator[DestinationView]:
    for name, backlog in contents.backlog.items():
        how = contents.progress.get(name, Progress())
        yield DestinationView(name, backlog.count, backlog.oldest, backlog.refused, how.delivered_at, how.trouble)


def _checks(
    contents: StoreContents, config: Config, reload: Mapping[str, ReloadMark], now: int
) -> Iterator[tuple[str, CheckView]]:
    """Yield what is configured, what is written wrong, and what is remembered of others."""
    states: dict[str, dict[str, State]] = {}
    for state in contents.states:
        states.setdefault(state.check, {})[state.subject] = state
    runs = {(run.check, run.subject): run for run in contents.runs}
    suppression = Suppression.at_work(config.agent, config.checks, contents.silences, Windows().ends, states)
    problems = _problems_by_check(config)
    for name in dict.fromkeys((*config.checks, *problems, *states, *contents.no_result_yet)):
        view = _View(
            check=config.checks.get(name),
            config=config,
            problems=problems.get(name, ()),
            suppression=suppression,
            running=contents.holder is not None,
            reload=reload.get(name),
            now=now,
        )
        subjects = tuple(view.subjects(name, states.get(name, {}), runs))
        yield name, CheckView(name, view.check, view.problems, subjects, view.reload)


def _problems_by_check(config: Config) -> dict[str, tuple[str, ...]]:
    problems: dict[str, tuple[str, ...]] = {}
    for problem in config.problems:
        if problem.check:
            problems[problem.check] = (*problems.get(problem.check, ()), str(problem))
    return problems


class _View(msgspec.Struct, frozen=True):
    """What makes the views of one check's subjects."""

    check: CheckConfig | None
    config: Config
    problems: tuple[str, ...]
    suppression: Suppression
    running: bool
    reload: ReloadMark | None
    now: int

    def subjects(
        self, name: str, states: Mapping[str, State], runs: Mapping[tuple[str, str], LastRun]
    ) -> Iterator[SubjectView]:
        """Yield one for each subject; a check that has none is one itself, unless it is switched off."""
        if not states and (self.check is None or self.check.enabled):
            states = {"": State(name)}
        for subject, state in states.items():
            yield self._subject(state, runs.get((name, subject)))

    def _subject(self, state: State, run: LastRun | None) -> SubjectView:
        reasons = self.suppression.reasons(self.check, state.subject, self.now, self.now) if self.check else ()
        late = self._late(run)
        return SubjectView(
            check=state.check,
            subject=state.subject,
            type=self.check.type if self.check else state.type,
            status=state.decided or Status.NODATA,
            since=state.decided_since,
            state=state,
            notified=state.notified,
            notified_at=state.notified_at,
            suppressed_by=state.suppressed_by,
            reasons=reasons,
            marks=tuple(self._marks(state, run, reasons, late)),
            why=why(state, reasons),
            summary=run.result.summary if run else self._instead(state),
            details=run.result.details if run else "",
            last_status=run.result.status if run else None,
            last_run=run.at if run else 0,
            next_run=run.next_at if run and self.running else 0,
            duration=run.duration if run else 0.0,
            late=late,
            metrics=run.result.metrics if run else (),
            tags={**self.config.agent.tags, **(self.check.tags if self.check else {})},
            reload=self.reload,
        )

    def _instead(self, state: State) -> str:
        """Say something where no result does."""
        if self.problems:
            return self.problems[0]
        return "no result yet" if state.decided is None else ""

    def _marks(self, state: State, run: LastRun | None, reasons: Iterable[Reason], late: float) -> Iterator[Mark]:
        if self.problems:
            yield Mark.WRONG
        if run is None and state.decided is None:
            yield Mark.NO_RESULT
        yield from dict.fromkeys(MARK_OF[reason.kind] for reason in reasons)
        if state.acknowledged:
            yield Mark.ACKNOWLEDGED
        if state.flapping:
            yield Mark.FLAPPING
        if run is not None and run.result.status is not state.decided:
            yield Mark.UNDECIDED
        if late:
            yield Mark.LATE
        if self.check is None and not self.problems and state.check != OWN_NAME and self.config.complete:
            yield Mark.UNCONFIGURED

    def _late(self, run: LastRun | None) -> float:
        """Return for how long the next run has been due, in seconds; 0 while it may still be under way."""
        check = self.check
        if not self.running or run is None or not run.next_at or check is None:
            return 0.0
        if not check.enabled or check.pushed:
            return 0.0
        overdue = (self.now - run.next_at) / 1000
        return overdue if overdue > check.timeout + LATE_SECONDS else 0.0
