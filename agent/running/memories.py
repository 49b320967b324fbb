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
        self._texts = {check: msgspec.json.encode(memory) for check, memory in memories.items()}
        self._inherited = set(self._texts)
        """Whose memory is of an earlier life, perhaps of another version, and was not of use to any run yet."""

    def __len__(self) -> int:
        return len(self._texts)

    def of(self, check: str) -> bytes:
        """Return it as `from_json` reads it."""
        return self._texts.get(check, NOTHING)

    def keep(self, run: Run, before: bytes, output: CheckOutput) -> CheckOutput:
        """Keep the check's memory where it changed; return what was seen with only a changed memory in it."""
        self._judge(run, output)
        if not output.complete or run.phase is Phase.ABANDONED:
            return _without_memory(output)
        try:
            after, memory = as_json(output.memory)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            log.error("%s: ctx.memory holds what JSON cannot: %s", run.config.name, error)
            return CheckOutput((Result(Status.NODATA, f"a bug in this check: ctx.memory: {error}"),), complete=False)
        if after == before:
            return _without_memory(output)
        with self._lock:
            if not run.removed:
                self._texts[run.config.name] = after
        return output if memory is output.memory else msgspec.structs.replace(output, memory=memory)

    def _judge(self, run: Run, output: CheckOutput) -> None:
        """Have a check begin anew that ran into a bug with what it remembered from an earlier life of the agent."""
        check = run.config.name
        with self._lock:
            if check in self._inherited and output.bug:
                run.spoiled = True
                self._texts.pop(check, None)
                log.warning("%s: what it remembered is of no use and is forgotten: it begins anew", check)
            if output.bug or output.complete:
                self._inherited.discard(check)

    def forget(self, checks: Iterable[str]) -> None:
        with self._lock:
            for check in checks:
                self._texts.pop(check, None)
                self._inherited.discard(check)


def _without_memory(output: CheckOutput) -> CheckOutput:
    return output if output.memory is None else msgspec.structs.replace(output, memory=None)


class SecondTries:
    """Who is run again at once: the agent stood still over its deadline, or its memory was of no use. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # as above
        self._tries: set[str] = set()

    def __len__(self) -> int:
        return len(self._tries)

    def wants(self, run: Run, outcome: Outcome) -> bool:
        """Tell whether the agent stood still over the run's deadline: then a problem it saw may be none.

        Not twice in a row, so that a host that is only slow is told of; nor what the check has noted as told already.
        """
        check = run.config.name
        if run.spoiled:
            return not run.removed
        if not _is_doubtful(run, outcome) or outcome.memory is not None:
            self._tries.discard(check)
            return False
        with self._lock:
            again = not run.removed and check not in self._tries
            if again:
                self._tries.add(check)
            else:
                self._tries.discard(check)
            return again

    def forget(self, checks: Iterable[str]) -> None:
        with self._lock:
            self._tries.difference_update(checks)


def _is_doubtful(run: Run, outcome: Outcome) -> bool:
    late = run.context.started + outcome.duration - run.context.deadline - GRACE_SECONDS
    return late > STILL_SECONDS and any(result.status is not Status.OK for result in outcome.results)
