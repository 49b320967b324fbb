"""Where pushed results come in: who may push what, and when the sender may go."""

from __future__ import annotations

import errno
import logging
import stat
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from agent.api import PushedCheck
from agent.config.settings import Config
from agent.config.words.names import nearest
from agent.model import LONG_GONE_SECONDS, Outcome, Result, RunStarted, State, Status
from agent.plugin.clock import wall_clock
from agent.plugin.results import SUBJECTS_LIMIT, presentable_name
from agent.plugin.text import one_line
from agent.push.senders import NAMELESS, Names, Sender, refusal

if TYPE_CHECKING:
    from agent.push.listener import UnixListener
    from agent.push.message import Message

log = logging.getLogger("hostvigil.push")

OWN_CHECK = "hostvigil"
SUBJECT = "pushed results"
RECEIPT_SECONDS = 3.5
"""How long a sender waits until its result is written, before it leaves it in the spool."""


class PushServer:
    """Opened when the first check wants pushed results; what it needs is imported then.

    `serve`, `apply` and `stop` belong to the main thread, the rest to those of the senders.
    """

    def __init__(
        self,
        state_dir: Path,
        put: Callable[[Outcome | RunStarted | Callable[[], None]], None],
        hide: Callable[[str], str] = str,
        states: Iterable[State] = (),
        monotonic: Callable[[], float] = time.monotonic,
        names: Callable[[Callable[[], None]], Names] = Names,
    ) -> None:
        self._state_dir = state_dir
        self._put = put
        self._hide = hide
        self._monotonic = monotonic
        self._checks: dict[str, PushedCheck] = {}
        self._may_hold: Callable[[str], bool] = lambda name: False
        """Tells whether a check of this name may be in what cannot be read."""
        self._lock = threading.Lock()  # between senders, who may bring the same new subject
        self._subjects: dict[str, dict[str, float]] = {}
        """When each was pushed last, monotonic seconds."""
        for state in states:
            self._subjects.setdefault(state.check, {})[state.subject] = monotonic()
        self._inbox: UnixListener | None = None
        self._names = names(self._look_again)

    def serve(self, config: Config) -> None:
        """Take results for the checks of this configuration from now on."""
        self._checks = {name: one.pushed for name, one in config.checks.items() if one.enabled and one.pushed}
        with self._lock:
            self._subjects = {name: self._subjects.get(name, {}) for name in self._checks}
        self._may_hold = config.may_hold
        if self._inbox and not self._inbox.is_reachable():
            self.stop()
        self._look_again()
        if self._checks and not self._inbox:
            self._open()

    def apply(self, old: Config, new: Config) -> None:
        """Take over a configuration."""
        self.serve(new)

    def stop(self) -> None:
        if self._inbox:
            self._inbox.close()
            self._inbox = None

    def _look_again(self) -> None:
        if inbox := self._inbox:
            inbox.look_again()

    def _open(self) -> None:
        from agent.push.client import address
        from agent.push.listener import SPOOL, UnixListener

        spool = self._state_dir / SPOOL
        try:
            spool.mkdir(exist_ok=True)
            if not stat.S_ISDIR(spool.lstat().st_mode):
                raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(spool))
            # The directory above says whether the group comes so far; nobody takes another's result out again.
            spool.chmod(0o1770)
            self._inbox = UnixListener(address(self._state_dir), spool, self._take, self._tell)
        except OSError as error:
            log.error("no result can be pushed: %s", error)
            self._tell(f"no result can be pushed: {error.strerror or error}")
            return
        self._tell("")
        self._inbox.start()

    def _tell(self, trouble: str) -> None:
        """Say as the agent's own check whether results can be pushed."""
        result = Result(Status.WARNING if trouble else Status.OK, trouble or "results can be pushed", SUBJECT)
        # Not complete: the other parts of the agent are not gone because this speaks of one only.
        self._put(Outcome(OWN_CHECK, 0, wall_clock(), 0.0, (result,), complete=False))

    def _take(self, line: bytes, from_spool: bool, sender: Sender) -> str:
        """Take a message; return why it is not taken, '' once it is written."""
        from agent.push.listener import BUSY, LATER
        from agent.push.message import NotAMessage, outcome, parse

        try:
            message = parse(line)
        except NotAMessage as error:
            return one_line(str(error), 300)
        if message.check not in self._checks and self._may_hold(message.check):
            return LATER
        if reason := self._refusal(message, sender):
            return one_line(reason, 300)
        if message.kind == "started":
            subject = presentable_name(message.subject, self._hide)
            self._put(RunStarted(message.check, subject, message.run, message.at))
        else:
            who, now = self._names.call(sender), wall_clock()
            self._put(outcome(message, from_spool, now, self._hide, who))
        receipt = threading.Event()
        self._put(receipt.set)
        return "" if receipt.wait(RECEIPT_SECONDS) else BUSY

    def _refusal(self, message: Message, sender: Sender) -> str:
        check = self._checks.get(message.check)
        if check is None:
            close = nearest(message.check, self._checks)
            hint = f", did you mean '{close}'?" if close else "; if it is new: hostvigil reload"
            return f"no check of type pushed is called {message.check!r}{hint}"
        if reason := refusal(sender, check.senders, self._names):
            return reason if reason == NAMELESS else f"{message.check} {reason}"
        subject = presentable_name(message.subject, self._hide)
        with self._lock:
            subjects, now = self._subjects.setdefault(message.check, {}), self._monotonic()
            if subject not in subjects and len(subjects) >= SUBJECTS_LIMIT:
                subjects = {name: at for name, at in subjects.items() if at > now - check.ttl - LONG_GONE_SECONDS}
                self._subjects[message.check] = subjects
            if subject not in subjects and len(subjects) >= SUBJECTS_LIMIT:
                return f"{message.check} has {SUBJECTS_LIMIT} subjects already, {subject!r} is not taken as one more"
            subjects[subject] = now
        return ""
