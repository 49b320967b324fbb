"""Asks the file system, and waits only so long: a mount that hangs holds up nobody.

What hangs keeps its thread until it comes back. There are only so many of them, and what hangs is not asked anew.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from agent.config.files.content import Unreadable
from agent.config.files.probe import PROBES, Mounts

T = TypeVar("T")

FIRST, LEAST = 1.0, 0.2
"""Seconds of one load for all that hangs, and for each round of questions when they are used up."""
STALL = 0.05
"""Seconds after which a question that is not answered yet holds up no other one."""
MOST_THREADS, MOST_OF_ONE = 16, 3
"""So many at once, then nothing is asked any more that lies beside what hangs; and so many for one question."""
HANGS, AGAIN = 0.1, 60.0
"""Seconds after which a question that is under way is taken to hang, and is not asked by others as well;
and seconds after which it is asked anew all the same: another mount may be there now, and the old one never answers."""
SILENT = "cannot be read in time: does its disk or mount hang?"


class Threads:
    """The questions under way in this process, of all loads. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[object, tuple[str, float]] = {}
        """Each with its path, and since when (monotonic seconds)."""
        self._late_answers = 0

    @property
    def late_answers(self) -> int:
        """How many answers came when nobody waited for them any more."""
        return self._late_answers

    def begin(self, path: str) -> object | None:
        """Take note of a question; None where it hangs already, or hangs in all likelihood."""
        with self._lock:
            now = time.monotonic()
            ages = [now - since for one, since in self._under_way.values() if one == path]
            if len(ages) >= MOST_OF_ONE or any(HANGS <= age < AGAIN for age in ages):
                return None
            if len(self._under_way) >= MOST_THREADS and path.rpartition("/")[0] in self._hanging():
                return None
            mark = object()
            self._under_way[mark] = (path, now)
            return mark

    def end(self, mark: object, too_late: bool) -> None:
        with self._lock:
            del self._under_way[mark]
            self._late_answers += too_late

    def has_room(self) -> bool:
        """Tell whether one more thread may be begun."""
        return len(self._under_way) < MOST_THREADS

    def beside_what_hangs(self, path: str) -> bool:
        """Tell whether something in the same folder is not answered."""
        with self._lock:
            return path.rpartition("/")[0] in self._hanging()

    def _hanging(self) -> set[str]:
        late = time.monotonic() - STALL
        return {path.rpartition("/")[0] for path, since in self._under_way.values() if since < late}


THREADS = Threads()


def count_late_answers() -> int:
    """How much has come back that nobody waited for any more: when it grows, to read anew is worth it."""
    return THREADS.late_answers + PROBES.late_answers


class Patience:
    """What one load may wait for, all in all. One thread uses it."""

    def __init__(self, seconds: float = FIRST, threads: Threads = THREADS, mounts: Mounts | None = None) -> None:
        self._remaining = seconds
        self._threads = threads
        self._mounts = mounts or Mounts()
        self.silent: list[str] = []
        """What did not answer."""

    def one(self, path: str, ask: Callable[[], T]) -> T:
        """Return what `ask` finds; Unreadable where it does not answer, and whatever `ask` raises."""
        answer = self.all({path: ask})[path]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def all(self, questions: Mapping[str, Callable[[], T]]) -> dict[str, T | BaseException]:
        """Return by path what was found, or what was raised. Those that hang are waited for together."""
        began = time.monotonic()
        doubtful = [path for path in questions if self._mounts.may_hang(path)]
        silent = PROBES.silent(doubtful, self._remaining, AGAIN) if doubtful else set()
        batch = Round({path: ask for path, ask in questions.items() if path not in silent}, self._threads)
        batch.wait(max(LEAST, self._remaining - (time.monotonic() - began) if silent else self._remaining))
        answers = batch.close()
        if len(answers) == len(questions):
            return answers
        self._remaining = max(LEAST, self._remaining - (time.monotonic() - began))
        self.silent += [path for path in questions if path not in answers]
        return {path: answers[path] if path in answers else Unreadable(SILENT) for path in questions}


def answers(path: Path, seconds: float = FIRST) -> bool:
    """Tell, within seconds, whether a path answers; that it is not there is an answer, too."""
    try:
        Patience(seconds).one(str(path), lambda: os.statvfs(path))  # asks the server: no memory of it counts
    except Unreadable:
        return False
    except (OSError, ValueError):
        pass  # what it answers is for whoever opens it
    return True


class Round(Generic[T]):
    """Questions that are asked together: one thread does for all that are answered, one more for each that hangs."""

    def __init__(self, questions: Mapping[str, Callable[[], T]], threads: Threads) -> None:
        self._threads = threads
        # The lock is between the threads of this round and who waits for them.
        self._lock = threading.Lock()
        self._todo = deque(questions.items())
        self._open = len(questions)
        self._answers: dict[str, T | BaseException] = {}
        self._closed = False
        self._done = threading.Event()

    def wait(self, seconds: float) -> None:
        """Wait until each is answered, so long at the most from one answer to the next: many files take their time."""
        until, count = time.monotonic() + seconds, -1
        while self._open and not self._done.is_set() and (rest := until - time.monotonic()) > 0:
            if count == -1 or (count == len(self._answers) and self._todo and self._threads.has_room()):
                self._begin()
            if count not in (-1, len(self._answers)):
                until = time.monotonic() + seconds
            count = len(self._answers)
            self._done.wait(min(STALL, rest))

    def _begin(self) -> None:
        """Have one more thread ask, first what does not lie beside something that hangs."""
        with self._lock:
            self._todo = deque(sorted(self._todo, key=lambda question: self._threads.beside_what_hangs(question[0])))
        with suppress(RuntimeError):  # no thread is to be had just now
            threading.Thread(target=self._work, name="patience", daemon=True).start()

    def close(self) -> dict[str, T | BaseException]:
        """Return the answers; what comes later is dropped."""
        with self._lock:
            self._closed = True
            self._todo.clear()
            return self._answers

    def _work(self) -> None:
        while question := self._next():
            path, ask = question
            mark = self._threads.begin(path)
            answer = [_ask(ask)] if mark else []
            with self._lock:
                late = self._closed
                if answer and not late:
                    self._answers[path] = answer[0]
                self._open -= 1
                if not self._open:
                    self._done.set()
            if mark:
                self._threads.end(mark, late)

    def _next(self) -> tuple[str, Callable[[], T]] | None:
        with self._lock:
            return self._todo.popleft() if self._todo else None


def _ask(ask: Callable[[], T]) -> T | BaseException:
    try:
        return ask()
    except BaseException as error:  # noqa: BLE001 - handed to whoever waits, in its thread
        return error
