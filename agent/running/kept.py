"""What is kept of checks between their runs: what they remember, and who is run a second time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agent.model import Outcome, Result, Status
from agent.running.execute import GRACE_SECONDS, CheckOutput
from agent.running.memory_text import as_json
from agent.running.run import Phase, Run
from agent.running.runs import STILL_SECONDS

log = logging.getLogger("hostvigil.runner")

NOTHING = b"{}"


class Memories:
    """What each check remembers, as JSON. Safe to use from any thread."""

    def __init__(self, memories: Mapping[str, dict[str, Any]]) -> None:
        # The lock is between a run that ends and a reload that forgets its check, which marks the run before.
        self._lock = threading.Lock()
        self._written = {check: msgspec.json.encode(memory) for check, memory in memories.items()}
        self._inherited = set(self._written)
        """Whose memory is of an earlier life, perhaps of another version, and was not of use to any run yet."""

    def __len__(self) -> int:
        return len(self._written)

    def of(self, check: str) -> bytes:
        """Return it as `from_json` reads it."""
        return self._written.get(check, NOTHING)

    def keep(self, run: Run, before: bytes, seen: CheckOutput) -> CheckOutput:
        """Keep the check's memory where it changed; return what was seen with only a changed memory in it."""
        self._judge(run, seen)
        if not seen.complete or run.phase is Phase.ABANDONED:
            return _without_memory(seen)
        try:
            after, written = as_json(seen.memory)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            log.error("%s: ctx.memory holds what JSON cannot: %s", run.config.name, error)
            return CheckOutput((Result(Status.NODATA, f"a bug in this check: ctx.memory: {error}"),), complete=False)
        if after == before:
            return _without_memory(seen)
        with self._lock:
            if not run.removed:
                self._written[run.config.name] = after
        return seen if written is seen.memory else msgspec.structs.replace(seen, memory=written)

    def _judge(self, run: Run, seen: CheckOutput) -> None:
        """Have a check begin anew that ran into a bug with what it remembered from an earlier life of the agent."""
        check = run.config.name
        with self._lock:
            if check in self._inherited and seen.bug:
                run.spoiled = True
                self._written.pop(check, None)
                log.warning("%s: what it remembered is of no use and is forgotten: it begins anew", check)
            if seen.bug or seen.complete:
                self._inherited.discard(check)

    def forget(self, checks: Iterable[str]) -> None:
        with self._lock:
            for check in checks:
                self._written.pop(check, None)
                self._inherited.discard(check)


def _without_memory(seen: CheckOutput) -> CheckOutput:
    return seen if seen.memory is None else msgspec.structs.replace(seen, memory=None)


class SecondTries:
    """Who is run again at once: the agent stood still over its deadline, or its memory was of no use. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # as above
        self._tried: set[str] = set()

    def __len__(self) -> int:
        return len(self._tried)

    def wants(self, run: Run, outcome: Outcome) -> bool:
        """Tell whether the agent stood still over the run's deadline: then a problem it saw may be none.

        Not twice in a row, so that a host that is only slow is told of; nor what the check has noted as told already.
        """
        check = run.config.name
        if run.spoiled:
            return not run.removed
        if not _is_doubtful(run, outcome) or outcome.memory is not None:
            self._tried.discard(check)
            return False
        with self._lock:
            wanted = not run.removed and check not in self._tried
            (self._tried.add if wanted else self._tried.discard)(check)
            return wanted

    def forget(self, checks: Iterable[str]) -> None:
        with self._lock:
            self._tried.difference_update(checks)


def _is_doubtful(run: Run, outcome: Outcome) -> bool:
    late = run.context.started + outcome.duration - run.context.deadline - GRACE_SECONDS
    return late > STILL_SECONDS and any(result.status is not Status.OK for result in outcome.results)
