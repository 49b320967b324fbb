"""Which pushed results are overdue: the dead man's switch.

Spans are counted on the monotonic clock; over a restart of the agent the wall clock bridges the gap, for a backup that
is awaited once a day must be missed although the agent restarts every night.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from agent.config.settings import CheckConfig
from agent.engine.deadlines import DeadlineBook
from agent.engine.push_watch import PushWatch, last_moment, remember, restore
from agent.model import LONG_GONE_SECONDS, Outcome, Result, Status
from agent.plugin.units import duration_text

LATE_SECONDS = 1.0
"""A look that comes later than this says that the whole agent stood still, or was away."""
EXCUSE_SECONDS = 5.0
"""Then results may be on their way: in the socket, or in the spool. They get this long, counted from the last one."""
LONGEST_EXCUSE_SECONDS = 60.0
"""A spool to which results are added all the time must not excuse a job for ever."""

ASK_AGAIN_SECONDS = 3600.0
"""Between looks whether there are results of others by now, before a subject is given up."""
GIVE_UP = -1
"""In the place of a run: when a subject is given up, if there are results of others: jobs and hosts come and go."""

Key = tuple[str, str, int | None]
"""Check, subject, and the run whose end is awaited; None: any result is."""


class DeadMansSwitch:
    """Owned by the recorder's thread. What is awaited is forgotten with its check."""

    def __init__(self, is_running: Callable[[int], bool] | None = None) -> None:
        self._checks: dict[str, PushWatch] = {}
        self._book: DeadlineBook[Key] = DeadlineBook()
        self._excuses: set[Key] = set()
        self._reading = (0.0, 0.0)
        """Since when and until when results may still come out of the spool, monotonic seconds."""
        self._is_running = is_running or process_is_there

    @property
    def next_look(self) -> float:
        return max(self._book.next, self._reading[1])

    def update(
        self, checks: Iterable[CheckConfig], memories: Mapping[str, Mapping[str, Any]], now: float, wall: int
    ) -> None:
        """Await the results of these checks. `memories` are of the last start, `now` monotonic, `wall` milliseconds."""
        old, self._checks = self._checks, {}
        for check in checks:
            if settings := check.pushed:
                before = old.get(check.name)
                if before:
                    self._checks[check.name] = msgspec.structs.replace(before, settings=settings)
                else:
                    self._checks[check.name] = restore(settings, memories.get(check.name, {}), now, wall)
                if before is None or before.settings != settings:
                    self._await_all(check.name, now)
        self._book.keep(lambda key: key[0] in self._checks)
        self._excuses = {key for key in self._excuses if key[0] in self._checks}

    def _await_all(self, check: str, now: float) -> None:
        """Await all of a check, by its settings as they are now; what was missed is missed once, restarts or not."""
        watch = self._checks[check]
        self._book.keep(lambda key: key[0] != check)
        watch.missed = {
            subject: at for subject, at in watch.missed.items() if watch.last[subject] + watch.settings.ttl <= now
        }
        for subject, last in watch.last.items():
            if subject in watch.missed:
                self._await_miss(check, subject)
                self._await_end(check, subject, now)
            else:
                self._book.set((check, subject, None), last + watch.settings.ttl)
        limit = watch.settings.max_run
        watch.late = {run for run, began in watch.runs.items() if run in watch.late and limit and began + limit <= now}
        for (subject, run), began in watch.runs.items():
            if limit and (subject, run) not in watch.late:
                self._book.set((check, subject, run), began + limit)

    def _await_miss(self, check: str, subject: str) -> None:
        """Of a subject that was missed: await its next miss.

        One may not suffice to believe it; it says for how long by now; and what flapped before calms down.
        """
        watch = self._checks[check]
        self._book.set((check, subject, None), watch.missed[subject] + watch.settings.ttl)

    def _await_end(self, check: str, subject: str, now: float) -> None:
        """Of a subject that was missed: await when it is to be given up, or when that is to be asked again."""
        watch = self._checks[check]
        if subject in watch.at:
            end = watch.last[subject] + watch.settings.ttl + LONG_GONE_SECONDS
            times_asked = max(0.0, (now - end) // ASK_AGAIN_SECONDS + 1)
            self._book.set((check, subject, GIVE_UP), end + times_asked * ASK_AGAIN_SECONDS)

    def awaits(self, check: str) -> bool:
        return check in self._checks

    def last_true(self, check: str, subject: str, now: float, wall: int) -> int:
        """Return when the last result was so, Unix milliseconds; 0: there is none, or its `ttl` is over."""
        watch = self._checks.get(check)
        if watch is None or subject not in watch.at or now >= watch.last[subject] + watch.settings.ttl:
            return 0
        return last_moment(watch, subject, now, wall)

    def speaks_for_check(self, check: str, subjects: Iterable[str]) -> bool:
        """Tell whether results of these subjects end the wait for any: nothing was ever pushed of the whole."""
        return "" not in {*self._checks[check].at, *subjects}

    def late(self, check: str, subject: str, at: int, now: float, wall: int) -> bool:
        """Tell whether this or a newer result is known already; `at` and `wall` in Unix milliseconds."""
        watch = self._checks.get(check)
        return bool(watch and watch.at.get(subject) and at <= last_moment(watch, subject, now, wall))

    def reads_spool(self, now: float) -> None:
        """A result came out of the spool: more may follow, and nothing is overdue before they are known."""
        since, until = self._reading
        since = since if now <= until else now
        self._reading = since, min(now + EXCUSE_SECONDS, since + LONGEST_EXCUSE_SECONDS)

    def note_result(self, check: str, subject: str, at: int, now: float, wall: int, run: int = 0) -> None:
        """There is a result of the moment `at`, which ends `run`. One of a named subject ends the wait for any."""
        watch = self._checks.get(check)
        if watch is None:
            return
        if subject and "" not in watch.at:
            watch.last.pop("", None)
            watch.missed.pop("", None)
        watch.at[subject] = at
        watch.last[subject] = now - max(0, wall - at) / 1000
        watch.runs.pop((subject, run), None)
        watch.missed.pop(subject, None)
        for key in ((check, subject, None), (check, subject, run), (check, subject, GIVE_UP)):
            self._book.drop(key)
            self._excuses.discard(key)
        self._book.set((check, subject, None), watch.last[subject] + watch.settings.ttl)

    def note_start(self, check: str, subject: str, now: float, run: int = 0) -> None:
        """A run began at `now`; its result is awaited within `max_run`, unless that has come before this news."""
        watch = self._checks.get(check)
        if watch is None or not watch.settings.max_run:
            return
        is_over = subject in watch.at and now <= watch.last[subject] and not (run and self._is_running(run))
        if not is_over:
            watch.runs[subject, run] = now
            self._book.set((check, subject, run), now + watch.settings.max_run)

    def effective_result(self, check: str, result: Result, now: float) -> Result:
        """Return the result as it counts: no better than critical while another run goes on for too long."""
        seconds = self._too_long(check, result.subject, now)
        if not seconds or result.status is Status.CRITICAL:
            return result
        text = f"another run goes on after {duration_text(seconds)}; this one: {result.summary}"
        return msgspec.structs.replace(result, status=Status.CRITICAL, summary=text)

    def _too_long(self, check: str, subject: str, now: float) -> float:
        """Return for how many seconds a run goes on that has passed `max_run`; 0: none does."""
        watch = self._checks[check]
        limit = watch.settings.max_run
        late_runs = [key for key, at in watch.runs.items() if limit and key[0] == subject and at + limit <= now]
        dead_runs = [key for key in late_runs if not (key[1] and self._is_running(key[1]))]
        for key in dead_runs:
            del watch.runs[key]
        return max((now - watch.runs[key] for key in late_runs if key not in dead_runs), default=0.0)

    def memories(self, now: float, wall: int) -> dict[str, dict[str, Any]]:
        """Return what must be remembered of each check over a restart, in Unix milliseconds."""
        return {check: self.memory(check, now, wall) for check in self._checks}

    def memory(self, check: str, now: float, wall: int) -> dict[str, Any]:
        return remember(self._checks[check], now, wall)

    def overdue(self, now: float, wall: int) -> list[Outcome]:
        """Return an outcome for everything overdue, once in each span until there is a result."""
        if now < self._reading[1]:
            return []
        late = [key for key, due in self._book.take(now) if not self._excuse(key, due, now)]
        late.sort(key=lambda key: key[2] is None)  # a run that died is told before the miss that forgets it
        return [outcome for key in late if (outcome := self._judge(key, now, wall))]

    def _judge(self, key: Key, now: float, wall: int) -> Outcome | None:
        if key[2] != GIVE_UP:
            return self._outcome(key, now, wall)
        watch = self._checks[key[0]]
        if any(last + watch.settings.ttl > now for last in watch.last.values()):
            return self._give_up(key[0], key[1], wall)
        # As long as nobody pushes anything, nothing says that this subject alone is no more.
        self._await_end(key[0], key[1], now)
        return None

    def _excuse(self, key: Key, due: float, now: float) -> bool:
        """Put a deadline off, once, that passed while the agent stood still or was away."""
        if now <= due + LATE_SECONDS or key in self._excuses:
            self._excuses.discard(key)
            return False
        self._excuses.add(key)
        self._book.set(key, now + EXCUSE_SECONDS)
        return True

    def _give_up(self, check: str, subject: str, wall: int) -> Outcome:
        watch = self._checks[check]
        del watch.last[subject], watch.at[subject], watch.missed[subject]
        return Outcome(check, 0, wall, 0.0, (), complete=False, given_up=(subject,))

    def _outcome(self, key: Key, now: float, wall: int) -> Outcome | None:
        check, subject, run = key
        result = self._miss(check, subject, now) if run is None else self._late_run(check, subject, run, now)
        return Outcome(check, 0, wall, 0.0, (result,), complete=False) if result else None

    def _miss(self, check: str, subject: str, now: float) -> Result | None:
        """A span went by without a result of the subject. None: it is not awaited any more."""
        watch = self._checks[check]
        if subject not in watch.last:
            return None
        if subject not in watch.missed:
            self._await_end(check, subject, now)
        watch.missed[subject] = now
        self._await_miss(check, subject)
        if seconds := self._too_long(check, subject, now):
            return _still_running(subject, seconds)
        span = duration_text(now - watch.last[subject])
        return Result(Status.NODATA, f"no result for {span}, expected every {watch.settings.ttl}", subject)

    def _late_run(self, check: str, subject: str, run: int, now: float) -> Result | None:
        """A run has passed `max_run`. None: it died, and that was told with another run of the subject."""
        watch = self._checks[check]
        began = watch.runs.get((subject, run))
        if began is None:
            return None
        watch.late.add((subject, run))
        if seconds := self._too_long(check, subject, now):
            return _still_running(subject, seconds)
        if not run:  # nobody said which process it is
            return _still_running(subject, now - began)
        span = duration_text(now - began)
        return Result(Status.CRITICAL, f"its process is gone, and no result after {span}", subject)


def _still_running(subject: str, seconds: float) -> Result:
    return Result(Status.CRITICAL, f"still running after {duration_text(seconds)}", subject)


def process_is_there(pid: int) -> bool:
    """Tell whether a command under `wrap` still runs; one of the same number that is no `wrap` does not count."""
    try:
        os.kill(pid, 0)
        return b"wrap" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (ProcessLookupError, OverflowError):  # a number that no process can have
        return False
    except OSError:  # another user's, or no /proc: it is there, and more cannot be known
        return True
